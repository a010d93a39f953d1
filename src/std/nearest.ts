/** "Did you mean …?": the known word closest to a misspelt one, or none where none is close. */

/**
 * Insertions, deletions, replacements and swaps of neighbours between two words, no place edited twice: optimal
 * string alignment. Sources: Wagner and Fischer, JACM 21 (1974), algorithm X; Damerau, CACM 7 (1964), for the swap.
 */
function distance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let column = 0; column < to.length; column++) {
      const replaced = (row[column] ?? 0) + (from[index] === to[column] ? 0 : 1);
      const least = Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1);
      const isSwap =
        index > 0 && column > 0 && from[index] === to[column - 1] && from[index - 1] === to[column];
      next.push(isSwap ? Math.min(least, (before[column - 1] ?? 0) + 1) : least);
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Close: at most two fifths of the longer word differ, case aside. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const candidates = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(word.length, candidate.length) * 0.4)
    .sort((a, b) => a.edits - b.edits);
  return candidates[0]?.candidate;
}
