/** Enough of a digest to tell artifacts apart and to ask for one. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
