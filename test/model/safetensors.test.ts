import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openSafetensors, writeSafetensors } from "../../src/model/safetensors.ts";
import { float32, sizeOf, type Shape } from "../../src/tensor/types.ts";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
const path = join(folder, "x.safetensors");
afterAll(() => rmSync(folder, { recursive: true }));

const floats = (shape: Shape, data: Float32Array) => ({ dtype: "float32" as const, shape, data });
const ints = (shape: Shape, data: Int32Array) => ({ dtype: "int32" as const, shape, data });

const tensor = fc
  .tuple(fc.string({ minLength: 1 }), fc.array(fc.nat(3), { maxLength: 3 }), fc.boolean())
  .filter(([name]) => name !== "__metadata__")
  .map(([name, shape, integers]) => ({
    name,
    value: integers
      ? ints(
          shape,
          Int32Array.from({ length: sizeOf(shape) }, (_, i) => i - 2),
        )
      : floats(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i)),
        ),
  }));

test("what is written is read back, whatever the names, shapes and types", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 }),
      async (tensors) => {
        const values = new Map(tensors.map(({ name, value }) => [name, value]));
        const entries = tensors.map(({ name, value }) => ({
          name,
          dtype: value.dtype,
          shape: value.shape,
        }));
        await writeSafetensors(
          path,
          entries,
          (name) => Promise.resolve(values.get(name) ?? float32([], new Float32Array(1))),
          {
            format: "pt",
            note: "é",
          },
        );
        await using file = await openSafetensors(path);
        expect(file.metadata).toEqual({ format: "pt", note: "é" });
        expect(new Set(file.entries.map(({ name }) => name))).toEqual(new Set(values.keys()));
        for (const [name, value] of values) expect(await file.read(name)).toEqual(value);
      },
    ),
    { numRuns: 50 },
  );
});

function fileOf(header: string, data: number, size = Buffer.byteLength(header)): void {
  const bytes = Buffer.alloc(8 + Buffer.byteLength(header) + data);
  bytes.writeBigUInt64LE(BigInt(size));
  bytes.write(header, 8);
  writeFileSync(path, bytes);
}
const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

test.each([
  ["a header larger than the file", "{}", 0, 1_000_000, "does not fit"],
  ["a header that is not JSON", "{]", 0, 2, "not JSON"],
  ["a header that is an array", "[]", 0, 2, "not a JSON object"],
  ["a tensor past the end", JSON.stringify({ a: f32([4], 0, 16) }), 8, undefined, "end at byte"],
  [
    "a gap between tensors",
    JSON.stringify({ a: f32([1], 0, 4), b: f32([1], 8, 12) }),
    12,
    undefined,
    "b begins",
  ],
  [
    "tensors that overlap",
    JSON.stringify({ a: f32([2], 0, 8), b: f32([1], 4, 8) }),
    8,
    undefined,
    "b begins",
  ],
  ["bytes after the last tensor", JSON.stringify({ a: f32([1], 0, 4) }), 8, undefined, "the file at"],
  ["a size that is not its shape's", JSON.stringify({ a: f32([3], 0, 8) }), 8, undefined, "takes 12 bytes"],
  ["a negative dimension", JSON.stringify({ a: f32([-1], 0, 4) }), 4, undefined, "has shape"],
  ["an unknown type", JSON.stringify({ a: { ...f32([1], 0, 2), dtype: "BF16" } }), 2, undefined, "BF16"],
])("%s is refused", async (_name, header, data, size, message) => {
  fileOf(header, data, size);
  await expect(openSafetensors(path)).rejects.toMatchObject({
    code: "SAFETENSORS_INVALID",
    message: expect.stringContaining(message) as string,
  });
});

test("a file of a few bytes is refused", async () => {
  writeFileSync(path, "abc");
  await expect(openSafetensors(path)).rejects.toMatchObject({ code: "SAFETENSORS_INVALID" });
});

test("a tensor that is not there is named", async () => {
  fileOf("{}", 0);
  await using file = await openSafetensors(path);
  await expect(file.read("w")).rejects.toThrow("there is no tensor w");
});

test("a value that is not what its entry says is not written over", async () => {
  await expect(
    writeSafetensors(path, [{ name: "w", dtype: "float32", shape: [2] }], () =>
      Promise.resolve(float32([1], new Float32Array(1))),
    ),
  ).rejects.toThrow("w should be float32(2) and is float32(1)");
});
