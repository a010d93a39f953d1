/** `pipeline chat`: a conversation in the terminal, or one line a turn from a pipe. */
import { createInterface, type Interface } from "node:readline/promises";
import { note, print, printJson, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import type { ChatMessage, TextGenerator } from "../text-generator.ts";
import { withTextGenerator } from "../with-text-generator.ts";
import { generationOptions, type SamplingOptions } from "./generate.ts";

export interface ChatOptions extends SamplingOptions {
  readonly system?: string;
  readonly json?: boolean;
}

const help = "/new starts over, /exit ends; Ctrl-C stops an answer";

export async function chatCommand(context: CliContext, options: ChatOptions): Promise<number> {
  return withTextGenerator(context, options, async (generator) => {
    const { stdin, stdout } = context.streams;
    const interactive = stdin.isTTY === true && options.json !== true;
    const lines = createInterface({ input: stdin, ...(interactive ? { output: stdout } : {}), prompt: "> " });
    if (interactive) note(context, context.errorPaint("dim", `${generator.description}\n${help}`));
    try {
      await converse(context, options, generator, lines, interactive);
    } finally {
      lines.close();
    }
    return exitCodes.ok;
  });
}

async function converse(
  context: CliContext,
  options: ChatOptions,
  generator: TextGenerator,
  lines: Interface,
  interactive: boolean,
): Promise<void> {
  const opening: readonly ChatMessage[] =
    options.system === undefined ? [] : [{ role: "system", content: options.system }];
  let messages = opening;
  let answering: AbortController | undefined;
  // Ctrl-C stops the answer; where nobody is answering, it ends the conversation.
  lines.on("SIGINT", () => (answering === undefined ? lines.close() : answering.abort()));
  if (interactive) lines.prompt();
  for await (const line of lines) {
    const said = line.trim();
    if (said === "/exit") return;
    if (said === "/new") {
      messages = opening;
      note(context, context.errorPaint("dim", "a new conversation"));
    } else if (said.startsWith("/")) note(context, context.errorPaint("dim", help));
    else if (said !== "") {
      messages = [...messages, { role: "user", content: said }];
      answering = new AbortController();
      const answer = await speak(context, options, generator, messages, answering.signal);
      answering = undefined;
      messages = [...messages, { role: "assistant", content: answer }];
    }
    if (interactive) lines.prompt();
  }
}

/** Every turn has a seed of its own, so that a repeated question may get another answer, reproducibly. */
async function speak(
  context: CliContext,
  options: ChatOptions,
  generator: TextGenerator,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): Promise<string> {
  const turn = messages.filter(({ role }) => role === "user").length;
  const { stdout } = context.streams;
  const generation = await generator.generate(
    { messages },
    generationOptions({ ...options, seed: options.seed + turn - 1 }, signal),
    (piece) => options.json !== true && stdout.write(context.paint("cyan", piece)),
  );
  if (options.json === true) printJson(context, { user: messages.at(-1)?.content, ...generation });
  else print(context, generation.end === "aborted" ? " …" : "");
  return generation.text;
}
