/** A function of a program as text, one node a line, for people: `%12 float32(8, 4) = matmul(%3, %7ᵀ)  # layers.0`. */
import { ancestors, type Op, type Tensor } from "./graph.ts";
import { effectInputs, type Effect, type ProgramFunction } from "./program.ts";
import { shapeText, sizeOf } from "./types.ts";

export function dumpFunction(fn: ProgramFunction): string {
  const fetched = Object.entries(fn.fetches);
  const nodes = ancestors([...fetched.map(([, node]) => node), ...fn.effects.flatMap(effectInputs)]);
  const lines = nodes.map((node) => {
    const where = node.scope === "" ? "" : `  # ${node.scope}`;
    return `  %${node.id} ${node.dtype}${shapeText(node.shape)} = ${expression(node)}${where}`;
  });
  return [
    `${fn.name}(${fn.feeds.map(feedText).join(", ")}):`,
    ...lines,
    ...fn.effects.map((effect) => `  ${effectText(effect)}`),
    ...fetched.map(([name, node]) => `  fetch ${name} = %${node.id}`),
    "",
  ].join("\n");
}

const feedText = (node: Tensor): string =>
  `${node.op.kind === "feed" ? node.op.name : "?"}: ${node.dtype}${shapeText(node.shape)}`;

function expression({ op, inputs }: Tensor): string {
  const names = inputs.map((input) => `%${input.id}`);
  if (op.kind === "matmul") {
    const [a = "", b = ""] = names;
    return `matmul(${a}${op.transposeA ? "ᵀ" : ""}, ${b}${op.transposeB ? "ᵀ" : ""})`;
  }
  return `${operation(op)}(${[...names, ...attributes(op)].join(", ")})`;
}

/** `matmul`, `mul`, `reduce.sum`. */
export const operation = (op: Op): string =>
  "fn" in op ? (op.kind === "reduce" ? `reduce.${op.fn}` : op.fn) : op.kind;

/** Of a constant. */
const shownElements = 4;

function attributes(op: Op): string[] {
  switch (op.kind) {
    case "constant":
      return [
        ...Array.from(op.value.data.subarray(0, shownElements), String),
        ...(sizeOf(op.value.shape) > shownElements ? ["…"] : []),
      ];
    case "feed":
    case "variable":
      return [op.name];
    case "cast":
      return [op.dtype];
    case "reduce":
      return [`axes ${op.axes.join(" ")}`];
    case "transpose":
      return [op.permutation.join(" ")];
    case "slice":
      return [`from ${op.begin.join(" ")}`];
    case "pad":
      return [`before ${op.before.join(" ")}`, `after ${op.after.join(" ")}`];
    case "concat":
      return [`axis ${op.axis}`];
    case "scatterAdd":
      return [`rows ${op.rows}`];
    case "unary":
    case "binary":
    case "compare":
    case "select":
    case "argMax":
    case "reshape":
    case "broadcastTo":
    case "matmul":
    case "gather":
    case "after":
    case "recomputed":
    case "softmax":
    case "cachedAttention":
    case "sparseCrossEntropy":
    case "sparseCrossEntropyGradient":
      return [];
  }
}

function effectText(effect: Effect): string {
  if (effect.kind === "adamW")
    return `adamW ${effect.parameter.name} by %${effect.gradient.id}, decay ${effect.weightDecay}`;
  if (effect.kind === "assignRows")
    return `assign %${effect.value.id} to rows %${effect.rows.id} of ${effect.variable.name}`;
  return `${effect.kind === "assign" ? "assign" : "add"} %${effect.value.id} to ${effect.variable.name}`;
}
