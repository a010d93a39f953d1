/** Threads that answer requests: one request at a time each, in the order in which they were asked. */
import { type Transferable, parentPort, Worker, workerData } from "node:worker_threads";

interface Asked<Answer> {
  readonly request: unknown;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Close it, else its threads keep the process alive. */
export class WorkerPool<Request, Answer> {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #busy = new Map<Worker, Asked<Answer>>();
  readonly #waiting: Asked<Answer>[] = [];
  #failure: { readonly error: Error } | undefined;

  /** `url`: of a module that calls `answerRequests`; `data` is copied to each thread. */
  constructor(url: URL, size: number, data: unknown) {
    for (let index = 0; index < size; index++) {
      const worker = new Worker(url, { workerData: data });
      worker.on("message", (answer: Answer) => {
        const asked = this.#busy.get(worker);
        this.#busy.delete(worker);
        this.#idle.push(worker);
        this.#handOut();
        asked?.resolve(answer);
      });
      // What goes wrong in a thread ends it, and with it all that was asked.
      worker.on("error", (error) => this.#fail(error));
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Rejects with what a thread threw, in this request or in another. */
  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure.error);
      else this.#waiting.push({ request, resolve, reject });
      this.#handOut();
    });
  }

  /** Asks every thread once, after all that was asked before has been answered. */
  async askEach(request: Request): Promise<Answer[]> {
    if (this.#busy.size > 0) throw new Error("askEach while threads are at work");
    // All are idle, so each takes one; none is idle again before this loop ends.
    return Promise.all(this.#all.map(() => this.ask(request)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #handOut(): void {
    while (this.#idle.length > 0) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      const worker = this.#idle.shift() as Worker;
      this.#busy.set(worker, asked);
      worker.postMessage(asked.request);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= { error };
    for (const { reject } of [...this.#busy.values(), ...this.#waiting.splice(0)]) reject(error);
    this.#busy.clear();
  }
}

/**
 * In the thread: `create` gets the pool's data once and answers each request, with what is moved instead of copied.
 * The types of both are what the pool at the other end sends.
 */
export function answerRequests(
  create: (data: never) => (request: never) => {
    readonly answer: unknown;
    readonly transfer: readonly Transferable[];
  },
): void {
  const respond = create(workerData as never);
  parentPort?.on("message", (request: unknown) => {
    const { answer, transfer } = respond(request as never);
    parentPort?.postMessage(answer, transfer);
  });
}

/** Answers in the order of the items, while up to `atOnce` of them are worked on. */
export async function* mapInOrder<Item, Answer>(
  items: AsyncIterable<Item> | Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Answer>,
): AsyncGenerator<Answer> {
  const pending: Promise<Answer>[] = [];
  for await (const item of items) {
    const answer = work(item);
    answer.catch(() => undefined); // thrown below, when its turn comes
    pending.push(answer);
    if (pending.length >= atOnce) yield await (pending.shift() as Promise<Answer>);
  }
  for (const answer of pending) yield await answer;
}
