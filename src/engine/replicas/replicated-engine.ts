/**
 * An engine on several devices, each a process of its own (ADR 0028). Processes start with the first program and end with
 * the last one.
 */
import { PipelineError, userError } from "../../errors.ts";
import { encodeProgram } from "../../tensor/portable-program.ts";
import type { Program, Variable } from "../../tensor/program.ts";
import type { Engine, EngineIdentity, ReplicatedExecutable } from "../engine.ts";
import type { OpenEngineOptions } from "../open-engine.ts";
import { shareDevices, type DeviceShare } from "./device-shares.ts";
import { withExchange } from "./exchange-functions.ts";
import { ReplicaProcess } from "./replica-process.ts";
import { openReplicatedProgram } from "./replicated-executable.ts";

export interface ReplicatedEngineOptions {
  readonly count: number;
  /** What every replica must find. */
  readonly identity: EngineIdentity;
  /** How every replica opens its engine; threads are this one's to say. */
  readonly engine: Omit<OpenEngineOptions, "threads">;
  /** Folders for the file that gradients pass through, the best first. */
  readonly places: readonly string[];
  readonly onNote: (message: string) => void;
}

/** Throws `DEVICES_UNAVAILABLE`. */
export function createReplicatedEngine(options: ReplicatedEngineOptions): Engine {
  const { count, identity } = options;
  const shares = shareDevices(count, identity);
  const replicas = new Replicas(options, shares);
  const isThreaded = identity.kind === "tensorflow" && identity.device === "cpu";
  return {
    identity,
    threadsPerOperation: isThreaded ? (options.engine.threadsPerOperation ?? shares[0]?.threads) : undefined,
    compile: (program) => replicas.compile(program, [], 1),
    devices: { count, compile: (program, summed) => replicas.compile(program, summed, count) },
  };
}

class Replicas {
  readonly #options: ReplicatedEngineOptions;
  readonly #shares: readonly DeviceShare[];
  #group: ReplicaGroup | undefined;

  constructor(options: ReplicatedEngineOptions, shares: readonly DeviceShare[]) {
    this.#options = options;
    this.#shares = shares;
  }

  async compile(program: Program, summed: readonly string[], devices: number): Promise<ReplicatedExecutable> {
    if (this.#group === undefined || this.#group.ended)
      this.#group = new ReplicaGroup(this.#options, this.#shares);
    const group = this.#group;
    const { replicas, id } = await group.join(devices);
    const onDispose = () => group.leave(replicas, id);
    try {
      const exchange = withExchange(
        program,
        summed.map((name) => declared(program, name)),
      );
      return await openReplicatedProgram({
        ...this.#options,
        replicas,
        id,
        portable: encodeProgram(exchange.program),
        groups: exchange.groups,
        onDispose,
      });
    } catch (error) {
      await onDispose();
      throw error;
    }
  }
}

/** Processes that live and die together. */
class ReplicaGroup {
  readonly #replicas: readonly ReplicaProcess[];
  readonly #opened: Promise<unknown>;
  #users = 0;
  #programs = 0;
  #ending: Promise<unknown> | undefined;

  constructor({ engine, identity }: ReplicatedEngineOptions, shares: readonly DeviceShare[]) {
    this.#replicas = shares.map((share, device) => new ReplicaProcess(device, share, () => void this.#end()));
    this.#opened = Promise.all(
      this.#replicas.map(async (replica, device) => {
        const { threads } = shares[device] ?? {};
        const answer = await replica.ask([{ kind: "open", engine: { ...engine, threads } }]);
        checkIdentity(device, answer.identity, identity);
      }),
    );
  }

  get ended(): boolean {
    return this.#ending !== undefined;
  }

  /** The first so many, once their engines are open, and the number of a new program on them. */
  async join(
    devices: number,
  ): Promise<{ readonly replicas: readonly ReplicaProcess[]; readonly id: number }> {
    this.#users++;
    try {
      await this.#opened;
    } catch (error) {
      await this.#end();
      throw error;
    }
    return { replicas: this.#replicas.slice(0, devices), id: this.#programs++ };
  }

  /** The last user ends the processes, whatever they are doing; another one frees what its program holds. */
  async leave(replicas: readonly ReplicaProcess[], program: number): Promise<void> {
    if (--this.#users === 0 || this.ended) await this.#end();
    else await Promise.all(replicas.map((replica) => replica.ask([{ kind: "dispose", program }])));
  }

  #end(): Promise<unknown> {
    this.#ending ??= Promise.all(this.#replicas.map((replica) => replica[Symbol.asyncDispose]()));
    return this.#ending;
  }
}

function declared({ variables }: Program, name: string): Variable {
  const variable = variables.find((each) => each.name === name);
  if (variable?.dtype !== "float32")
    throw userError("UNKNOWN_VARIABLE", `the program has no float32 variable ${name} to sum`);
  return variable;
}

function checkIdentity(device: number, found: EngineIdentity | undefined, expected: EngineIdentity): void {
  if (found?.kind === expected.kind && found.version === expected.version && found.device === expected.device)
    return;
  const text = (identity: EngineIdentity | undefined) =>
    identity === undefined ? "nothing" : `${identity.kind} ${identity.version} on the ${identity.device}`;
  throw new PipelineError({
    code: "ENGINE_UNAVAILABLE",
    message: `device ${device} has ${text(found)}, not ${text(expected)}`,
    hint: "npx pipeline doctor shows what this machine has",
  });
}
