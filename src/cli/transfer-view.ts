/**
 * A transfer as it is seen: its progress on standard error, and Ctrl-C, after which nothing half is left. On a
 * terminal one line that changes; elsewhere a line at every tenth.
 */
import { formatBytes } from "../report/quantity.ts";
import type { ExchangeOptions, TransferProgress } from "../runner/exchange-types.ts";
import { listenForInterrupts } from "../runner/interrupts.ts";
import { note, type CliContext } from "./cli-context.ts";

/** Less than this is over before it could be read. */
const SHOWN_FROM_BYTES = 8_000_000;
const REDRAW_MS = 100;

/** Undefined where the user interrupted it. */
export async function transferring<Result>(
  context: CliContext,
  verb: string,
  work: (options: Required<ExchangeOptions>) => Promise<Result>,
): Promise<Result | undefined> {
  const interrupts = listenForInterrupts();
  const line = createProgressLine(context, verb);
  let lastNotice: string | undefined;
  try {
    return await work({
      signal: interrupts.signal,
      onProgress: line.show,
      onNotice: (message) => {
        // Several requests fail at once for one reason.
        if (message === lastNotice) return;
        lastNotice = message;
        line.clear();
        note(context, `${context.errorPaint("yellow", "notice")} ${message}`);
      },
    });
  } catch (error) {
    if (!interrupts.signal.aborted) throw error;
    line.clear();
    note(context, "interrupted; what was complete stays, nothing half is left");
    return undefined;
  } finally {
    line.clear();
    interrupts.dispose();
  }
}

interface ProgressLine {
  readonly show: (progress: TransferProgress) => void;
  readonly clear: () => void;
}

function createProgressLine({ streams: { stderr } }: CliContext, verb: string): ProgressLine {
  let shownTenth = 0;
  let drawnAt = 0;
  let isDrawn = false;
  return {
    show({ doneBytes, totalBytes }) {
      if (totalBytes < SHOWN_FROM_BYTES) return;
      const share = doneBytes / totalBytes;
      const text = `${verb}: ${String(Math.floor(share * 100))}% · ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
      const tenth = Math.floor(share * 10);
      if (stderr.isTTY === true) {
        if (Date.now() - drawnAt < REDRAW_MS) return;
        drawnAt = Date.now();
        isDrawn = true;
        stderr.write(`\r\u001b[2K${text}`);
      } else if (tenth > shownTenth) {
        shownTenth = tenth;
        stderr.write(`${text}\n`);
      }
    },
    clear() {
      if (isDrawn) stderr.write("\r\u001b[2K");
      isDrawn = false;
    },
  };
}
