/** A byte-level BPE model in memory: what training makes, tokenizer.json holds and the encoder runs. */
import type { SplitRule } from "./split-pattern.ts";

/** A token that is matched in text as a whole, before text is split into pieces. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
}

export interface BpeModel extends SplitRule {
  /** Token by id, written in GPT-2's byte alphabet; an added token as it is. */
  readonly tokens: readonly string[];
  /** In the order of their ranks: ids of the two parts and of what they become. */
  readonly merges: readonly (readonly [first: number, second: number, merged: number])[];
  /** Control tokens: no text means them unless the caller says so. */
  readonly specialTokens: readonly AddedToken[];
  /** Added tokens that are text, such as Qwen's `<think>`: found wherever they are written. */
  readonly textTokens: readonly AddedToken[];
  /** Whether text is brought into Unicode's composed form (NFC) before it is split. */
  readonly composed: boolean;
}
