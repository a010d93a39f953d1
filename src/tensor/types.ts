/** Element types, shapes and host-side tensors. */
/** What exists in JavaScript memory: feeds, fetches, variables. */
export type HostDType = "float32" | "int32" | "bool";

/** `bfloat16`, the upper half of a float32, exists between ops only. */
export type DType = HostDType | "bfloat16";

/** Static shape; every dimension is a known non-negative integer. */
export type Shape = readonly number[];

/** A tensor in JavaScript memory, row-major. `bool` is stored as 0/1 bytes. */
export type HostTensor =
  | { readonly dtype: "float32"; readonly shape: Shape; readonly data: Float32Array }
  | { readonly dtype: "int32"; readonly shape: Shape; readonly data: Int32Array }
  | { readonly dtype: "bool"; readonly shape: Shape; readonly data: Uint8Array };

export const sizeOf = (shape: Shape): number => shape.reduce((product, dim) => product * dim, 1);

export const shapeText = (shape: Shape): string => `(${shape.join(", ")})`;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

export const float32 = (shape: Shape, data: Float32Array): HostTensor => ({ dtype: "float32", shape, data });
export const int32 = (shape: Shape, data: Int32Array): HostTensor => ({ dtype: "int32", shape, data });
/** A copy of the numbers as elements of the type. */
export function hostTensor(dtype: HostDType, shape: Shape, data: ArrayLike<number>): HostTensor {
  switch (dtype) {
    case "float32":
      return { dtype, shape, data: Float32Array.from(data) };
    case "int32":
      return { dtype, shape, data: Int32Array.from(data) };
    case "bool":
      return { dtype, shape, data: Uint8Array.from(data) };
  }
}
export const scalar = (value: number): HostTensor => float32([], Float32Array.of(value));
