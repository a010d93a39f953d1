/** A queue of numbers, smallest first: a binary heap (Williams, CACM 7(6), 1964, algorithm 232). */
export class NumberHeap {
  readonly #values: number[] = [];

  push(value: number): void {
    const values = this.#values;
    let at = values.length;
    values.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentValue = values[parent] as number;
      if (parentValue <= value) break;
      values[at] = parentValue;
      at = parent;
    }
    values[at] = value;
  }

  pop(): number | undefined {
    const values = this.#values;
    const top = values[0];
    const last = values.pop();
    if (last === undefined || values.length === 0) return top;
    let at = 0;
    for (let child = 1; child < values.length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < values.length && (values[right] as number) < (values[child] as number)) child = right;
      const childValue = values[child] as number;
      if (childValue >= last) break;
      values[at] = childValue;
      at = child;
    }
    values[at] = last;
    return top;
  }
}
