/** One line on a terminal that is written over; nothing where nobody watches. */
import type { OutputStream } from "../cli-context.ts";
import { textWidth } from "../text-width.ts";

export interface ProgressLine {
  readonly show: (text: string) => void;
  /** Clears the line. */
  readonly end: () => void;
}

const CLEAR = "\r\u001b[2K";

export function progressLine(stream: OutputStream): ProgressLine {
  if (stream.isTTY !== true) return { show: () => undefined, end: () => undefined };
  let shown = false;
  return {
    show(text) {
      shown = true;
      // A line that wraps could not be written over.
      const fits = textWidth(text) < (stream.columns ?? 80);
      stream.write(`${CLEAR}${fits ? text : text.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    end() {
      if (shown) stream.write(CLEAR);
      shown = false;
    },
  };
}
