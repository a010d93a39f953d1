/** What `generate` and `chat` and the process that runs their model say to each other. Types only. */
import type { SerializedError } from "../../errors.ts";
import type { Generation, GenerationInput, GenerationOptions } from "../text-generator.ts";

export interface SpeakerModel {
  /** A checkpoint's folder. */
  readonly directory: string;
  readonly endOfText: string;
  readonly systemPrompt: string;
}

/** One generation at a time. */
export type MessageToSpeaker =
  | { readonly type: "open"; readonly model: SpeakerModel }
  | {
      readonly type: "generate";
      readonly input: GenerationInput;
      readonly options: Omit<GenerationOptions, "signal">;
    }
  /** Ends the generation that runs, where one does. */
  | { readonly type: "abort" };

export interface OpenedModel {
  readonly parameters: number;
  /** E.g. `tensorflow 2.21.0`. */
  readonly engine: string;
}

export type MessageFromSpeaker =
  | { readonly type: "ready" }
  | ({ readonly type: "opened" } & OpenedModel)
  | { readonly type: "piece"; readonly text: string }
  | { readonly type: "generated"; readonly generation: Generation }
  /** Of what was asked last. */
  | { readonly type: "failed"; readonly error: SerializedError };
