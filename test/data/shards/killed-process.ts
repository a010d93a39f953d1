/**
 * A process that tokenizes, or mixes in little memory, and kills itself with SIGKILL at the n-th call that changes the disk:
 * before it, or, where it writes, after half of it. Without n it tells how many calls there are. Not a test.
 */
import { readFileSync, writeSync } from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { DataDocument } from "../../../src/data/records.ts";

const [what = "", tokenizer = "", from = "", to = "", killAt = ""] = process.argv.slice(2);
let calls = 0;

/** `half` does a part of the call. */
function step(half?: () => void): void {
  if (++calls !== Number(killAt)) return;
  half?.();
  process.kill(process.pid, "SIGKILL");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // nothing after it is done, whenever the signal comes
}

const { open, mkdir, rm } = promises;
promises.open = async (path, flags, mode) => {
  if (flags === undefined || flags === "r") return open(path, flags, mode);
  step();
  const handle = await open(path, flags, mode);
  const torn = (data: unknown): void => {
    if (data instanceof Uint8Array) writeSync(handle.fd, data.subarray(0, data.length / 2));
    if (typeof data === "string") writeSync(handle.fd, data.slice(0, data.length / 2));
  };
  const counted = <A extends unknown[], R>(call: (...args: A) => R, halves = false) =>
    function (...args: A): R {
      step(halves ? () => torn(args[0]) : undefined);
      return call(...args);
    };
  handle.writeFile = counted(handle.writeFile.bind(handle), true);
  handle.write = counted(handle.write.bind(handle) as (...args: unknown[]) => unknown) as FileHandle["write"];
  handle.sync = counted(handle.sync.bind(handle));
  return handle;
};
promises.mkdir = ((...args: Parameters<typeof mkdir>) => {
  step();
  return mkdir(...args);
}) as typeof mkdir;
promises.rm = (...args: Parameters<typeof rm>) => {
  step();
  return rm(...args);
};
syncBuiltinESMExports(); // before what imports them is loaded

const { shardWork } = await import("./shard-work.ts");
const { tokenize, mix } = shardWork(readFileSync(tokenizer, "utf8"));
if (what === "tokenize") await tokenize(JSON.parse(readFileSync(from, "utf8")) as DataDocument[], to);
else await mix(from, to);
console.log(calls);
