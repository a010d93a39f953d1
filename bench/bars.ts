/** What a benchmark holds its figures to: it measures on where one is missed, and fails at its end. */
export class Bars {
  readonly #missed: string[] = [];

  require(holds: boolean, bar: string): void {
    if (!holds) this.#missed.push(bar);
  }

  /** Throws where a bar was missed. */
  check(): void {
    if (this.#missed.length > 0) throw new Error(`not reached: ${this.#missed.join("; ")}`);
  }
}
