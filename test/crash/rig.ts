/** One project that is killed again and again: started through bin/pipeline.js with fault points, looked at, made new. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { checkStore, type CheckReport } from "../../src/store/check.ts";
import { openStore } from "../../src/store/open-store.ts";
import { packageRoot, Project } from "../runner/project.ts";

export interface Fault {
  readonly role: "runner" | "stage";
  /** The n-th point of that process, counted from 1. */
  readonly at: number;
  /** Where in the call it is killed; `full`: it lives, and from here on the disk has no byte free. */
  readonly how: "before" | "torn" | "inside" | "after" | "full";
  /** The runner dies together with its stage. */
  readonly both?: boolean;
  /** The file that takes all room, for `full`. */
  readonly fill?: string;
}

export interface FaultPoint {
  readonly role: Fault["role"];
  readonly at: number;
  /** The call and the path that it changes, e.g. `rename cache/objects/…`. */
  readonly label: string;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly RunnerEvent[];
  readonly stdout: string;
  readonly stderr: string;
}

export type Digests = Readonly<Record<string, string>>;

const PRELOAD = pathToFileURL(join(import.meta.dirname, "fault-points.js")).href;

export class CrashRig {
  readonly project = new Project();

  get root(): string {
    return this.project.root;
  }

  /** `pid` is told as soon as the process lives. */
  async command(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    onStart: (kill: () => void, events: readonly RunnerEvent[]) => void = () => undefined,
  ): Promise<Ended> {
    const child = spawn(process.execPath, [join(packageRoot, "bin/pipeline.js"), ...args], {
      cwd: this.root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err]: [string[], string[]] = [[], []];
    const events: RunnerEvent[] = [];
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out.push(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith('{"at"')) events.push(JSON.parse(line) as RunnerEvent);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
    onStart(() => child.kill("SIGKILL"), events);
    await once(child, "close");
    const { exitCode, signalCode } = child;
    return { exitCode, signal: signalCode, events, stdout: out.join(""), stderr: err.join("") };
  }

  /** One stage at a time, so that the order of the points is the same in every run. */
  run(env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.command(["run", "--json", "--jobs", "1"], env);
  }

  /** `struck`: the label of the call in which it died. */
  async runWith({ role, at, how, both, fill }: Fault): Promise<Ended & { readonly struck?: string }> {
    const say = join(this.root, "struck.txt");
    const ended = await this.run({
      ...this.#preload(),
      FAULT_ROLE: role,
      FAULT_AT: String(at),
      FAULT_HOW: how,
      FAULT_SAY: say,
      ...(both === true ? { FAULT_BOTH: "1" } : {}),
      ...(fill === undefined ? {} : { FAULT_FILL: fill }),
    });
    if (!existsSync(say)) return ended;
    const struck = readFileSync(say, "utf8").trim();
    rmSync(say);
    return { ...ended, struck };
  }

  /** Every point of an undisturbed run, by process. A stage counts from 1 anew. */
  async count(): Promise<{ readonly ended: Ended; readonly points: readonly FaultPoint[] }> {
    const log = join(this.root, "points.txt");
    const ended = await this.run({ ...this.#preload(), FAULT_LOG: log });
    const lines = readFileSync(log, "utf8").trim().split("\n");
    rmSync(log);
    const points = lines.map((line): FaultPoint => {
      const [role = "", at = "", label = ""] = line.split("\t");
      return { role: role === "stage" ? "stage" : "runner", at: Number(at), label };
    });
    return { ended, points };
  }

  #preload(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, FAULT_ROOT: this.root };
  }

  /** What `check --deep` finds in the store. */
  async check(): Promise<CheckReport> {
    const store = openStore(this.root);
    try {
      return await checkStore(store, { deep: true });
    } finally {
      await store.close();
    }
  }

  /** Until no process of the project is left: a stage follows its runner within a moment. */
  async untilNobodyLives(): Promise<void> {
    while (this.#living().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #living(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const state = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
          return state !== "Z" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(this.root);
        } catch {
          return false; // it ended while we looked
        }
      });
  }

  /** As if all that is there had been left hours ago. */
  age(): void {
    const then = new Date(Date.now() - 7_200_000);
    const shelves = this.#list("artifacts").flatMap((shelf) => this.#list(shelf));
    for (const path of [...this.#list("cache/work"), ...this.#list("cache/compiled"), ...shelves])
      if (!path.endsWith(".json")) utimesSync(join(this.root, path), then, then);
  }

  /** Paths of what is in a folder; nothing where it is not there. */
  #list(folder: string): string[] {
    const directory = join(this.root, folder);
    if (!existsSync(directory)) return [];
    return readdirSync(directory).map((name) => `${folder}/${name}`);
  }

  /** What a run must not leave behind when it is over. */
  litter(): string[] {
    const list = (folder: string): string[] => this.#list(folder);
    const shelves = list("artifacts").flatMap(list);
    const compiled = list("cache/compiled");
    const [current] = compiled.filter((path) => existsSync(join(this.root, path, "manifest.json")));
    return [
      ...list("cache/work"),
      ...list("cache/checkpoints"),
      ...shelves.filter((path) => /\/\.[^/]*$/.test(path)),
      ...compiled.filter((path) => path !== current && !/\/(latest|words)\.json$/.test(path)),
      ...(current === undefined ? [] : list(`${current}/users`)),
    ];
  }

  /** Back to a project in which nothing ever ran; what is compiled may stay. */
  reset({ compiled = false } = {}): void {
    rmSync(join(this.root, "artifacts"), { recursive: true, force: true });
    const cache = join(this.root, "cache");
    for (const name of existsSync(cache) ? readdirSync(cache) : [])
      if (compiled || name !== "compiled") rmSync(join(cache, name), { recursive: true, force: true });
    this.project.executed();
  }
}

export function digestsOf(events: readonly RunnerEvent[]): Digests {
  const made: Record<string, string> = {};
  for (const event of events)
    if (event.type === "stage-finished" || event.type === "stage-hit")
      for (const [output, { digest }] of Object.entries(event.outputs))
        made[`${event.stage}/${output}`] = digest;
  return made;
}
