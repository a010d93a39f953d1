/** The variants of a matrix: every combination of the axes' values. */
import { userError } from "../errors.ts";

/** Axis name → values that are tried. */
export type Axes = Readonly<Record<string, readonly (string | number | boolean)[]>>;

/** One combination; the values keep the types of their axes. */
export type Variant<A extends Axes> = { readonly [K in keyof A]: A[K][number] };

export interface MatrixEntry<A extends Axes, R> {
  readonly variant: Variant<A>;
  /** What `wire` returned for it, e.g. refs. */
  readonly result: R;
}

/** The last axis varies fastest. Throws `MATRIX_INVALID` for what could not be told apart in ids and file names. */
export function listVariants<A extends Axes>(axes: A): readonly Variant<A>[] {
  let variants: readonly Readonly<Record<string, string | number | boolean>>[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    checkAxis(name, values);
    variants = variants.flatMap((variant) => values.map((value) => ({ ...variant, [name]: value })));
  }
  // Each holds one value of every axis, which is what the mapped type says and a loop cannot.
  return variants as readonly Variant<A>[];
}

/** Ids are names of folders and are typed in shells. */
const plain = /^[A-Za-z0-9_.+-]+$/;

function checkAxis(name: string, values: readonly (string | number | boolean)[]): void {
  const texts = values.map(String);
  const odd = [name, ...texts].find((text) => !plain.test(text));
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  const fault =
    values.length === 0
      ? "has no values"
      : odd !== undefined
        ? `has the name or value ${JSON.stringify(odd)}: letters, digits and _ . + - only, because ids are made of it`
        : twice !== undefined
          ? `has the value ${twice} twice`
          : undefined;
  if (fault !== undefined) throw userError("MATRIX_INVALID", `axis ${name} of a matrix ${fault}`);
}
