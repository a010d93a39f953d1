/**
 * Pins: what a person wants kept. A pin of a stage or fingerprint keeps that execution, one of an artifact keeps the
 * executions that made it: whole, so that they stay hits. What they came from stays only where that was asked.
 */
import { userError } from "../../errors.ts";
import { findSubjects } from "../../lineage/query.ts";
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { PinRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { PinOptions, PinReport } from "../maintenance-types.ts";
import { digestsOf, LiveExecutions, pinnedExecutions } from "./reachable.ts";

export function pin(store: Store, target: string, options: PinOptions): readonly PinReport[] {
  const pinnedAt = new Date().toISOString();
  const { name, withLineage = false } = options;
  const snapshot = store.keeping.snapshot();
  const reports = findSubjects(store, target).map((subject) =>
    report({ subject, target, withLineage, ...(name === undefined ? {} : { name }), pinnedAt }, snapshot),
  );
  const gone = reports.find(({ present }) => !present);
  if (gone !== undefined)
    throw userError(
      "PIN_GONE",
      `${target} was removed to make room: only its record is left, as ${gone.subject}`,
      "npx pipeline run makes what the recipe needs again",
    );
  for (const { bytes: _bytes, present: _present, ...record } of reports) store.keeping.pin(record);
  return reports;
}

export function unpin(store: Store, target: string): readonly PinRecord[] {
  const pins = store.keeping.pins();
  // By what was written first: a stage that ran again since names another execution now.
  const named = pins.filter((each) => each.target === target || each.name === target);
  const subjects = named.length > 0 ? named.map(({ subject }) => subject) : findSubjects(store, target);
  const removed = pins.filter(({ subject }) => subjects.includes(subject));
  if (removed.length === 0)
    throw userError(
      "PIN_UNKNOWN",
      `${target} is not pinned`,
      pins.length === 0
        ? "nothing is pinned: npx pipeline pin TARGET"
        : `npx pipeline pins lists what is: ${pins.map((each) => each.target).join(", ")}`,
    );
  for (const { subject } of removed) store.keeping.unpin(subject);
  return removed;
}

export function listPins(store: Store): readonly PinReport[] {
  const snapshot = store.keeping.snapshot();
  return snapshot.pins.map((each) => report(each, snapshot));
}

function report(record: PinRecord, { executions, objects }: StoreSnapshot): PinReport {
  const live = new LiveExecutions(executions);
  const named = pinnedExecutions(live, record.subject);
  const kept = record.withLineage ? live.withWhatTheyRead(named) : new Set(named);
  const digests = new Set(
    [...kept].flatMap((fingerprint) => {
      const execution = live.byFingerprint.get(fingerprint);
      return execution === undefined ? [] : digestsOf(execution);
    }),
  );
  const artifact = record.subject.replace(/^artifact:/, "");
  if (objects.has(artifact)) digests.add(artifact);
  const bytes = [...digests].reduce((sum, digest) => sum + (objects.get(digest) ?? 0), 0);
  return { ...record, bytes, present: digests.size > 0 };
}
