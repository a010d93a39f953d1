/**
 * Walks a struct of Thrift's compact protocol without making anything of it, so that what follows can believe its
 * counts: a list of n elements has at least n bytes left, strings end inside the buffer, structs do not nest without end.
 * Specification: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

const STOP = 0;
const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];
/** Parquet's own structs are six deep at most. */
const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;

/** Where the struct that begins at `start` ends. Throws RangeError with the place where it breaks. */
export function endOfStruct(bytes: Uint8Array, start: number): number {
  let at = start;

  const broken = (what: string): RangeError => new RangeError(`${what} at byte ${at}`);
  const next = (): number => {
    const byte = bytes[at];
    if (byte === undefined) throw broken("it ends in the middle of a value");
    at++;
    return byte;
  };
  const varint = (): number => {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = next();
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw broken("a number without an end");
  };
  const skipBytes = (count: number): void => {
    if (count > bytes.length - at)
      throw broken(`${count} bytes are announced, ${bytes.length - at} are there`);
    at += count;
  };
  const elements = (count: number, types: readonly number[], depth: number): void => {
    if (count > bytes.length - at)
      throw broken(`${count} elements are announced, ${bytes.length - at} bytes are there`);
    for (let index = 0; index < count; index++) for (const type of types) element(type, depth);
  };
  /** A boolean as an element has a byte; as a field its type is its value. */
  const element = (type: number, depth: number): void => {
    if (type === TRUE || type === FALSE) skipBytes(1);
    else value(type, depth);
  };
  const value = (type: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw broken(`values nested more than ${MAX_DEPTH} deep`);
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) skipBytes(1);
    else if (type === I16 || type === I32 || type === I64) varint();
    else if (type === DOUBLE) skipBytes(8);
    else if (type === BINARY) skipBytes(varint());
    else if (type === LIST || type === SET) {
      const head = next();
      elements(head >> 4 === 15 ? varint() : head >> 4, [head & 15], depth + 1);
    } else if (type === MAP) {
      const count = varint();
      if (count === 0) return;
      const head = next();
      elements(count, [head >> 4, head & 15], depth + 1);
    } else if (type === STRUCT) struct(depth + 1);
    else throw broken(`a value of the unknown type ${type}`);
  };
  const struct = (depth: number): void => {
    for (;;) {
      const head = next();
      if ((head & 15) === STOP) return;
      if (head >> 4 === 0) varint(); // the field's number where it is far from the one before
      value(head & 15, depth);
    }
  };

  struct(0);
  return at;
}
