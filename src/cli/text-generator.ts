/** What `generate` and `chat` need of a model: types only. Whoever knows models implements them. */
import type { Session } from "../runner/session-types.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A text to continue, or a conversation to answer. */
export type GenerationInput = { readonly prompt: string } | { readonly messages: readonly ChatMessage[] };

export interface GenerationOptions {
  readonly maxNewTokens: number;
  /** 0: greedy. */
  readonly temperature: number;
  /** 0: all tokens. */
  readonly topK: number;
  /** 1: all tokens. */
  readonly topP: number;
  /** Divides positive and multiplies negative logits of tokens of the prompt and the text so far; 1: off. */
  readonly repetitionPenalty: number;
  readonly seed: number;
  /** Aborted: generation ends after the token at hand and returns what there is. */
  readonly signal: AbortSignal;
}

export interface Generation {
  readonly text: string;
  readonly tokens: number;
  readonly durationMs: number;
  readonly end: "stop-token" | "length" | "aborted";
}

export interface TextGenerator {
  /** One line for people: which model speaks, e.g. `dpo (1,245,312 parameters)`. */
  readonly description: string;
  /** `onText` gets whole characters, as they become certain. */
  generate(
    input: GenerationInput,
    options: GenerationOptions,
    onText: (piece: string) => void,
  ): Promise<Generation>;
  close(): PromiseLike<void>;
}

/** Where the commands get a generator from; given to `main`. */
export interface TextGenerators {
  /** Stages that have a model to speak to, the most finished first, e.g. dpo, sft, pretrain. */
  readonly stageIds: readonly string[];
  /**
   * Opens the model of `stageId`, or of the first of `stageIds` that has finished. Throws a PipelineError of
   * kind `user` where none has.
   */
  readonly open: (
    session: Session,
    stageId: string | undefined,
    place: GeneratorPlace,
  ) => Promise<TextGenerator>;
}

/** What a generator in a process of its own is started from. */
export interface GeneratorPlace {
  /** Holds the compiled entries of processes. */
  readonly compiledDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hears the lines that the process writes beside what it is asked for. */
  readonly onLine: (line: string) => void;
  /** Aborted while the model is opened: the process is killed, and opening fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
