/** The program as a person starts it, through bin/pipeline.js, with what it says while it runs. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { packageRoot } from "./project.ts";

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Command {
  readonly child: ChildProcess;
  readonly events: RunnerEvent[] = [];
  readonly ended: Promise<Ended>;
  readonly #said: string[] = [];
  readonly #waiting: { readonly wanted: (event: RunnerEvent) => boolean; readonly found: () => void }[] = [];

  constructor(projectRoot: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [join(packageRoot, "bin/pipeline.js"), ...args], {
      cwd: projectRoot,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = this.#collect();
  }

  /** So far. */
  get stderr(): string {
    return this.#said.join("");
  }

  async #collect(): Promise<Ended> {
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error("no pipes");
    const out: string[] = [];
    createInterface({ input: stdout }).on("line", (line) => {
      out.push(line);
      if (line.startsWith('{"')) this.#note(JSON.parse(line) as RunnerEvent);
    });
    stderr.setEncoding("utf8").on("data", (text: string) => this.#said.push(text));
    await once(this.child, "close");
    return { exitCode: this.child.exitCode, stdout: out.join("\n"), stderr: this.stderr };
  }

  #note(event: RunnerEvent): void {
    this.events.push(event);
    for (const { wanted, found } of this.#waiting) if (wanted(event)) found();
  }

  /** Rejects where the command ends first. */
  async until(wanted: (event: RunnerEvent) => boolean): Promise<void> {
    if (this.events.some(wanted)) return;
    const found = new Promise<void>((resolve) => this.#waiting.push({ wanted, found: resolve }));
    const early = this.ended.then((ended) => {
      if (!this.events.some(wanted)) throw new Error(`it ended before: ${JSON.stringify(ended)}`);
    });
    await Promise.race([found, early]);
  }
}
