/** How much of a text is written in the script of its language: what tells a page in another language, or no prose at all. */
import { characterClasses, HAN, LATIN, LETTER } from "../../documents/character-classes.ts";
import type { Language } from "../../records.ts";

const SCRIPTS: Readonly<Record<Language, number>> = { en: LATIN, zh: HAN };

/** Letters of the language's script over all letters, in [0, 1]; 0 where there is no letter. */
export function languageShare(text: string, language: Language): number {
  const classes = characterClasses();
  const script = SCRIPTS[language];
  let letters = 0;
  let own = 0;
  for (let at = 0; at < text.length; at++) {
    const flags = classes[text.charCodeAt(at)] ?? 0;
    if (flags & LETTER) letters++;
    if (flags & script) own++;
  }
  return letters === 0 ? 0 : own / letters;
}
