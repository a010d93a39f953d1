/** A program on several replicas: the same variables on each, kept equal by giving all of them the same changes. */
import { isDeepStrictEqual } from "node:util";
import { PipelineError, userError } from "../../errors.ts";
import type { PortableProgram } from "../../tensor/portable-program.ts";
import { bytesOf } from "../../tensor/cost.ts";
import type { Variable } from "../../tensor/program.ts";
import { sameShape, shapeText, type HostTensor } from "../../tensor/types.ts";
import type { Feeds, Fetches, ReplicatedExecutable } from "../engine.ts";
import type { ExchangeGroup } from "./exchange-functions.ts";
import type { ReplicaProcess } from "./replica-process.ts";
import type { Answer, Task } from "./replica-protocol.ts";
import { shareFile, type SharedFile } from "./shared-file.ts";
import { digestOfElements, layOutSlots, tensorIn, type SlotLayout } from "./variable-bytes.ts";

export interface ReplicatedProgramOptions {
  readonly replicas: readonly ReplicaProcess[];
  /** Of the program, among those of these replicas. */
  readonly id: number;
  readonly portable: PortableProgram;
  /** What is summed, and the program's functions that move it. */
  readonly groups: readonly ExchangeGroup[];
  readonly places: readonly string[];
  readonly onNote: (message: string) => void;
  readonly onDispose: () => Promise<void>;
}

/** Throws `SHARED_MEMORY_FULL` and what compiling throws. */
export async function openReplicatedProgram(
  options: ReplicatedProgramOptions,
): Promise<ReplicatedExecutable> {
  const { replicas, id: program, portable, places, onNote } = options;
  const all = (task: Task) => Promise.all(replicas.map((replica) => replica.ask([task])));
  await all({ kind: "compile", program, portable });
  const layout = layOutSlots(
    portable.variables,
    options.groups.map(({ variables }) => variables),
    replicas.length,
  );
  const file = await shareFile({
    bytes: layout.bytes,
    places,
    onNote,
    attach: async (path) => {
      await all({ kind: "attach", program, path });
    },
  });
  return new ReplicatedProgram(options, layout, file);
}

class ReplicatedProgram implements ReplicatedExecutable {
  readonly #options: ReplicatedProgramOptions;
  readonly #layout: SlotLayout;
  readonly #file: SharedFile;
  /** Functions that change variables. */
  readonly #changing: ReadonlySet<string>;

  constructor(options: ReplicatedProgramOptions, layout: SlotLayout, file: SharedFile) {
    this.#options = options;
    this.#layout = layout;
    this.#file = file;
    const { functions } = options.portable;
    this.#changing = new Set(functions.filter(({ effects }) => effects.length > 0).map(({ name }) => name));
  }

  async call(name: string, feeds: Feeds): Promise<Fetches> {
    const task: Task = { kind: "call", program: this.#options.id, name, feeds };
    const answers = this.#changing.has(name) ? await this.#all([task]) : [await this.#first([task])];
    const [fetches, ...others] = answers.map((answer) => answer.fetches ?? {});
    const strayed = others.findIndex((other) => !isDeepStrictEqual(other, fetches));
    if (strayed >= 0) throw diverged(strayed + 1, `fetches other values from ${name}`);
    return fetches ?? {};
  }

  async callShares(name: string, shares: readonly (readonly Feeds[])[]): Promise<void> {
    const { replicas, id: program } = this.#options;
    await Promise.all(
      replicas.map((replica, device) =>
        replica.ask([
          ...(shares[device] ?? []).map((feeds): Task => ({ kind: "call", program, name, feeds })),
          ...this.#groups(device, "publish"),
        ]),
      ),
    );
    // All slots are full before they are added, added before the sum is read, and read before the next is written: the
    // answers are the barriers.
    await Promise.all(
      replicas.map((replica, device) =>
        replica.ask([{ kind: "add", program, summands: this.#layout.summands(device) }]),
      ),
    );
    await this.#all(this.#groups(0, "load"));
  }

  async callEach(name: string, feeds: readonly Feeds[]): Promise<readonly Fetches[]> {
    if (this.#changing.has(name)) throw new Error(`${name} has effects: devices would hold other variables`);
    const { replicas, id: program } = this.#options;
    const answers = await Promise.all(
      feeds.map(async (given, index) => {
        const replica = replicas[index % replicas.length];
        if (replica === undefined) throw new Error("a program without replicas");
        // It does what it is asked in its order.
        return replica.ask([{ kind: "call", program, name, feeds: given }]);
      }),
    );
    return answers.map(({ fetches }) => fetches ?? {});
  }

  async readVariable(name: string): Promise<HostTensor> {
    const { replicas, id: program } = this.#options;
    const variable = this.#variable(name);
    const value = tensorIn(new ArrayBuffer(bytesOf(variable)), variable);
    const [, ...others] = await Promise.all(
      replicas.map((replica, device) =>
        replica.ask([
          device === 0
            ? { kind: "read", program, place: { variable, position: 0 } }
            : { kind: "digest", program, name },
        ]),
      ),
    );
    this.#file.read(0, value.data);
    if (others.length === 0) return value;
    const expected = digestOfElements(value.data);
    const strayed = others.findIndex(({ digest }) => digest !== expected);
    if (strayed >= 0) throw diverged(strayed + 1, `holds other bits in ${name}`);
    return value;
  }

  async writeVariable(name: string, value: HostTensor): Promise<void> {
    const variable = this.#variable(name);
    if (value.dtype !== variable.dtype || !sameShape(value.shape, variable.shape))
      throw userError(
        "FEED_MISMATCH",
        `variable ${name} is ${variable.dtype}${shapeText(variable.shape)}, got ${value.dtype}${shapeText(value.shape)}`,
      );
    this.#file.write(0, value.data);
    await this.#all([{ kind: "write", program: this.#options.id, place: { variable, position: 0 } }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
    await this.#options.onDispose();
  }

  /** The slot of a device, a task a group. */
  #groups(device: number, kind: "publish" | "load"): Task[] {
    const { id: program, groups } = this.#options;
    const places = this.#layout.places(device);
    return groups.map(({ [kind]: name }, index) => ({
      kind,
      program,
      group: { name, places: places[index] ?? [] },
    }));
  }

  #variable(name: string): Variable {
    const variable = this.#options.portable.variables.find((each) => each.name === name);
    if (variable === undefined) throw userError("UNKNOWN_VARIABLE", `the program has no variable ${name}`);
    return variable;
  }

  #all(tasks: readonly Task[]): Promise<Answer[]> {
    return Promise.all(this.#options.replicas.map((replica) => replica.ask(tasks)));
  }

  async #first(tasks: readonly Task[]): Promise<Answer> {
    const [replica] = this.#options.replicas;
    if (replica === undefined) throw new Error("a program without replicas");
    return replica.ask(tasks);
  }
}

const diverged = (device: number, what: string) =>
  new PipelineError({
    code: "REPLICAS_DIVERGED",
    message: `device ${device} ${what} than device 0, though both were given the same changes`,
    hint: "The last checkpoint is whole. Devices must be alike and compute alike: see npx pipeline doctor; or set devices to 1.",
  });
