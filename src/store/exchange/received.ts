/** Entries of other machines on their way into the index: what of them is missing here, and the records they become. */
import type { ExecutionRecord, ObjectRecord, Origin } from "../records.ts";
import type { ReceivedExecution, Store } from "../store.ts";
import type { Entry, PortableObject } from "./entry.ts";

/** The entry's objects that this store has not, or not whole. */
export async function missingObjects(store: Store, { objects }: Entry): Promise<PortableObject[]> {
  const missing: PortableObject[] = [];
  for (const object of objects) if (!(await store.verify(object.digest)).intact) missing.push(object);
  return missing;
}

/** Whether the store has this very execution with all its files. */
export async function isPresent(store: Store, entry: Entry): Promise<boolean> {
  const { fingerprint, outputs } = entry.execution;
  const present = store.execution(fingerprint);
  if (present === undefined || present.evictedAt !== undefined) return false;
  for (const [name, { digest }] of Object.entries(present.outputs))
    if (outputs[name] === undefined || !(await store.verify(digest)).intact) return false;
  return true;
}

export function receivedExecution(
  { execution, objects }: Entry,
  origin: Origin,
  adopted: ReadonlyMap<string, ObjectRecord>,
): ReceivedExecution {
  const { runId, stageId } = execution;
  const record: ExecutionRecord = {
    ...execution,
    // Its log stayed where it ran; the name keeps to the rule, so that nobody reads another file by it.
    logFile: `cache/logs/${runId}/stages/${encodeURIComponent(stageId)}.jsonl`,
    origin,
    // To this store it is as if its files had been removed: it serves lineage, and is no hit.
    ...(origin.lineageOnly === true ? { evictedAt: origin.at } : {}),
  };
  return { execution: record, objects: objects.flatMap(({ digest }) => adopted.get(digest) ?? []) };
}
