/** What the model wrote, as Markdown: prompt and continuation, word for word, with the settings that made it. */
import { fencedBlock } from "./markup.ts";

export interface Sample {
  /** Which model, e.g. `base`, `DPO`. */
  readonly checkpoint: string;
  /** BCP 47, e.g. `en`, `zh`. */
  readonly language: string;
  readonly prompt: string;
  /** What the model added, without the prompt. */
  readonly text: string;
  /** E.g. `{temperature: 0.8, topP: 0.95, seed: 1}`; empty for greedy decoding. */
  readonly settings: Readonly<Record<string, number>>;
}

export function samplesPage(title: string, samples: readonly Sample[]): string {
  return `# ${title}\n\nNothing is left out or chosen: these are the prompts of the recipe, in order.\n\n${samplesSection(samples, 2)}\n`;
}

/** The samples under headings of `level`, one heading for each model and language. */
export function samplesSection(samples: readonly Sample[], level: number): string {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const heading = `${sample.checkpoint}, ${languageName(sample.language)}`;
    groups.set(heading, [...(groups.get(heading) ?? []), sample]);
  }
  return [...groups]
    .map(([heading, group]) => [`${"#".repeat(level)} ${heading}`, ...group.map(sampleBlock)].join("\n\n"))
    .join("\n\n");
}

function sampleBlock({ prompt, text, settings }: Sample): string {
  const entries = Object.entries(settings);
  const how =
    entries.length === 0 ? "greedy" : entries.map(([name, value]) => `${name} ${String(value)}`).join(", ");
  return `Prompt:\n\n${fencedBlock(prompt)}\n\nModel (${how}):\n\n${fencedBlock(text)}`;
}

/** Made when it is first needed: loading the locale takes longer than planning a run. */
let languageNames: Intl.DisplayNames | undefined;

/** `zh` → `Chinese`. */
export function languageName(tag: string): string {
  languageNames ??= new Intl.DisplayNames("en", { type: "language" });
  return languageNames.of(tag) ?? tag;
}
