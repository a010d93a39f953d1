/**
 * A replica: a process that computes on one device what the training process asks of it. It decides nothing, and ends
 * with the process that started it.
 */
import { Worker } from "node:worker_threads";
import { serializeError } from "../../errors.ts";
import { decodeProgram } from "../../tensor/portable-program.ts";
import type { Engine, Executable } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { addSlots } from "./add-slots.ts";
import { HostRoom } from "./host-room.ts";
import type { Answer, ReplicaRequest, ReplicaResponse, Task } from "./replica-protocol.ts";
import { SharedFile } from "./shared-file.ts";
import { digestOfElements } from "./variable-bytes.ts";

interface Loaded {
  readonly executable: Executable;
  file?: SharedFile;
}

/** Answers requests on this process's IPC channel, until the channel closes. */
export function serveReplica(): void {
  watchParent();
  process.on("disconnect", () => process.exit());
  // Ctrl-C in a terminal reaches all; the training process decides, and may still want a checkpoint.
  process.on("SIGINT", () => undefined);
  const replica = new Replica();
  let last = Promise.resolve();
  process.on("message", (request: ReplicaRequest) => {
    last = last.then(async () => {
      const response = await respond(replica, request);
      process.send?.(response);
    });
  });
}

async function respond(replica: Replica, { id, tasks }: ReplicaRequest): Promise<ReplicaResponse> {
  try {
    let answer: Answer = {};
    for (const task of tasks) answer = await replica.do(task);
    return { id, answer };
  } catch (error) {
    return { id, error: serializeError(error) };
  }
}

/** Native code may hold the event loop for long, and with it the news that the channel has closed: a thread looks too. */
function watchParent(): void {
  const code = `
    const { ppid } = process;
    setInterval(() => { if (process.ppid !== ppid) process.kill(process.pid, "SIGKILL"); }, 200);`;
  new Worker(code, { eval: true }).unref();
}

class Replica {
  readonly #programs = new Map<number, Loaded>();
  readonly #room = new HostRoom();
  #engine: Engine | undefined;

  async do(task: Task): Promise<Answer> {
    switch (task.kind) {
      case "open":
        this.#engine = await openEngine(task.engine);
        return { identity: this.#engine.identity };
      case "compile": {
        const executable = await this.#opened.compile(decodeProgram(task.portable));
        this.#programs.set(task.program, { executable });
        return {};
      }
      case "attach": {
        const loaded = this.#loaded(task.program);
        loaded.file?.[Symbol.dispose]();
        loaded.file = new SharedFile(task.path);
        return {};
      }
      case "call":
        return { fetches: await this.#loaded(task.program).executable.call(task.name, task.feeds) };
      case "publish": {
        const { executable, file } = this.#attached(task.program);
        const { name, places } = task.group;
        const fetches = await executable.call(name, {});
        for (const { variable, position } of places) {
          const value = fetches[variable.name];
          if (value !== undefined) file.write(position, value.data);
        }
        return {};
      }
      case "add":
        addSlots(this.#attached(task.program).file, task.summands.positions, task.summands.elements);
        return {};
      case "load": {
        const { executable, file } = this.#attached(task.program);
        const { name, places } = task.group;
        const values = this.#room.read(file, places);
        const feeds = places.flatMap(({ variable }, index) => {
          const value = values[index];
          return value === undefined ? [] : [[variable.name, value] as const];
        });
        await executable.call(name, Object.fromEntries(feeds));
        return {};
      }
      case "read": {
        const { executable, file } = this.#attached(task.program);
        const { variable, position } = task.place;
        file.write(position, (await executable.readVariable(variable.name)).data);
        return {};
      }
      case "write": {
        const { executable, file } = this.#attached(task.program);
        const [value] = this.#room.read(file, [task.place]);
        if (value !== undefined) await executable.writeVariable(task.place.variable.name, value);
        return {};
      }
      case "digest": {
        const { data } = await this.#loaded(task.program).executable.readVariable(task.name);
        return { digest: digestOfElements(data) };
      }
      case "dispose": {
        const { executable, file } = this.#loaded(task.program);
        this.#programs.delete(task.program);
        file?.[Symbol.dispose]();
        await executable[Symbol.asyncDispose]();
        return {};
      }
    }
  }

  get #opened(): Engine {
    if (this.#engine === undefined) throw new Error("the replica's engine is not open");
    return this.#engine;
  }

  #loaded(program: number): Loaded {
    const loaded = this.#programs.get(program);
    if (loaded === undefined) throw new Error(`the replica has no program ${program}`);
    return loaded;
  }

  #attached(program: number): { readonly executable: Executable; readonly file: SharedFile } {
    const { executable, file } = this.#loaded(program);
    if (file === undefined) throw new Error(`program ${program} has no shared file`);
    return { executable, file };
  }
}
