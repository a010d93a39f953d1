/**
 * How much memory the values of a function take while it runs in creation order, each from its computation to its last
 * reader. An executor may order and share a little differently; this is the common measure of what a program asks for.
 */
import { bytesOf, nodesOf, resultsOf } from "./cost.ts";
import type { Tensor } from "./graph.ts";
import type { ProgramFunction } from "./program.ts";

export interface Fullest {
  /** Of all values that exist at the fullest moment, constants included and variables not. */
  readonly bytes: number;
  /** What exists then: nodes that own memory. */
  readonly nodes: readonly Tensor[];
}

/** Hands its first input on, in the same memory. */
const isView = ({ op }: Tensor): boolean =>
  op.kind === "reshape" || op.kind === "after" || op.kind === "recomputed";

/** The node whose memory holds the value. */
export function ownerOf(node: Tensor): Tensor {
  let owner = node;
  while (isView(owner) && owner.inputs[0] !== undefined) owner = owner.inputs[0];
  return owner;
}

/** Variables have memory of their own, whoever reads them. */
const ownsMemory = (node: Tensor): boolean => ownerOf(node) === node && node.op.kind !== "variable";

export function fullestMoment(fn: ProgramFunction): Fullest {
  const nodes = nodesOf(fn);
  const lastReads = lastReadsOf(fn, nodes);
  /** Ends after computing `until`, or with the last node; answers the fullest moment on the way and what exists at the end. */
  const runUntil = (until?: Tensor) => {
    const live = new Set(nodes.filter(({ op }) => op.kind === "constant" || op.kind === "feed"));
    let bytes = [...live].reduce((total, node) => total + bytesOf(node), 0);
    let fullest: { readonly bytes: number; readonly node: Tensor | undefined } = { bytes, node: nodes[0] };
    for (const node of nodes) {
      if (ownsMemory(node) && !live.has(node)) {
        live.add(node);
        bytes += bytesOf(node);
      }
      if (bytes > fullest.bytes) fullest = { bytes, node };
      if (node === until) break;
      for (const owner of lastReads.get(node) ?? []) if (live.delete(owner)) bytes -= bytesOf(owner);
    }
    return { fullest, live };
  };
  const { bytes, node } = runUntil().fullest;
  return { bytes, nodes: [...runUntil(node).live] };
}

/** After which node which owners are not read any more; results and constants stay. */
function lastReadsOf(fn: ProgramFunction, nodes: readonly Tensor[]): ReadonlyMap<Tensor, readonly Tensor[]> {
  const stay = new Set(resultsOf(fn).map(ownerOf));
  const last = new Map<Tensor, Tensor>();
  for (const node of nodes) {
    const owner = ownerOf(node);
    if (owner === node) last.set(node, node);
    for (const input of node.inputs) last.set(ownerOf(input), node);
  }
  const after = new Map<Tensor, Tensor[]>();
  for (const [owner, reader] of last)
    if (!stay.has(owner) && owner.op.kind !== "constant" && owner.op.kind !== "variable")
      after.set(reader, [...(after.get(reader) ?? []), owner]);
  return after;
}
