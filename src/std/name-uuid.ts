/** UUIDs made of a name: the same name, the same UUID. */
import { digestOf } from "./digest.ts";

/** Version 8 with the first bits of the name's SHA-256. Source: RFC 9562, section 5.8 and appendix B.2. */
export function nameUuid(name: string): string {
  const bytes = Buffer.from(digestOf(name), "hex").subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
