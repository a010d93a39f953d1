/** bfloat16 is the upper half of a float32: the same exponent, 8 significant bits instead of 24. */

/** Each element rounded to the nearest bfloat16, ties to the even one, in place. Infinities and NaN stay what they are. */
export function roundToBfloat16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (const [index, word] of bits.entries()) {
    // Half of the last place that stays, a little less where that place is even; the carry may reach the exponent.
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
    bits[index] = (word & 0x7f800000) === 0x7f800000 ? word : rounded;
  }
}
