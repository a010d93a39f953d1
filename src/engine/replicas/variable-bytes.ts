/** Variables as bytes of a shared file. */
import { digestOf } from "../../std/digest.ts";
import type { Variable } from "../../tensor/program.ts";
import { sizeOf, type HostTensor } from "../../tensor/types.ts";
import { bytesOf } from "../../tensor/cost.ts";
import type { Place, Summands } from "./replica-protocol.ts";

/** Where each device puts what is to be summed: one slot a device, the same layout in each. */
export interface SlotLayout {
  /** Of all slots: what the file must hold. */
  readonly bytes: number;
  readonly places: (device: number) => readonly Place[];
  readonly summands: readonly Summands[];
}

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
  const position = (device: number, index: number) => device * slot + (offsets[index] ?? NaN);
  return {
    bytes: devices * slot,
    places: (device) => summed.map(({ name }, index) => ({ name, position: position(device, index) })),
    summands: summed.map((variable, index) => ({
      variable,
      positions: Array.from({ length: devices }, (_, device) => position(device, index)),
    })),
  };
}

/** Room for a variable's elements. */
export function emptyTensor({ dtype, shape }: Pick<Variable, "dtype" | "shape">): HostTensor {
  const size = sizeOf(shape);
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: new Float32Array(size) };
    case "int32":
      return { dtype, shape, data: new Int32Array(size) };
    case "bool":
      return { dtype, shape, data: new Uint8Array(size) };
  }
}

export const digestOfElements = ({ buffer, byteOffset, byteLength }: HostTensor["data"]): string =>
  digestOf(new Uint8Array(buffer, byteOffset, byteLength));
