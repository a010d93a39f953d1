/** A byte-level BPE model in memory: what training makes, tokenizer.json holds and the encoder runs. */

export interface SpecialToken {
  readonly id: number;
  readonly content: string;
}

export interface BpeModel {
  /** Token by id, written in GPT-2's byte alphabet; a special token as it is. */
  readonly tokens: readonly string[];
  /** In the order of their ranks: ids of the two parts and of what they become. */
  readonly merges: readonly (readonly [first: number, second: number, merged: number])[];
  readonly specialTokens: readonly SpecialToken[];
  /** Whether every digit is a token of its own. */
  readonly splitDigits: boolean;
}
