/** Streams that a test can read: what `main` wrote, and what it is told on standard input. Not a test. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { CliStreams } from "../../src/cli/cli-context.ts";

export interface CapturedStreams extends CliStreams {
  /** Ends the streams and answers all that was written. */
  readonly written: () => Promise<{ readonly stdout: string; readonly stderr: string }>;
}

export function captureStreams(input = ""): CapturedStreams {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  return {
    stdin,
    stdout,
    stderr,
    async written() {
      stdout.end();
      stderr.end();
      return { stdout: await text(stdout), stderr: await text(stderr) };
    },
  };
}
