/** Variables as bytes of a shared file. */
import { digestOf } from "../../std/digest.ts";
import type { Variable } from "../../tensor/program.ts";
import { sizeOf, type HostTensor } from "../../tensor/types.ts";
import { bytesOf } from "../../tensor/cost.ts";
import type { Place, Summands } from "./replica-protocol.ts";

/** Where each device puts what is to be summed: one slot a device, the same layout in each. The sum replaces the first. */
export interface SlotLayout {
  /** Of all slots: what the file must hold. */
  readonly bytes: number;
  readonly places: (device: number) => readonly Place[];
  /** What each device adds up: a part of all elements, whatever variables they are of. */
  readonly summands: (device: number) => Summands;
}

/** Parts begin with a page of memory, which no two devices write to. */
const partElements = 4096 / Float32Array.BYTES_PER_ELEMENT;

/** The first slot has room for any one variable too, at position 0. */
export function layOutSlots(
  variables: readonly Variable[],
  summed: readonly Variable[],
  devices: number,
): SlotLayout {
  const offsets: number[] = [];
  let end = 0;
  for (const variable of summed) {
    offsets.push(end);
    end += bytesOf(variable);
  }
  const slot = Math.max(end, ...variables.map(bytesOf));
  const elements = end / Float32Array.BYTES_PER_ELEMENT;
  const part = Math.ceil(elements / devices / partElements) * partElements;
  return {
    bytes: devices * slot,
    places: (device) =>
      summed.map((variable, index) => ({ variable, position: device * slot + (offsets[index] ?? NaN) })),
    summands: (device) => {
      const start = Math.min(device * part, elements);
      return {
        positions: Array.from(
          { length: devices },
          (_, from) => from * slot + start * Float32Array.BYTES_PER_ELEMENT,
        ),
        elements: Math.min(part, elements - start),
      };
    },
  };
}

/** A variable's elements at the beginning of `buffer`. */
export function tensorIn(
  buffer: ArrayBuffer,
  { dtype, shape }: Pick<Variable, "dtype" | "shape">,
): HostTensor {
  const size = sizeOf(shape);
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: new Float32Array(buffer, 0, size) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer, 0, size) };
    case "bool":
      return { dtype, shape, data: new Uint8Array(buffer, 0, size) };
  }
}

export const digestOfElements = ({ buffer, byteOffset, byteLength }: HostTensor["data"]): string =>
  digestOf(new Uint8Array(buffer, byteOffset, byteLength));
