/**
 * Which ready stage starts next: a queue for p-queue that hands out the first stage for which enough CPU slots,
 * memory and accelerators are free. A stage that asks for more than there is gets all of it, and runs alone.
 */
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import PQueue, { type Queue, type QueueAddOptions } from "p-queue";
import type { Resources } from "../pipeline/stage.ts";

export interface Capacity {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly accelerators: number;
}

/** What this machine has. Accelerators: NVIDIA devices as the kernel driver lists them. */
export function machineCapacity(cpus = availableParallelism()): Capacity {
  const devices = "/proc/driver/nvidia/gpus";
  return {
    cpus,
    memoryBytes: totalmem(),
    accelerators: existsSync(devices) ? readdirSync(devices).length : 0,
  };
}

export interface Grant {
  /** Indices of the accelerators that belong to the stage while it runs; for CUDA_VISIBLE_DEVICES. */
  readonly acceleratorIds: readonly number[];
}

type Task = () => Promise<unknown>;

interface Waiting {
  readonly task: Task;
  /** Its place among all that ever waited. */
  readonly turn: number;
}

/** Those that ask for the same, in the order in which they became ready. */
interface Line {
  readonly demand: Capacity;
  readonly waiting: Waiting[];
  /** How many of them have been handed out. */
  head: number;
}

interface Options extends QueueAddOptions {
  readonly demand?: Capacity;
}

/** Stages that ask for the same stand in one line, so that a start looks at the lines and not at every stage. */
export class FittingQueue implements Queue<Task, Options> {
  readonly #lines = new Map<string, Line>();
  readonly #fits: (demand: Capacity) => boolean;
  readonly #take: (demand: Capacity) => void;
  #turns = 0;

  constructor(fits: (demand: Capacity) => boolean, take: (demand: Capacity) => void) {
    this.#fits = fits;
    this.#take = take;
  }

  /** p-queue starts tasks while this is not zero: only those that fit now count. */
  get size(): number {
    let size = 0;
    for (const line of this.#fitting()) size += line.waiting.length - line.head;
    return size;
  }

  enqueue(task: Task, options?: Partial<Options>): void {
    const demand = options?.demand ?? { cpus: 1, memoryBytes: 0, accelerators: 0 };
    const key = `${demand.cpus} ${demand.memoryBytes} ${demand.accelerators}`;
    const line = this.#lines.get(key) ?? { demand, waiting: [], head: 0 };
    this.#lines.set(key, line);
    line.waiting.push({ task, turn: this.#turns++ });
  }

  dequeue(): Task | undefined {
    let first: Line | undefined;
    for (const line of this.#fitting()) if (first === undefined || turnOf(line) < turnOf(first)) first = line;
    const next = first?.waiting[first.head];
    if (first === undefined || next === undefined) return undefined;
    first.head++;
    // What was handed out is let go of when it is half of the line, so that each is moved once at most.
    if (first.head * 2 >= first.waiting.length) {
      first.waiting.splice(0, first.head);
      first.head = 0;
    }
    this.#take(first.demand);
    return next.task;
  }

  filter(): Task[] {
    const all = [...this.#lines.values()].flatMap(({ waiting, head }) => waiting.slice(head));
    return all.sort((a, b) => a.turn - b.turn).map(({ task }) => task);
  }

  /** Stages have no priorities: the order in which they became ready decides. */
  setPriority(): void {
    throw new Error("stages have no priorities");
  }

  *#fitting(): Generator<Line> {
    for (const line of this.#lines.values())
      if (line.head < line.waiting.length && this.#fits(line.demand)) yield line;
  }
}

const turnOf = ({ waiting, head }: Line): number => waiting[head]?.turn ?? Infinity;

export class ResourceScheduler {
  readonly #capacity: Capacity;
  readonly #queue: PQueue<FittingQueue, Options>;
  readonly #accelerators: Set<number>;
  #freeCpus: number;
  #freeMemory: number;
  #freeAccelerators: number;

  constructor(capacity: Capacity) {
    this.#capacity = capacity;
    this.#freeCpus = capacity.cpus;
    this.#freeMemory = capacity.memoryBytes;
    this.#freeAccelerators = capacity.accelerators;
    this.#accelerators = new Set(Array.from({ length: capacity.accelerators }, (_, index) => index));
    const fits = (demand: Capacity): boolean => this.#fits(demand);
    const take = (demand: Capacity): void => {
      this.#freeCpus -= demand.cpus;
      this.#freeMemory -= demand.memoryBytes;
      this.#freeAccelerators -= demand.accelerators;
    };
    this.#queue = new PQueue({
      queueClass: class extends FittingQueue {
        constructor() {
          super(fits, take);
        }
      },
    });
  }

  /** Runs the task when its resources are free. Rejects as the task does. */
  async run<T>(resources: Resources, task: (grant: Grant) => Promise<T>): Promise<T> {
    const demand = this.#clamp(resources);
    const guarded = async (): Promise<T> => {
      const acceleratorIds = [...this.#accelerators].slice(0, demand.accelerators);
      for (const id of acceleratorIds) this.#accelerators.delete(id);
      try {
        return await task({ acceleratorIds });
      } finally {
        for (const id of acceleratorIds) this.#accelerators.add(id);
        this.#freeCpus += demand.cpus;
        this.#freeMemory += demand.memoryBytes;
        this.#freeAccelerators += demand.accelerators;
      }
    };
    return this.#queue.add(guarded, { demand });
  }

  #fits(demand: Capacity): boolean {
    return (
      demand.cpus <= this.#freeCpus &&
      demand.memoryBytes <= this.#freeMemory &&
      demand.accelerators <= this.#freeAccelerators
    );
  }

  #clamp({ cpus = 1, memoryBytes = 0, accelerators = 0 }: Resources): Capacity {
    return {
      cpus: Math.min(Math.max(cpus, 1), this.#capacity.cpus),
      memoryBytes: Math.min(memoryBytes, this.#capacity.memoryBytes),
      accelerators: Math.min(accelerators, this.#capacity.accelerators),
    };
  }
}
