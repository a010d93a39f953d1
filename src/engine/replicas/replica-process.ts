/** The training process's end of one replica: starts it, asks it, and knows when it died. */
import { spawn, type ChildProcess } from "node:child_process";
import { PipelineError } from "../../errors.ts";
import type { DeviceShare } from "./device-shares.ts";
import type { Answer, ReplicaRequest, ReplicaResponse, Task } from "./replica-protocol.ts";

interface Asked {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class ReplicaProcess implements AsyncDisposable {
  readonly #device: number;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Asked>();
  /** Resolves when it is gone, or never came to be. */
  readonly #ended: Promise<void>;
  #failure: PipelineError | undefined;
  #requests = 0;

  /** `device`: its number, from 0. `onDeath`: told when it ends, whyever. */
  constructor(device: number, { env }: DeviceShare, onDeath: () => void) {
    this.#device = device;
    this.#child = spawn(process.execPath, ["--input-type=module"], {
      stdio: ["pipe", "inherit", "inherit", "ipc"],
      // Structured clone: constants and batches stay typed arrays.
      serialization: "advanced",
      env: { ...process.env, ...env },
    });
    this.#child.on("message", (response: ReplicaResponse) => this.#hear(response));
    this.#ended = new Promise((resolve) => {
      const end = (error: PipelineError) => {
        this.#fail(error);
        resolve();
        onDeath();
      };
      this.#child.once("exit", (exitCode, signal) => end(died(device, signal ?? `exit code ${exitCode}`)));
      this.#child.on("error", (cause) => {
        // Of a process that could not be started no exit is told.
        if (this.#child.pid === undefined) end(notStarted(device, cause));
        else this.#fail(died(device, cause.message, cause));
      });
    });
    // It may be dead already: its end is reported, not what could not be written.
    this.#child.stdin?.on("error", () => undefined);
    this.#child.stdin?.end(replicaCode());
  }

  /** Does the tasks in order. Throws what a task throws, named after the device, and `REPLICA_DIED`. */
  ask(tasks: readonly Task[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const id = this.#requests++;
      this.#asked.set(id, { resolve, reject });
      const request: ReplicaRequest = { id, tasks };
      // One that cannot be reached has died, or has no channel because it never started: both are reported by themselves.
      if (this.#child.connected) this.#child.send(request, () => undefined);
    });
  }

  /** Ends it at once, whatever it does: nothing that it holds outlives its use. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #hear(response: ReplicaResponse): void {
    const asked = this.#asked.get(response.id);
    this.#asked.delete(response.id);
    if ("answer" in response) asked?.resolve(response.answer);
    else {
      const { code, message, hint, kind, stack } = response.error;
      const cause = stack === undefined ? undefined : Object.assign(new Error(message), { stack });
      asked?.reject(
        new PipelineError({ code, message: `device ${this.#device}: ${message}`, hint, kind, cause }),
      );
    }
  }

  #fail(error: PipelineError): void {
    this.#failure ??= error;
    for (const { reject } of this.#asked.values()) reject(this.#failure);
    this.#asked.clear();
  }
}

const died = (device: number, how: string, cause?: unknown) =>
  new PipelineError({
    code: "REPLICA_DIED",
    message: `the process of device ${device} ended: ${how}`,
    hint:
      how === "SIGKILL"
        ? "Most often the system ran out of memory (see dmesg): lower microBatchSize, or set recompute; then run again: it goes on from the last checkpoint."
        : "Its last words are in the log above. Run again: it goes on from the last checkpoint.",
    cause,
  });

const notStarted = (device: number, cause: Error) =>
  new PipelineError({
    code: "REPLICA_DIED",
    message: `the process of device ${device} could not be started: ${cause.message}`,
    hint: "The system gives no more processes, files or memory (ulimit -a shows its limits), or Node was moved. Run again: it goes on from the last checkpoint.",
    cause,
  });

/** What the process reads from its standard input: where this was compiled, the compiled code of replica-worker.ts. */
function replicaCode(): string {
  const url = new URL("./replica-worker.ts", import.meta.url);
  return url.protocol === "data:"
    ? Buffer.from(url.href.slice(url.href.indexOf(",") + 1), "base64").toString("utf8")
    : `await import(${JSON.stringify(url.href)});`;
}
