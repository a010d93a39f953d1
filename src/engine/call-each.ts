/** Calls of functions without effects: as many at once as the engine has devices. */
import type { Program } from "../tensor/program.ts";
import type { Engine, Executable, Feeds, Fetches } from "./engine.ts";

export interface CallEach {
  /** How many calls are computed at once. */
  readonly devices: number;
  /** Calls `name`, which must have no effects, with each of `feeds`; fetches in that order. */
  readonly callEach: (name: string, feeds: readonly Feeds[]) => Promise<readonly Fetches[]>;
}

/** On one device. */
export const callInTurn = (executable: Executable): CallEach => ({
  devices: 1,
  callEach: async (name, feeds) => {
    const fetches: Fetches[] = [];
    for (const given of feeds) fetches.push(await executable.call(name, given));
    return fetches;
  },
});

/** On all devices of the engine. Throws what compiling throws. */
export async function compileOnAll(
  engine: Engine,
  program: Program,
): Promise<CallEach & { readonly executable: Executable }> {
  if (engine.devices === undefined) {
    const executable = await engine.compile(program);
    return { executable, ...callInTurn(executable) };
  }
  const { count } = engine.devices;
  const executable = await engine.devices.compile(program, []);
  return { executable, devices: count, callEach: (name, feeds) => executable.callEach(name, feeds) };
}
