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
  readonly demand: Capacity;
}

interface Options extends QueueAddOptions {
  readonly demand?: Capacity;
}

class FittingQueue implements Queue<Task, Options> {
  readonly #waiting: Waiting[] = [];
  readonly #fits: (demand: Capacity) => boolean;
  readonly #take: (demand: Capacity) => void;

  constructor(fits: (demand: Capacity) => boolean, take: (demand: Capacity) => void) {
    this.#fits = fits;
    this.#take = take;
  }

  /** p-queue starts tasks while this is not zero: only those that fit now count. */
  get size(): number {
    return this.#waiting.filter(({ demand }) => this.#fits(demand)).length;
  }

  enqueue(task: Task, options?: Partial<Options>): void {
    const demand = options?.demand ?? { cpus: 1, memoryBytes: 0, accelerators: 0 };
    this.#waiting.push({ task, demand });
  }

  dequeue(): Task | undefined {
    const index = this.#waiting.findIndex(({ demand }) => this.#fits(demand));
    const [next] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (next) this.#take(next.demand);
    return next?.task;
  }

  filter(): Task[] {
    return this.#waiting.map(({ task }) => task);
  }

  /** Stages have no priorities: the order in which they became ready decides. */
  setPriority(): void {
    throw new Error("stages have no priorities");
  }
}

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
