/** The 32-bit finalizer of MurmurHash3 (Appleby, 2011): every input bit changes every output bit half of the time. */
export function mixBits(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
