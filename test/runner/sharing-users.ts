/** Two projects of two users who share: a sender who has run everything and a receiver who has nothing. Not a test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "../../src/runner/session-types.ts";
import { Project } from "./project.ts";

export class SharingUsers {
  readonly directory = mkdtempSync(join(tmpdir(), "sharing-"));
  readonly sender = new Project();
  readonly receiver = new Project();
  #compiled: Readonly<Record<"sender" | "receiver", string>> = { sender: "", receiver: "" };
  #env: Readonly<Record<string, string>> = {};

  /** `env`: of both. */
  async prepare(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#env = env;
    this.#compiled = { sender: await this.sender.compile(), receiver: await this.receiver.compile() };
    await this.sender.run([], {}, this.as("sender"));
  }

  /** `key`: whose key signs; the sender's and the receiver's differ. */
  as(user: "sender" | "receiver", key: string = user) {
    const env = { ...process.env, ...this.#env, XDG_CONFIG_HOME: join(this.directory, key) };
    return { env, compiledDirectory: this.#compiled[user] };
  }

  sending<T>(work: (session: Session) => Promise<T>, key?: string): Promise<T> {
    return this.sender.with(work, this.as("sender", key));
  }

  /** `trust`: the sender's key. */
  async receiving<T>(work: (session: Session, trust: readonly string[]) => Promise<T>): Promise<T> {
    const trust = [await this.keyOf("sender")];
    return this.receiver.with((session) => work(session, trust), this.as("receiver"));
  }

  keyOf(key: string): Promise<string> {
    return this.sending(async ({ exchange }) => (await exchange.key()).publicKey, key);
  }

  decisions(): Promise<Readonly<Record<string, string>>> {
    return this.receiving(async (session) => {
      const { stages } = await session.plan();
      return Object.fromEntries(stages.map(({ id, decision }) => [id, decision]));
    });
  }

  remove(): void {
    this.sender.remove();
    this.receiver.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const NOTHING = { words: "run", count: "run", report: "run", side: "run" };
export const ALL_HITS = { words: "hit", count: "hit", report: "hit", side: "hit" };
