/**
 * The engine as decoding wants it. A product of one row is over before a second thread has woken to share it, so each
 * has a thread of its own and weights are cut into parts that are computed side by side (decoding-weights.ts).
 * Threads are set when the first engine of a process opens: this one should be the only one.
 */
import { availableParallelism } from "node:os";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";

/** Reading memory is what takes time, and a few cores use all of its bandwidth. */
const MOST_PARTS = 4;

export interface DecodingEngine {
  readonly engine: Engine;
  /** For `createNextTokenModel`. */
  readonly parts: number;
}

/** Throws `ENGINE_UNAVAILABLE`, `ENGINE_UNKNOWN`. */
export async function openDecodingEngine(): Promise<DecodingEngine> {
  const cores = availableParallelism();
  const parts = Math.min(cores, MOST_PARTS);
  const engine = await openEngine({ threadsPerOperation: Math.floor(cores / parts) });
  const { kind, device } = engine.identity;
  // A GPU has its threads inside of operations, the interpreter has one.
  return { engine, parts: kind === "tensorflow" && device === "cpu" ? parts : 1 };
}
