/** A replica whose process cannot be started ends as one that died: at once, with nothing left that waits for it. */
import { expect, test, vi } from "vitest";
import { openDevices } from "../../../src/engine/open-devices.ts";
import { ReplicaProcess } from "../../../src/engine/replicas/replica-process.ts";
import { defineProgram } from "../../../src/tensor/program.ts";

const share = { env: {}, threads: 1 };
const refused = {
  code: "REPLICA_DIED",
  message: "the process of device 1 could not be started: spawn /nowhere/node ENOENT",
  hint: expect.stringContaining("ulimit") as string,
};

/** A command that no system can start. */
async function withoutNode<Result>(work: () => Promise<Result>): Promise<Result> {
  using _path = vi.spyOn(process, "execPath", "get").mockReturnValue("/nowhere/node");
  return await work();
}

test("one that cannot be started says so to whoever asks, before and after, and is disposed of", () =>
  withoutNode(async () => {
    const onDeath = vi.fn();
    const replica = new ReplicaProcess(1, share, onDeath);
    await expect(replica.ask([{ kind: "open", engine: {} }])).rejects.toMatchObject(refused);
    expect(onDeath).toHaveBeenCalledOnce();
    await replica[Symbol.asyncDispose]();
    await expect(replica.ask([])).rejects.toMatchObject(refused);
  }));

test("one that nobody has asked is disposed of too", () =>
  withoutNode(async () => {
    await new ReplicaProcess(1, share, () => undefined)[Symbol.asyncDispose]();
  }));

test("an engine on such devices refuses to compile; once they can be started it does", async () => {
  const engine = await openDevices({ kind: "cpu", devices: 2 });
  const program = defineProgram({ variables: [], functions: [] });
  await expect(withoutNode(() => engine.compile(program))).rejects.toMatchObject({ code: "REPLICA_DIED" });
  await using _compiled = await engine.compile(program);
});
