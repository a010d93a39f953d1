/** Devices' slots are added element by element, in the order of the devices, each element by one device. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { addSlots } from "../../../src/engine/replicas/add-slots.ts";
import { SharedFile } from "../../../src/engine/replicas/shared-file.ts";
import { layOutSlots } from "../../../src/engine/replicas/variable-bytes.ts";
import type { Variable } from "../../../src/tensor/program.ts";

const folder = mkdtempSync(join(tmpdir(), "add-slots-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
const newFile = () => new SharedFile(join(folder, String(files++)), "wx+");

test("the order of the positions is the order of addition, each sum is rounded to float32", () => {
  using file = newFile();
  const big = 2 ** 24; // big + 1 is not a float32
  file.write(0, Float32Array.of(9, big, big, 0.1));
  file.write(100, Float32Array.of(1, -big, 0.2));
  file.write(200, Float32Array.of(-big, 1, 0.3));
  addSlots(file, [4, 100, 200], 3);
  const found = new Float32Array(4);
  file.read(0, found);
  const { fround } = Math;
  expect([...found]).toEqual([9, 0, 1, fround(fround(fround(0.1) + fround(0.2)) + fround(0.3))]);
});

const shapes = fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 4 });

test("all devices together add every element once, and change nothing else", () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 5 }), (sizes, devices) => {
      const variables = sizes.map((size, at): Variable => ({
        name: `v${at}`,
        shape: [size],
        dtype: "float32",
      }));
      const groups = [variables.slice(0, 1), variables.slice(1)];
      const unsummed: Variable = { name: "other", shape: [10], dtype: "float32" };
      const { bytes, places, summands } = layOutSlots([...variables, unsummed], groups, devices);
      const placed = (device: number) => places(device).flat();
      using file = newFile();
      file.reserve(bytes);
      // Small whole numbers: their sums are exact.
      const value = (device: number, variable: number, index: number) => device + variable + (index % 1021);
      for (let device = 0; device < devices; device++)
        for (const [at, { variable, position }] of placed(device).entries()) {
          const [size = NaN] = variable.shape;
          file.write(
            position,
            Float32Array.from({ length: size }, (_, index) => value(device, at, index)),
          );
        }
      for (let device = 0; device < devices; device++) {
        const { positions, elements } = summands(device);
        addSlots(file, positions, elements);
      }
      for (const [at, { variable, position }] of placed(0).entries()) {
        const [size = NaN] = variable.shape;
        const found = new Float32Array(size);
        file.read(position, found);
        const wrong = found.findIndex((sum, index) => {
          const each = value(0, at, index);
          return sum !== devices * each + (devices * (devices - 1)) / 2;
        });
        expect([variable.name, wrong]).toEqual([variable.name, -1]);
      }
    }),
    { numRuns: 25 },
  );
});
