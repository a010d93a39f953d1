/**
 * A process that trains through a spike and rolls back. With a number it kills itself at that call of the loop to the data or
 * to a variable, counted from the spike's batch on; without, it says how many there are. Not a test.
 *
 * usage: rollback-process.mjs FOLDER [CALL]
 */
import type { Engine, Executable } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open-engine.ts";
import { spoilt, trainGuarded } from "./spikes.ts";
import { rigIn } from "./training-rig.ts";

const [folder = "", chosen] = process.argv.slice(2);
const spike = 4;
const source = spoilt([spike]);
let calls = 0;
function point(): void {
  if (!source.given.includes(spike)) return;
  if (calls++ === Number(chosen)) process.kill(process.pid, "SIGKILL");
}

const engine = await openEngine({ kind: "wasm" });
const watched: Engine = {
  ...engine,
  compile: async (program) => {
    const executable = await engine.compile(program);
    return {
      call: (name, feeds) => executable.call(name, feeds),
      readVariable: (name) => executable.readVariable(name),
      writeVariable(name, value) {
        point();
        return executable.writeVariable(name, value);
      },
      [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
    } satisfies Executable;
  },
};
await trainGuarded(watched, rigIn(folder), {
  source: {
    ...source,
    next() {
      point();
      return source.next();
    },
    seek(cursor) {
      point();
      source.seek(cursor);
    },
  },
});
console.log(calls);
