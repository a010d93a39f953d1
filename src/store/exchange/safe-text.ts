/** Names and paths that come from other machines: what may be shown on a terminal and made on a disk. */

// Control characters could steer the reader's terminal.
const CONTROL = /\p{Cc}/u;

/** A stage, output, package or file name as records hold them. */
export const isSafeName = (name: string): boolean =>
  name.length > 0 && name.length <= 300 && !CONTROL.test(name);

const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;

/** Relative, with `/`, and below its folder on every system: no `..`, no drive, no backslash. */
export function isSafePath(path: string): boolean {
  if (path.length > MAX_PATH_BYTES || CONTROL.test(path)) return false;
  if (path.includes("\\") || /^[A-Za-z]:/.test(path)) return false;
  return path.split("/").every(isSafeSegment);
}

const isSafeSegment = (segment: string): boolean =>
  segment !== "" && segment !== "." && segment !== ".." && Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES;
