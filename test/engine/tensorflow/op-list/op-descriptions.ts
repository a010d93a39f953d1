/** What a TensorFlow library says of its ops, as list_ops.py prints it, and whether it can run a node of ours. */
import { z } from "zod";
import type { TfAttribute, TfNode } from "../../../../src/engine/tensorflow/tf-graph.ts";

const types = z.array(z.string());
const descriptionSchema = z.strictObject({
  op: z.string(),
  /** Type of each input, or the attribute that says it; `N T` where the attribute N says how many there are. */
  inputs: z.array(z.string()),
  attributes: z.record(
    z.string(),
    z.strictObject({ kind: z.string(), allowed: types.optional(), required: z.literal(true).optional() }),
  ),
  /** Of the CPU: the element types that each is for, by attribute. */
  kernels: z.array(z.record(z.string(), types)),
});
type OpDescription = z.output<typeof descriptionSchema>;
export type OpDescriptions = ReadonlyMap<string, OpDescription>;

export function parseOpDescriptions(text: string): OpDescriptions {
  const lines = text.trimEnd().split("\n");
  const all = lines.map((line) => descriptionSchema.parse(JSON.parse(line)));
  return new Map(all.map((each) => [each.op, each]));
}

const typeOf = (attribute: TfAttribute | undefined): string | undefined =>
  attribute !== undefined && "type" in attribute ? attribute.type : undefined;

/** Why the library would refuse this node on the CPU; empty where it runs it. */
export function objections(known: OpDescriptions, { op, inputs, attributes }: TfNode): readonly string[] {
  const description = known.get(op);
  if (description === undefined) return [`there is no op ${op}`];
  const own = Object.entries(attributes).flatMap(([name, attribute]) => {
    const asked = description.attributes[name];
    const type = typeOf(attribute);
    if (asked === undefined) return [`${op} has no attribute ${name}`];
    if (!(asked.kind in attribute)) return [`${op}.${name} is a ${asked.kind}`];
    const fits = type === undefined || asked.allowed?.includes(type) !== false;
    return fits ? [] : [`${op}.${name} cannot be ${type}`];
  });
  const missing = Object.entries(description.attributes)
    .filter(([name, { required }]) => required === true && !(name in attributes))
    .map(([name]) => `${op} needs the attribute ${name}`);
  const count = description.inputs.reduce((total, input) => {
    const times = input.includes(" ") ? attributes[input.split(" ")[0] ?? ""] : { int: 1 };
    return total + (times !== undefined && "int" in times ? times.int : 0);
  }, 0);
  const wrongCount = count === inputs.length ? [] : [`${op} takes ${count} inputs, not ${inputs.length}`];
  const problems = [...own, ...missing, ...wrongCount];
  if (problems.length > 0) return problems;
  // An attribute that the node leaves to its default is of a type that every kernel of the op has.
  const runs = description.kernels.some((kernel) =>
    Object.entries(kernel).every(([name, wanted]) => {
      const type = typeOf(attributes[name]);
      return type === undefined || wanted.includes(type);
    }),
  );
  const asked = Object.entries(attributes).flatMap(([name, value]) => {
    const type = typeOf(value);
    return type === undefined ? [] : [`${name} ${type}`];
  });
  return runs ? [] : [`${op} has no kernel for ${asked.join(", ")}`];
}
