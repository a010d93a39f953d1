/**
 * Whether all token ids are below a bound of at most 2^31. Every token that is read passes here, so no loop branches
 * for one: what is wrong sets a sign that is looked at once, at the end.
 */
export function allBelow(ids: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, bound: number): boolean {
  if (ids.BYTES_PER_ELEMENT === 4 || bound > 0x8000 || bound < 1 || ids.byteOffset % 4 > 0)
    return signs(ids, 0, bound) >= 0;
  const pairs = new Int32Array(ids.buffer, ids.byteOffset, ids.length >> 1);
  return signs(ids, 2 * pairs.length, bound) >= 0 && (signsOfPairs(pairs, bound) & 0x80008000) === 0;
}

/** Negative if one of the ids from `from` on is not below the bound. */
function signs(ids: Uint16Array | Uint32Array, from: number, bound: number): number {
  const last = bound - 1;
  // Below zero once an id is above the last, or above 2^31 so that the difference says nothing.
  let signs = 0;
  let at = from;
  for (; at + 4 <= ids.length; at += 4) {
    const [a, b] = [ids[at] as number, ids[at + 1] as number];
    const [c, d] = [ids[at + 2] as number, ids[at + 3] as number];
    signs |= (last - a) | a | (last - b) | b | (last - c) | c | (last - d) | d;
  }
  for (; at < ids.length; at++) signs |= (last - (ids[at] as number)) | (ids[at] as number);
  return signs;
}

/**
 * Two ids of 16 bits at a time, for bounds up to 2^15: the upper bit of a half is set by an id of 2^15 and more as it
 * stands, and by any other that is not below the bound once 2^15 - bound is added. Only the former carry into the
 * other half, and they are seen already.
 */
function signsOfPairs(pairs: Int32Array, bound: number): number {
  const add = (0x8000 - bound) * 0x10001;
  let signs = 0;
  let at = 0;
  for (; at + 4 <= pairs.length; at += 4) {
    const [a, b] = [pairs[at] as number, pairs[at + 1] as number];
    const [c, d] = [pairs[at + 2] as number, pairs[at + 3] as number];
    signs |= a | (a + add) | b | (b + add) | c | (c + add) | d | (d + add);
  }
  for (; at < pairs.length; at++) signs |= (pairs[at] as number) | ((pairs[at] as number) + add);
  return signs;
}
