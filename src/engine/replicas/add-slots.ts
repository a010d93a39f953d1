/** Adds up what several devices have written side by side, through buffers that stay in the processor's cache. */
import type { SharedFile } from "./shared-file.ts";

/** Of float32: two of them are half of a small second-level cache. */
const chunkElements = 1 << 15;
const sum = new Float32Array(chunkElements);
const part = new Float32Array(chunkElements);

/**
 * So many float32 elements at each of `positions` (bytes) are added in the order of the positions, each sum rounded to
 * float32; the result takes the place of the first.
 */
export function addSlots(file: SharedFile, positions: readonly number[], elements: number): void {
  const [first, ...others] = positions;
  if (first === undefined || others.length === 0) return;
  for (let start = 0; start < elements; start += chunkElements) {
    const length = Math.min(chunkElements, elements - start);
    const offset = start * Float32Array.BYTES_PER_ELEMENT;
    const sums = sum.subarray(0, length);
    const parts = part.subarray(0, length);
    file.read(first + offset, sums);
    for (const position of others) {
      file.read(position + offset, parts);
      addInto(sums, parts);
    }
    file.write(first + offset, sums);
  }
}

/** `Math.fround` lets the compiler add in float32; the rounded sum of doubles would be the same. */
function addInto(sums: Float32Array, parts: Float32Array): void {
  const { length } = sums;
  for (let index = 0; index < length; index++)
    sums[index] = Math.fround((sums[index] as number) + (parts[index] as number));
}
