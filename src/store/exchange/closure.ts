/** Executions with all that they were made from. */
import type { ExecutionRecord } from "../records.ts";
import type { IndexReads } from "../store.ts";

/** Each once, what others were made from first. A producer that the index has lost is left out. */
export function upstreamClosure(
  index: Pick<IndexReads, "execution">,
  fingerprints: Iterable<string>,
): ExecutionRecord[] {
  const found = new Map<string, ExecutionRecord>();
  const seen = new Set<string>();
  const visit = (fingerprint: string): void => {
    if (seen.has(fingerprint)) return;
    seen.add(fingerprint);
    const execution = index.execution(fingerprint);
    if (execution === undefined) return;
    for (const { producer } of Object.values(execution.inputs)) visit(producer);
    found.set(fingerprint, execution);
  };
  for (const fingerprint of fingerprints) visit(fingerprint);
  return [...found.values()];
}
