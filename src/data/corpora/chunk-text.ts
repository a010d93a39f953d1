/** Cuts long running text into pieces of readable size at paragraph or sentence ends; joins short pieces up to one. */

const SENTENCE_END = /(?<=[.!?]["”’')]*)\s+|(?<=[。！？][”」』]*)/u;

/** Pieces of at most `maxCharacters`, but for a sentence that is longer by itself. */
export function chunkText(text: string, maxCharacters: number): string[] {
  const units: { text: string; before: string }[] = [];
  for (const paragraph of text.split(/\n\s*\n/u)) {
    let before = "\n\n";
    for (const sentence of paragraph.length > maxCharacters ? paragraph.split(SENTENCE_END) : [paragraph]) {
      if (sentence.trim() === "") continue;
      units.push({ text: sentence.trim(), before });
      before = /[。！？][”」』]*$/u.test(sentence) ? "" : " ";
    }
  }
  const chunks: string[] = [];
  let chunk = "";
  for (const unit of units) {
    if (chunk !== "" && chunk.length + unit.before.length + unit.text.length > maxCharacters) {
      chunks.push(chunk);
      chunk = "";
    }
    chunk += chunk === "" ? unit.text : unit.before + unit.text;
  }
  if (chunk !== "") chunks.push(chunk);
  return chunks;
}

/** Joins consecutive lines into texts of about `targetCharacters`. */
export function* joinLines(
  lines: Iterable<string>,
  targetCharacters: number,
  separator = "\n",
): Generator<string> {
  let text = "";
  for (const line of lines) {
    text += text === "" ? line : separator + line;
    if (text.length < targetCharacters) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}
