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
  /** By group. */
  readonly places: (device: number) => readonly (readonly Place[])[];
  /** What each device adds up: a part of all elements, whatever variables they are of. */
  readonly summands: (device: number) => Summands;
}

const elementBytes = Float32Array.BYTES_PER_ELEMENT;
/** Each variable begins with as much of a group as TensorFlow takes without a copy (HostRoom). */
const alignment = 64;
/** Parts begin with a page of memory, which no two devices write to. */
const pageBytes = 4096;

const roundUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit;

/** `summed`: in groups. The first slot has room for any one variable too, at position 0. */
export function layOutSlots(
  variables: readonly Variable[],
  summed: readonly (readonly Variable[])[],
  devices: number,
): SlotLayout {
  let end = 0;
  const offsets = summed.map((group) =>
    group.map((variable) => {
      const position = end;
      end = position + roundUp(bytesOf(variable), alignment);
      return { variable, position };
    }),
  );
  const slot = Math.max(end, ...variables.map((variable) => roundUp(bytesOf(variable), alignment)));
  const part = roundUp(end / devices, pageBytes);
  return {
    bytes: devices * slot,
    places: (device) =>
      offsets.map((group) =>
        group.map(({ variable, position }) => ({ variable, position: device * slot + position })),
      ),
    summands: (device) => {
      const start = Math.min(device * part, end);
      return {
        positions: Array.from({ length: devices }, (_, from) => from * slot + start),
        elements: Math.min(part, end - start) / elementBytes,
      };
    },
  };
}

/** A variable's elements in `buffer`, `offset` bytes from its beginning. */
export function tensorIn(
  buffer: ArrayBuffer,
  { dtype, shape }: Pick<Variable, "dtype" | "shape">,
  offset = 0,
): HostTensor {
  const size = sizeOf(shape);
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: new Float32Array(buffer, offset, size) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer, offset, size) };
    case "bool":
      return { dtype, shape, data: new Uint8Array(buffer, offset, size) };
  }
}

export const digestOfElements = ({ buffer, byteOffset, byteLength }: HostTensor["data"]): string =>
  digestOf(new Uint8Array(buffer, byteOffset, byteLength));
