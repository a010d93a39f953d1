/** The executors that this machine has: the interpreter on wasm and in plain JavaScript always, native TensorFlow where it is installed. */
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open-engine.ts";
import { engineStatus } from "../../src/engine/provision/engine-status.ts";

const { tensorflow } = await engineStatus("wasm");

export const executors: readonly ("wasm" | "tensorflow")[] =
  tensorflow.state === "absent" ? ["wasm"] : ["wasm", "tensorflow"];

/** With tfjs's backend in JavaScript, which is chosen where there is no WebAssembly: for what is small. */
export const everyExecutor = [...executors, "cpu"] as const;

export const openExecutor = (kind: (typeof everyExecutor)[number]): Promise<Engine> => openEngine({ kind });
