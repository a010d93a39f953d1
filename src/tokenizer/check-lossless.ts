/** Holds ids against the text that they were made of: what a token stands for adds up to every byte, so nothing is unknown. */
import { PipelineError } from "../errors.ts";
import type { Encoder } from "./encoder.ts";

/** UTF-8 bytes that ids[start, end) stand for; special tokens stand for none. */
export function bytesOfTokens(
  { tokenByteCounts }: Pick<Encoder, "tokenByteCounts">,
  ids: Uint32Array,
  start: number,
  end: number,
): number {
  let bytes = 0;
  for (let at = start; at < end; at++) bytes += tokenByteCounts[ids[at] as number] as number;
  return bytes;
}

/** UTF-8 bytes of a text as the encoder sees it: composed where the model says so, lone surrogates as U+FFFD. */
export const bytesOfText = ({ model }: Encoder, text: string): number =>
  Buffer.byteLength(model.composed ? text.normalize("NFC") : text);

/** Throws TOKENIZER_LOSSY where ids[start, end), encoded without special tokens, are not all of the text. */
export function checkLossless(
  encoder: Encoder,
  text: string,
  ids: Uint32Array,
  start: number,
  end: number,
): void {
  const [encoded, bytes] = [bytesOfTokens(encoder, ids, start, end), bytesOfText(encoder, text)];
  if (encoded === bytes) return;
  throw new PipelineError({
    code: "TOKENIZER_LOSSY",
    message: `The tokens of a text stand for ${encoded} of its ${bytes} bytes: ${JSON.stringify(text.slice(0, 80))}`,
    hint: "This is a defect of the tokenizer: report it with the text and tokenizer.json.",
  });
}
