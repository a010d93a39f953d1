/** Threads that answer requests: one request at a time each, in the order in which they were asked. */
import { type Transferable, parentPort, Worker, workerData } from "node:worker_threads";

interface Asked<Answer> {
  readonly request: unknown;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface WorkerPoolOptions {
  /** Requests that a thread is sent before it has answered the first of them (default: 1). With more, it goes on while this thread is busy. */
  readonly ahead?: number;
}

/** Close it, else its threads keep the process alive. */
export class WorkerPool<Request, Answer> {
  /** Of each thread, what it was sent and has not answered, oldest first. */
  readonly #sent = new Map<Worker, Asked<Answer>[]>();
  readonly #waiting: Asked<Answer>[] = [];
  readonly #ahead: number;
  #failure: { readonly error: Error } | undefined;

  /** `url`: of a module that calls `answerRequests`; `data` is copied to each thread. */
  constructor(url: URL, size: number, data: unknown, { ahead = 1 }: WorkerPoolOptions = {}) {
    this.#ahead = ahead;
    for (let index = 0; index < size; index++) {
      const worker = new Worker(url, { workerData: data });
      const sent: Asked<Answer>[] = [];
      worker.on("message", (answer: Answer) => {
        const asked = sent.shift();
        this.#handOut();
        asked?.resolve(answer);
      });
      // What goes wrong in a thread ends it, and with it all that was asked.
      worker.on("error", (error) => this.#fail(error));
      this.#sent.set(worker, sent);
    }
  }

  /** Whether a request would be sent at once. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#leastBusy() !== undefined;
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
    if ([...this.#sent.values()].some(({ length }) => length > 0))
      throw new Error("askEach while threads are at work");
    // All are idle, and who was sent something is asked after those who were not: each takes one.
    return Promise.all(Array.from(this.#sent, () => this.ask(request)));
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sent.keys(), (worker) => worker.terminate()));
  }

  #handOut(): void {
    for (let worker = this.#leastBusy(); worker !== undefined; worker = this.#leastBusy()) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      this.#sent.get(worker)?.push(asked);
      worker.postMessage(asked.request);
    }
  }

  /** The thread with the fewest requests before it; undefined where all have as many as they may. */
  #leastBusy(): Worker | undefined {
    let found: Worker | undefined;
    let fewest = this.#ahead;
    for (const [worker, { length }] of this.#sent) if (length < fewest) [found, fewest] = [worker, length];
    return found;
  }

  #fail(error: Error): void {
    this.#failure ??= { error };
    const unanswered = [...this.#sent.values(), this.#waiting].flatMap((asked) => asked.splice(0));
    for (const { reject } of unanswered) reject(error);
  }
}

/**
 * In the thread: `create` gets the pool's data once and answers each request, with what is moved instead of copied.
 * The types of both are what the pool at the other end sends.
 */
export function answerRequests(
  create: (data: never) => (request: never) => {
    readonly answer: unknown;
    readonly transfer?: readonly Transferable[];
  },
): void {
  const respond = create(workerData as never);
  parentPort?.on("message", (request: unknown) => {
    const { answer, transfer = [] } = respond(request as never);
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
