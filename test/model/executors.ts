/** The executors that this machine has: the wasm interpreter always, native TensorFlow where it is installed. */
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open-engine.ts";
import { engineStatus } from "../../src/engine/provision/engine-status.ts";

const { tensorflow } = await engineStatus("wasm");

export const executors: readonly ("wasm" | "tensorflow")[] =
  tensorflow.state === "absent" ? ["wasm"] : ["wasm", "tensorflow"];

export const openExecutor = (kind: "wasm" | "tensorflow"): Promise<Engine> => openEngine({ kind });
