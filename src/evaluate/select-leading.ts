/** Partial selection: brings to the front what is needed of an order, without sorting the rest. */

/** What the elements are ordered by: `before(a, b)` is a strict total order. */
export type Before = (a: number, b: number) => boolean;

export interface Goal {
  /** What each element adds, 0 or more. */
  readonly massOf: (element: number) => number;
  readonly target: number;
  /** The sum must pass `target` instead of reaching it. */
  readonly strictly?: boolean;
}

/**
 * Rearranges `elements` so that its leading ones, in some order, are the fewest of the order's first whose masses sum
 * to `target`; the last of them in the order stands last. Returns how many they are: all where the target is never
 * reached. Linear on average: Hoare's FIND (CACM 4(7), 1961, algorithm 65), by mass instead of rank.
 */
export function selectLeading(
  elements: Int32Array,
  before: Before,
  { massOf, target, strictly = false }: Goal,
): number {
  const reaches = (sum: number) => (strictly ? sum > target : sum >= target);
  let low = 0;
  let high = elements.length;
  let massBelow = 0;
  while (low < high) {
    const pivot = medianOfThree(elements, low, high, before);
    let middle = low;
    let mass = massBelow;
    for (let index = low; index < high; index++) {
      const element = at(elements, index);
      if (element === pivot || !before(element, pivot)) continue;
      mass += massOf(element);
      elements[index] = at(elements, middle);
      elements[middle++] = element;
    }
    swap(elements, middle, elements.indexOf(pivot, middle));
    const withPivot = mass + massOf(pivot);
    if (middle > low && reaches(mass)) high = middle;
    else if (reaches(withPivot)) return middle + 1;
    else {
      massBelow = withPivot;
      low = middle + 1;
    }
  }
  return low;
}

function medianOfThree(elements: Int32Array, low: number, high: number, before: Before): number {
  const [first, middle, last] = [at(elements, low), at(elements, (low + high) >> 1), at(elements, high - 1)];
  if (before(first, middle)) {
    if (before(middle, last)) return middle;
    return before(first, last) ? last : first;
  }
  if (before(first, last)) return first;
  return before(middle, last) ? last : middle;
}

function swap(elements: Int32Array, a: number, b: number): void {
  const element = at(elements, a);
  elements[a] = at(elements, b);
  elements[b] = element;
}

const at = (elements: Int32Array, index: number): number => elements[index] ?? 0;
