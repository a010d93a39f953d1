/**
 * Starts the process that runs a model (speaker-process.ts) and talks with it. It is in a group of its own, so that
 * Ctrl-C in the terminal reaches the command only, which asks for an end; it dies with this process.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { PipelineError, type SerializedError } from "../../errors.ts";
import { ownGroup } from "../../runner/child-options.ts";
import { withMalloc } from "../../std/malloc.ts";
import { isEngineBanner } from "../engine-banner.ts";
import type { Generation, GeneratorPlace, TextGenerator } from "../text-generator.ts";
import type { MessageFromSpeaker, MessageToSpeaker, OpenedModel, SpeakerModel } from "./speaker-protocol.ts";

export interface Speaker extends OpenedModel {
  readonly pid: number;
  readonly generate: TextGenerator["generate"];
  readonly close: () => Promise<void>;
}

type Answer = Exclude<MessageFromSpeaker, { readonly type: "ready" | "piece" | "failed" }>;

/** Throws what the process throws, and `SPEAKER_DIED`. */
export async function openSpeaker(
  model: SpeakerModel,
  { compiledDirectory, env, onLine, signal: opening }: GeneratorPlace,
): Promise<Speaker> {
  const subprocess = execa(
    process.execPath,
    [
      "--enable-source-maps",
      join(compiledDirectory, "speaker-process.mjs"),
      join(compiledDirectory, "watchdog.mjs"),
      String(process.pid),
    ],
    { ...ownGroup, env: withMalloc("tensors", env) },
  );
  let waiting: { resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined;
  let onPiece: (text: string) => void = () => undefined;
  const post = (message: MessageToSpeaker): void => {
    // One that died meanwhile is reported by its end, not by the message that could not reach it.
    if (subprocess.connected) subprocess.send(message, () => undefined);
  };
  const ask = (message: MessageToSpeaker): Promise<Answer> =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      post(message);
    });
  const started = new Promise<void>((resolve) => {
    subprocess.on("message", (message) => {
      // Only speaker-process.ts talks on this channel.
      const said = message as unknown as MessageFromSpeaker;
      if (said.type === "ready") resolve();
      else if (said.type === "piece") onPiece(said.text);
      else if (said.type === "failed") waiting?.reject(asError(said.error));
      else waiting?.resolve(said);
    });
  });
  for (const stream of [subprocess.stdout, subprocess.stderr])
    createInterface({ input: stream, crlfDelay: Infinity }).on("line", (line) => {
      if (!isEngineBanner(line)) onLine(line);
    });
  const ended = subprocess.then(({ exitCode, signal, cause }) => {
    const how =
      signal === undefined ? `ended with exit code ${exitCode ?? "unknown"}` : `was killed by ${signal}`;
    waiting?.reject(died(how, cause));
    return died(how, cause);
  });

  const orItsEnd = <Result>(work: Promise<Result>): Promise<Result> =>
    Promise.race([work, ended.then((error) => Promise.reject(error))]);
  const close = async (): Promise<void> => {
    if (subprocess.connected) subprocess.disconnect();
    await ended;
  };
  const kill = (): boolean => subprocess.kill("SIGKILL");
  opening?.addEventListener("abort", kill);
  try {
    opening?.throwIfAborted();
    await orItsEnd(started);
    const answer = await orItsEnd(ask({ type: "open", model }));
    if (answer.type !== "opened") throw new Error(`asked to open, it answered ${answer.type}`);
    const { parameters, engine } = answer;
    return {
      pid: subprocess.pid ?? 0,
      parameters,
      engine,
      close,
      async generate(input, { signal, ...options }, onText): Promise<Generation> {
        onPiece = onText;
        const abort = (): void => post({ type: "abort" });
        const generated = orItsEnd(ask({ type: "generate", input, options }));
        signal.addEventListener("abort", abort);
        // It may have come before.
        if (signal.aborted) abort();
        try {
          const said = await generated;
          if (said.type !== "generated") throw new Error(`asked to generate, it answered ${said.type}`);
          return said.generation;
        } finally {
          signal.removeEventListener("abort", abort);
        }
      },
    };
  } catch (error) {
    kill();
    await ended;
    opening?.throwIfAborted();
    throw error;
  } finally {
    opening?.removeEventListener("abort", kill);
  }
}

const asError = ({ code, message, hint, kind }: SerializedError): PipelineError =>
  new PipelineError({ code, message, hint, kind });

const died = (how: string, cause: unknown): PipelineError =>
  new PipelineError({
    code: "SPEAKER_DIED",
    message: `the process that runs the model ${how}`,
    hint: "where the kernel killed it, memory was short: npx pipeline estimate",
    cause,
  });
