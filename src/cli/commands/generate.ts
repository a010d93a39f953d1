/** `pipeline generate TEXT`: the model continues a text; pieces appear as they are made. */
import { listenForInterrupts } from "../../runner/interrupts.ts";
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import type { GenerationOptions } from "../text-generator.ts";
import { withTextGenerator } from "../with-text-generator.ts";

export interface SamplingOptions extends RecipeOptions {
  readonly stage?: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly seed: number;
}

export interface GenerateOptions extends SamplingOptions {
  readonly json?: boolean;
}

export function generationOptions(options: SamplingOptions, signal: AbortSignal): GenerationOptions {
  const { maxTokens, temperature, topK, topP, repetitionPenalty, seed } = options;
  return { maxNewTokens: maxTokens, temperature, topK, topP, repetitionPenalty, seed, signal };
}

export async function generateCommand(
  context: CliContext,
  prompt: string,
  options: GenerateOptions,
): Promise<number> {
  const interrupts = listenForInterrupts();
  try {
    return await withTextGenerator(
      context,
      options,
      async (generator) => {
        const { stdout, stderr } = context.streams;
        if (options.json !== true) {
          if (stderr.isTTY === true) note(context, context.errorPaint("dim", generator.description));
          stdout.write(context.paint("dim", prompt));
        }
        const generation = await generator.generate(
          { prompt },
          generationOptions(options, interrupts.signal),
          (piece) => options.json !== true && stdout.write(piece),
        );
        if (options.json === true)
          printJson(context, { model: generator.description, prompt, ...generation });
        else print(context, "");
        return generation.end === "aborted" ? exitCodes.interrupted : exitCodes.ok;
      },
      interrupts.signal,
    );
  } catch (error) {
    // Before the model was there.
    if (interrupts.signal.aborted && error === interrupts.signal.reason) return exitCodes.interrupted;
    throw error;
  } finally {
    interrupts.dispose();
  }
}
