/** `pipeline engine install | list | remove`. */
import { engineStatus, type EngineStatus } from "../../engine/provision/engine-status.ts";
import { installEngine, type FailedWay, type InstallResult } from "../../engine/provision/install-engine.ts";
import { removeEngine } from "../../engine/provision/remove-engine.ts";
import { listenForInterrupts } from "../../runner/interrupts.ts";
import { note, print, printJson, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";

/** Progress goes to standard error; the result to standard output. WebAssembly alone is no failure, but said. */
export async function engineInstallCommand(
  context: CliContext,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const interrupts = listenForInterrupts();
  try {
    let last = "";
    const result = await installEngine({
      signal: interrupts.signal,
      onProgress: ({ message }) => {
        if (message !== last) note(context, message);
        last = message;
      },
    });
    if (json === true) printJson(context, result);
    else print(context, installText(result, context));
    return exitCodes.ok;
  } catch (error) {
    if (interrupts.signal.aborted) {
      note(context, "stopped; what was downloaded is thrown away");
      return exitCodes.interrupted;
    }
    throw error;
  } finally {
    interrupts.dispose();
  }
}

function installText(result: InstallResult, { paint }: CliContext): string {
  const failed = result.failed.map((way) => failedText(way));
  if (result.kind === "tensorflow") {
    const how = result.how === "present" ? "was installed before" : `installed (${result.how})`;
    return [
      ...failed,
      `${paint("green", "✔")} native TensorFlow ${result.version} ${how}: ${result.path}`,
    ].join("\n");
  }
  return [
    ...failed,
    `${paint("yellow", "!")} native TensorFlow cannot be had here; WebAssembly will be used, at about a twentieth of the speed`,
  ].join("\n");
}

function failedText({ way, reason }: FailedWay): string {
  return `  ${way}: ${reason}`;
}

export async function engineListCommand(
  context: CliContext,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const status = await engineStatus();
  if (json === true) printJson(context, status);
  else print(context, statusLines(status).join("\n"));
  return exitCodes.ok;
}

function statusLines({ chosen, reasons, tensorflow }: EngineStatus): readonly string[] {
  const where =
    tensorflow.state === "absent"
      ? tensorflow.reason
      : `${tensorflow.state}: ${tensorflow.version} (${tensorflow.how}) in ${tensorflow.path}`;
  return [
    `in use      ${chosen.kind} ${chosen.version} on ${chosen.device}`,
    ...reasons.map((reason) => `            ${reason}`),
    `TensorFlow  ${where}`,
  ];
}

export async function engineRemoveCommand(
  context: CliContext,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const removed = await removeEngine();
  if (json === true) printJson(context, { removed });
  else if (removed.length === 0) print(context, "there was none to remove");
  else print(context, `removed ${removed.join(", ")}; npx pipeline engine install brings it back`);
  return exitCodes.ok;
}
