/**
 * The process that runs the model of `generate` and `chat`: a process of its own, because threads and memory of the
 * native engine are set when a process starts, and because its calls block whoever makes them.
 *
 * usage: speaker-process.mjs WATCHDOG PID, the compiled watchdog and the process to end with
 */
import { Worker } from "node:worker_threads";
import { createRandom } from "../../data/random.ts";
import { serializeError } from "../../errors.ts";
import { openDecodingEngine } from "../../evaluate/decoding-engine.ts";
import { openLanguageModel, type LanguageModel } from "../../evaluate/language-model.ts";
import { createNextTokenModel, type NextTokenModel } from "../../evaluate/next-token-model.ts";
import { countParameters } from "../../model/llama-parameters.ts";
import type { WatchdogData } from "../../runner/watchdog.ts";
import type { MessageFromSpeaker, MessageToSpeaker, SpeakerModel } from "./speaker-protocol.ts";

type Generate = Extract<MessageToSpeaker, { readonly type: "generate" }>;

let opened: LanguageModel<NextTokenModel> | undefined;
let running: AbortController | undefined;

function send(message: MessageFromSpeaker): void {
  if (process.connected) process.send?.(message);
}

async function open({ directory, ...voice }: SpeakerModel): Promise<void> {
  const { engine, parts } = await openDecodingEngine();
  opened = await openLanguageModel(directory, voice, (files) =>
    createNextTokenModel(engine, files, { parts }),
  );
  const { kind, version } = engine.identity;
  send({
    type: "opened",
    parameters: countParameters(opened.model.config),
    engine: `${kind} ${version}`,
  });
}

async function generate({ input, options: { maxNewTokens, seed, ...sampling } }: Generate): Promise<void> {
  if (opened === undefined) throw new Error("no model was opened");
  running = new AbortController();
  const { signal } = running;
  const start = performance.now();
  const prompt = "prompt" in input ? { text: input.prompt } : input;
  const settings = { maxNewTokens, sampling, random: createRandom(seed), signal };
  const { text, tokens, end } = await opened.generate(prompt, settings, (piece) =>
    send({ type: "piece", text: piece }),
  );
  running = undefined;
  const durationMs = performance.now() - start;
  send({ type: "generated", generation: { text, tokens, end, durationMs } });
}

const failWith = (error: unknown): void => send({ type: "failed", error: serializeError(error) });

const [watchdog = "", parent] = process.argv.slice(2);
const workerData: WatchdogData = { runner: Number(parent) };
new Worker(watchdog, { workerData }).unref();
// The channel closes when the other side ends in any way; the watchdog sees to it where this loop is blocked.
process.on("disconnect", () => process.exit(0));
process.on("message", (message: MessageToSpeaker) => {
  if (message.type === "abort") running?.abort();
  else (message.type === "open" ? open(message.model) : generate(message)).catch(failWith);
});
send({ type: "ready" });
