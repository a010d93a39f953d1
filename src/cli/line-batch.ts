/** Lines for standard output, of which many that come at once are written at once. */
import { print, type CliContext } from "./cli-context.ts";

export class LineBatch {
  readonly #context: CliContext;
  readonly #waiting: string[] = [];
  #flush: NodeJS.Immediate | undefined;

  constructor(context: CliContext) {
    this.#context = context;
  }

  /** `more`: others are about to follow, so it may wait for the event loop to turn. Lines never change places. */
  print(line: string, more = false): void {
    this.#waiting.push(line);
    if (more) this.#flush ??= setImmediate(() => this.flush());
    else this.flush();
  }

  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const lines = this.#waiting.splice(0);
    if (lines.length > 0) print(this.#context, lines.join("\n"));
  }
}
