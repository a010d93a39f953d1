/** `pipeline peek`: what a source holds, without downloading it. */
import { openNamedSource } from "../../data/peek/open-named-source.ts";
import { peekSource } from "../../data/peek/peek-source.ts";
import { columnsOf, note, print, printJson, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { peekText } from "../text/peek-text.ts";

export interface PeekCommandOptions {
  readonly limit: number;
  readonly file?: string;
  readonly json?: boolean;
}

export async function peekCommand(
  context: CliContext,
  name: string,
  { limit, file, json }: PeekCommandOptions,
): Promise<number> {
  let fetchedBytes = 0;
  const source = await openNamedSource(name, {
    environment: context.env,
    workingDirectory: context.workingDirectory,
    onNotice: (message) => note(context, message),
    onFetched: (bytes) => (fetchedBytes += bytes),
  });
  const peek = { ...(await peekSource(source, { limit, file })), fetchedBytes };
  if (json === true) printJson(context, peek);
  else print(context, peekText(peek, columnsOf(context.streams.stdout), context.paint));
  return exitCodes.ok;
}
