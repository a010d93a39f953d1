type GrowingArray =
  Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The array itself while `length` fits, else a copy at least twice as long; the rest is zero. */
export function grown<A extends GrowingArray>(array: A, length: number): A {
  if (length <= array.length) return array;
  const ArrayType = array.constructor as new (length: number) => A;
  const larger = new ArrayType(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}
