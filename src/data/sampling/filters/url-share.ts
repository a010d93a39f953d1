/** How much of a text is web addresses: lists of links, spam. */

const URL = /(?:https?:\/\/|www\.)[^\s<>"'，。、；）】》]+/giu;

/** Characters of addresses over all characters, in [0, 1]. */
export function urlShare(text: string): number {
  if (text.length === 0) return 0;
  let characters = 0;
  for (const [address] of text.matchAll(URL)) characters += address.length;
  return characters / text.length;
}
