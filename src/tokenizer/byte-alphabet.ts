/**
 * GPT-2's printable stand-ins for the 256 bytes: tokenizer.json writes a token as one such character a byte.
 * (Radford et al., "Language models are unsupervised multitask learners", 2019; bytes_to_unicode in its encoder.)
 */

/** Byte → its character: printable Latin-1 stands for itself, the rest follows from U+0100 on. */
export const byteCharacters: readonly string[] = createAlphabet();

const charactersToBytes: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

function createAlphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    return String.fromCodePoint(printable ? byte : next++);
  });
}

/** Whether a byte occurs in UTF-8 at all (RFC 3629, section 1): 13 do not, and some published vocabularies lack them. */
export const isUtf8Byte = (byte: number): boolean => byte < 0xc0 || (byte > 0xc1 && byte < 0xf5);

/** A token's bytes, or undefined where a character stands for no byte. */
export function tokenBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = charactersToBytes.get(token.charAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
