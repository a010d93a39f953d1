/** Variables that are joined out of blocks of a model's parameters: rows and columns of them, transposed or not. */
import { defineVariable, type Variable } from "../tensor/program.ts";
import { float32, type HostTensor, type Shape } from "../tensor/types.ts";

/** Rows and columns, ends excluded, of a parameter. */
export interface Block {
  readonly name: string;
  readonly rows: Range;
  readonly columns: Range;
}

export type Range = readonly [start: number, end: number];

/** A variable and what it is made of: `blocks` one below the other, and all of that transposed where `transposed`. */
export interface JoinedWeight {
  readonly variable: Variable;
  readonly blocks: readonly Block[];
  readonly transposed: boolean;
}

/** `size` in `parts` as equal as they can be. */
export function cuts(size: number, parts: number): readonly Range[] {
  const at = (part: number) => Math.floor((part * size) / parts);
  return Array.from({ length: parts }, (_, part) => [at(part), at(part + 1)]);
}

/** Rows of whole blocks that lie one below the other. */
export function rowsOf(blocks: readonly Block[], [start, end]: Range): readonly Block[] {
  let above = 0;
  return blocks.flatMap((block) => {
    const height = block.rows[1];
    const rows: Range = [Math.max(0, start - above), Math.min(height, end - above)];
    above += height;
    return rows[0] < rows[1] ? [{ ...block, rows }] : [];
  });
}

const sizeOfRange = ([start, end]: Range): number => end - start;

export function joined(name: string, blocks: readonly Block[], transposed: boolean): JoinedWeight {
  const height = blocks.reduce((total, { rows }) => total + sizeOfRange(rows), 0);
  const width = sizeOfRange(blocks[0]?.columns ?? [0, 0]);
  const shape: Shape = transposed ? [width, height] : [height, width];
  return { variable: defineVariable(name, shape), blocks, transposed };
}

/** Makes the values of `weights`, each parameter that they take of read once. */
export async function fillGroup(
  weights: readonly JoinedWeight[],
  read: (name: string) => Promise<HostTensor>,
  write: (name: string, value: HostTensor) => Promise<void>,
): Promise<void> {
  const names = new Set(weights.flatMap(({ blocks }) => blocks.map(({ name }) => name)));
  const sources = new Map<string, HostTensor>();
  for (const name of names) sources.set(name, await read(name));
  for (const weight of weights) await write(weight.variable.name, join(weight, sources));
}

function join(
  { variable: { shape }, blocks, transposed }: JoinedWeight,
  sources: ReadonlyMap<string, HostTensor>,
): HostTensor {
  const data = new Float32Array((shape[0] ?? 0) * (shape[1] ?? 0));
  const rowLength = shape[1] ?? 0;
  let above = 0;
  for (const block of blocks) {
    const source = sources.get(block.name);
    if (source?.dtype !== "float32") throw new Error(`${block.name} is not float32`);
    if (transposed) copyTransposed(source, block, data, rowLength, above);
    else copyRows(source, block, data, rowLength, above);
    above += sizeOfRange(block.rows);
  }
  return float32(shape, data);
}

type FloatTensor = Extract<HostTensor, { readonly dtype: "float32" }>;

function copyRows(
  { data: source, shape }: FloatTensor,
  { rows, columns: [from, to] }: Block,
  target: Float32Array,
  rowLength: number,
  firstRow: number,
): void {
  const stride = shape[1] ?? 0;
  for (let row = rows[0]; row < rows[1]; row++)
    target.set(
      source.subarray(row * stride + from, row * stride + to),
      (firstRow + row - rows[0]) * rowLength,
    );
}

/** Squares that both the reading and the writing find in the nearest cache. */
const TILE = 32;

function copyTransposed(
  { data: source, shape }: FloatTensor,
  { rows, columns: [from, to] }: Block,
  target: Float32Array,
  rowLength: number,
  firstColumn: number,
): void {
  const stride = shape[1] ?? 0;
  const shift = firstColumn - rows[0];
  for (let top = rows[0]; top < rows[1]; top += TILE)
    for (let left = from; left < to; left += TILE) {
      const [bottom, right] = [Math.min(top + TILE, rows[1]), Math.min(left + TILE, to)];
      for (let column = left; column < right; column++)
        for (let row = top; row < bottom; row++)
          target[(column - from) * rowLength + row + shift] = source[row * stride + column] ?? 0;
    }
}
