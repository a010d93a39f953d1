/**
 * Marks of the processes that have the index open, cache/open/<pid>-<start>. One that its process did not take away
 * is the sign of a process that died with the index open: the next one looks through the file before it maps it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, thisProcess, type ProcessIdentity } from "../std/process-identity.ts";

export class Openers {
  readonly #directory: string;
  readonly #own: string;

  constructor(cacheDirectory: string) {
    this.#directory = join(cacheDirectory, "open");
    const { pid, startTime } = thisProcess();
    this.#own = `${pid}-${startTime.replace(/\W+/g, "-")}`;
  }

  /** Names of the marks whose processes are dead. */
  dead(): readonly string[] {
    mkdirSync(this.#directory, { recursive: true });
    return readdirSync(this.#directory).filter((name) => name !== this.#own && !this.#lives(name));
  }

  /** Another process may have removed them too. */
  forget(names: readonly string[]): void {
    for (const name of names) rmSync(join(this.#directory, name), { force: true });
  }

  enter(): void {
    writeFileSync(join(this.#directory, this.#own), JSON.stringify(thisProcess()));
  }

  leave(): void {
    this.forget([this.#own]);
  }

  #lives(name: string): boolean {
    try {
      return isAlive(JSON.parse(readFileSync(join(this.#directory, name), "utf8")) as ProcessIdentity);
    } catch {
      return false; // taken away meanwhile, or torn by a kill: to look once more costs little
    }
  }
}
