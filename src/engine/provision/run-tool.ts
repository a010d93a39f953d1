/**
 * Runs a program of the machine (pip, g++, node) to its end and turns every way of failing into a sentence.
 */
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { execa, type Options } from "execa";
import { aborted, wayFailed, type InstallContext } from "./install-context.ts";

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Told each line of its error output as it comes. */
  readonly onErrorLine?: (line: string) => void;
}

/** Standard output of the tool. Throws `ENGINE_WAY_FAILED` with its last words, `ABORTED`. */
export async function runTool(
  { signal }: Pick<InstallContext, "signal">,
  file: string,
  args: readonly string[],
  { cwd, env, timeoutMs, onErrorLine }: ToolOptions,
): Promise<string> {
  const options: Options = {
    timeout: timeoutMs,
    reject: false,
    stdin: "ignore",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  };
  const running = execa(file, args, options);
  if (onErrorLine !== undefined && running.stderr !== null)
    createInterface({ input: running.stderr }).on("line", onErrorLine);
  const result = await running;
  if (result.isCanceled) throw aborted();
  if (result.failed) {
    const reason = result.timedOut
      ? `took longer than ${Math.round(timeoutMs / 1000)} s`
      : result.code === "ENOENT"
        ? "is not installed"
        : result.signal === undefined
          ? `failed with exit code ${result.exitCode ?? "?"}`
          : `died of ${result.signal}`;
    throw wayFailed([`${basename(file)} ${reason}`, ...lastWords(result.stderr)].join(": "), result);
  }
  return typeof result.stdout === "string" ? result.stdout : "";
}

/** What in an error output says most: why there is no network, else the last line that names an error. */
function lastWords(stderr: unknown): string[] {
  if (typeof stderr !== "string") return [];
  const network = /(getaddrinfo|Failed to establish|Name or service not known|timed out).*/.exec(stderr)?.[0];
  if (network !== undefined) return [network];
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const line = lines.findLast((candidate) => /error:/i.test(candidate)) ?? lines.at(-1);
  return line === undefined ? [] : [line];
}
