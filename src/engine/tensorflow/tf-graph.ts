/**
 * A TensorFlow graph under construction: nodes in topological order, one per distinct computation. Plain
 * data; saved-model.ts writes it out. Knows nothing of this project's ops: lower-ops.ts does.
 */
import { sizeOf, type DType, type HostTensor, type Shape } from "../../tensor/types.ts";

/** Element types that occur in lowered graphs; `float64` only in scalars of the optimizer. */
export type TfDType = DType | "float64" | "resource";

export type TfAttribute =
  | { readonly type: TfDType }
  | { readonly bool: boolean }
  | { readonly int: number }
  | { readonly string: string }
  | { readonly shape: Shape }
  | { readonly tensor: { readonly dtype: TfDType; readonly shape: Shape; readonly content: Uint8Array } };

/** Names an output, `node:index`. */
export type TfOutput = `${string}:${number}`;

export interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly TfOutput[];
  /** Names of nodes that must have run before. */
  readonly control: readonly string[];
  readonly attributes: Readonly<Record<string, TfAttribute>>;
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, TfAttribute>>;
  readonly control?: readonly string[];
}

/** Above this size two constants are only one if they are the same object. */
const COMPARED_CONSTANT_BYTES = 4096;

export class TfGraph {
  readonly nodes: TfNode[] = [];
  readonly #names = new Set<string>();
  readonly #pure = new Map<string, string>();
  readonly #largeConstants = new Map<HostTensor, TfOutput>();
  #scope = "";

  /** Nodes made inside `build` are called `scope/…`; equal computations in different scopes stay apart. */
  within<Result>(scope: string, build: () => Result): Result {
    const outer = this.#scope;
    this.#scope = `${validName(scope)}/`;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** A node without side effects; an equal one made earlier in this scope is reused. */
  pure(
    op: string,
    inputs: readonly TfOutput[],
    attributes: NodeOptions["attributes"] = {},
    name = op,
  ): TfOutput {
    const key = `${this.#scope} ${op} ${inputs.join(" ")} ${JSON.stringify(attributes)}`;
    const known = this.#pure.get(key);
    const node = known ?? this.add(op, inputs, { attributes }, name);
    if (known === undefined) this.#pure.set(key, node);
    return `${node}:0`;
  }

  /** A node of its own, with or without side effects. Returns its name. */
  add(op: string, inputs: readonly TfOutput[], options: NodeOptions = {}, name = op): string {
    const { attributes = {}, control = [] } = options;
    const unique = this.#uniqueName(`${this.#scope}${validName(name)}`);
    this.nodes.push({ name: unique, op, inputs, control: [...new Set(control)], attributes });
    return unique;
  }

  constant(value: HostTensor): TfOutput {
    const known = this.#largeConstants.get(value);
    if (known !== undefined) return known;
    const { buffer, byteOffset, byteLength } = value.data;
    const output = this.#constant(value.dtype, value.shape, new Uint8Array(buffer, byteOffset, byteLength));
    if (byteLength > COMPARED_CONSTANT_BYTES) this.#largeConstants.set(value, output);
    return output;
  }

  float(value: number): TfOutput {
    return this.constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
  }

  double(value: number): TfOutput {
    return this.#constant("float64", [], new Uint8Array(Float64Array.of(value).buffer));
  }

  /** Axes, shapes and permutations. */
  ints(values: readonly number[]): TfOutput {
    return this.constant({ dtype: "int32", shape: [values.length], data: Int32Array.from(values) });
  }

  int(value: number): TfOutput {
    return this.constant({ dtype: "int32", shape: [], data: Int32Array.of(value) });
  }

  #constant(dtype: TfDType, shape: Shape, content: Uint8Array): TfOutput {
    const attributes = { dtype: { type: dtype }, value: { tensor: { dtype, shape, content } } } as const;
    // Constants are shared by all functions: they stand outside every scope.
    return this.within("constants", (): TfOutput => {
      if (content.length > COMPARED_CONSTANT_BYTES) return `${this.add("Const", [], { attributes })}:0`;
      const key = `${dtype} ${sizeOf(shape)} ${shape.join()} ${Buffer.from(content).toString("base64")}`;
      const known = this.#pure.get(key);
      const node = known ?? this.add("Const", [], { attributes });
      if (known === undefined) this.#pure.set(key, node);
      return `${node}:0`;
    });
  }

  #uniqueName(wanted: string): string {
    let name = wanted;
    for (let suffix = 1; this.#names.has(name); suffix++) name = `${wanted}_${suffix}`;
    this.#names.add(name);
    return name;
  }
}

/** TensorFlow's node names: [A-Za-z0-9.][A-Za-z0-9_.\\/>-]*; the binding splits lists of them at commas. */
const validName = (text: string): string =>
  text.replace(/[^A-Za-z0-9_./-]/g, "_").replace(/^[^A-Za-z0-9.]/, "n");
