/**
 * The unigram baseline: a model that knows how often each token occurs and nothing else. A language model of
 * the same tokenizer must beat it clearly, or it has learned no context.
 */

/**
 * Bits per byte of held-out text under add-one smoothed unigram probabilities of the training text.
 * @param trainCounts occurrences of each token in the training split, (V)
 * @param heldOutCounts occurrences in the held-out split, (V)
 * @param heldOutBytes UTF-8 bytes of the held-out text
 */
export function unigramBitsPerByte(
  trainCounts: Float64Array,
  heldOutCounts: Float64Array,
  heldOutBytes: number,
): number {
  const total = trainCounts.reduce((sum, count) => sum + count + 1, 0);
  const bits = heldOutCounts.reduce((sum, count, token) => {
    const probability = ((trainCounts[token] ?? 0) + 1) / total;
    return sum - count * Math.log2(probability);
  }, 0);
  return bits / heldOutBytes;
}
