/** Asks a person before something goes that cannot be had back at once. */
import { createInterface } from "node:readline/promises";
import { userError } from "../errors.ts";
import type { CliContext } from "./cli-context.ts";

/** Only a person at a terminal can be asked; throws `CLEAN_UNCONFIRMED` elsewhere. */
export async function confirmed({ streams }: CliContext, ask: string, json: boolean): Promise<boolean> {
  if (json || streams.stdin.isTTY !== true || streams.stdout.isTTY !== true)
    throw userError(
      "CLEAN_UNCONFIRMED",
      "clean asks before it removes anything, and nobody can be asked here",
      "say that you are sure: --yes",
    );
  const question = createInterface({ input: streams.stdin, output: streams.stdout });
  try {
    return /^y(es)?$/i.test((await question.question(`${ask} [y/N] `)).trim());
  } finally {
    question.close();
  }
}
