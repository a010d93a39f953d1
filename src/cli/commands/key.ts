/** `pipeline key`: whom others must trust to use what this user shares. */
import type { KeyReport } from "../../runner/exchange-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { withSession } from "../with-session.ts";

export async function keyCommand(
  context: CliContext,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const report = await withSession(context, recipe, (session) => session.exchange.key());
  if (json === true) printJson(context, report);
  else print(context, keyText(report, context));
  return exitCodes.ok;
}

function keyText({ publicKey, file, trustedKeys }: KeyReport, { paint }: CliContext): string {
  return [
    publicKey,
    paint("dim", `the private half is ${file}; who has that file can sign in your name`),
    "",
    trustedKeys.length === 0
      ? "settings.yaml trusts nobody else: trustedKeys is empty"
      : ["settings.yaml also trusts", ...trustedKeys.map((key) => `  ${key}`)].join("\n"),
  ].join("\n");
}
