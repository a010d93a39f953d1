/** Summed variables pass in groups: all of them, in their order, none too large; into memory that is used again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withExchange } from "../../../src/engine/replicas/exchange-functions.ts";
import { HostRoom } from "../../../src/engine/replicas/host-room.ts";
import { SharedFile } from "../../../src/engine/replicas/shared-file.ts";
import { layOutSlots } from "../../../src/engine/replicas/variable-bytes.ts";
import { defineProgram, defineVariable, readVariable } from "../../../src/tensor/program.ts";
import { openExecutor } from "../../model/executors.ts";

const megabyte = 2 ** 18; // float32

test.each([
  [[], []],
  [[100], [["v0"]]],
  [
    [30, 30, 4, 1],
    [["v0", "v1", "v2"], ["v3"]],
  ],
  [
    [1, 100, 1, 1],
    [["v0"], ["v1"], ["v2", "v3"]],
  ],
])("variables of %j MiB pass as %j", (sizes, expected) => {
  const variables = sizes.map((size, at) => defineVariable(`v${at}`, [size * megabyte]));
  const { groups } = withExchange(defineProgram({ variables, functions: [] }), variables);
  expect(groups.map((group) => group.variables.map(({ name }) => name))).toEqual(expected);
});

test("what is published is fetched by name, what is loaded is what the program then reads", async () => {
  const summed = [defineVariable("a/b", [2]), defineVariable("c", [])];
  const other = defineVariable("other", [1]);
  const own = { name: "own", feeds: [], fetches: { c: readVariable(summed[1] ?? other) }, effects: [] };
  const { program, groups } = withExchange(
    defineProgram({ variables: [...summed, other], functions: [own] }),
    summed,
  );
  await using executable = await (await openExecutor("wasm")).compile(program);
  const [group] = groups;
  await executable.call(group?.load ?? "", {
    "a/b": { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) },
    c: { dtype: "float32", shape: [], data: Float32Array.of(3) },
  });
  const published = await executable.call(group?.publish ?? "", {});
  expect(Object.entries(published).map(([name, { data }]) => [name, [...data]])).toEqual([
    ["a/b", [1, 2]],
    ["c", [3]],
  ]);
  expect((await executable.call("own", {}))["c"]?.data[0]).toBe(3);
});

test("a group is read at once: each variable where TensorFlow needs no copy, the last group's place taken", () => {
  const variables = [1, 5, 17].map((size, at) => defineVariable(`v${at}`, [size]));
  const { bytes, places } = layOutSlots(variables, [variables], 2);
  const folder = mkdtempSync(join(tmpdir(), "host-room-"));
  try {
    using file = new SharedFile(join(folder, "shared"), "wx+");
    file.reserve(bytes);
    for (const device of [0, 1])
      for (const { variable, position } of places(device).flat())
        file.write(position, new Float32Array(variable.shape[0] ?? 0).fill(10 * device + (position % 7)));
    const room = new HostRoom();
    const [first, second] = [0, 1].map((device) => {
      const placed = places(device).flat();
      const values = room.read(file, placed);
      expect(values.map(({ data }) => [...data])).toEqual(
        placed.map(({ variable, position }) =>
          Array<number>(variable.shape[0] ?? 0).fill(10 * device + (position % 7)),
        ),
      );
      return values;
    });
    expect(first?.map(({ data }) => data.byteOffset % 64)).toEqual([0, 0, 0]);
    expect(second?.[0]?.data.buffer).toBe(first?.[0]?.data.buffer);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
