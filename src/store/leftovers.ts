/** Entries of the index that point nowhere, and notes of processes that died. All are harmless; `gc` removes them. */
import { isAlive } from "../std/process-identity.ts";
import { claims, locks } from "./claims.ts";
import type { IndexDatabase, IndexKey } from "./index-database.ts";
import type { IndexLeftover } from "./keeping-types.ts";
import type { ExecutionRecord, PinRecord } from "./records.ts";

interface Found extends IndexLeftover {
  readonly entry: IndexKey;
}

export const leftovers = (index: IndexDatabase): IndexLeftover[] =>
  find(index).map(({ code, message, key }) => ({ code, message, key }));

export function removeLeftovers(index: IndexDatabase): number {
  return index.transaction((_put, remove) => {
    const found = find(index).filter(
      ({ code }) => code !== "pin-without-object" && code !== "object-without-execution",
    );
    for (const { entry } of found) remove(entry);
    return found.length;
  });
}

function find(index: IndexDatabase): Found[] {
  const executions = new Map(
    index.entries(["execution"]).map(({ key, value }) => [key[1] ?? "", value as ExecutionRecord]),
  );
  const alive = [...executions.values()].filter(({ evictedAt }) => evictedAt === undefined);
  const made = new Set(alive.flatMap(({ outputs }) => Object.values(outputs).map(({ digest }) => digest)));
  const claimed = new Set(claims(index).map((each) => each.claimed));
  const known = new Set(index.entries(["object"]).map(({ key }) => key[1] ?? ""));
  return [
    ...[...known]
      .filter((digest) => !made.has(digest) && !claimed.has(digest))
      .map((digest) =>
        found(
          "object-without-execution",
          ["object", digest],
          digest,
          `artifact ${digest} was replaced by a later execution`,
        ),
      ),
    ...entriesWithoutExecution(index, executions),
    ...index
      .entries(["pin"])
      .filter(({ value }) => !keepsSomething(value as PinRecord, executions, known))
      .map(({ key, value }) => {
        const { subject, target } = value as PinRecord;
        return found(
          "pin-without-object",
          key,
          subject,
          `the pin of ${target} keeps nothing: ${subject} is gone`,
        );
      }),
    ...claims(index)
      .filter(({ process }) => !isAlive(process))
      .map(({ key, claimed: what, process: { pid } }) =>
        found("claim-of-dead-process", key, what, `process ${pid}, which died, had claimed ${what}`),
      ),
    ...locks(index)
      .filter(({ holder }) => !isAlive(holder.process))
      .map(({ fingerprint, holder: { process, stageId } }) =>
        found(
          "lock-of-dead-process",
          ["lock", fingerprint],
          fingerprint,
          `process ${process.pid} died while it made ${stageId}; its lock is as good as none`,
        ),
      ),
  ];
}

function entriesWithoutExecution(
  index: IndexDatabase,
  executions: ReadonlyMap<string, ExecutionRecord>,
): Found[] {
  const has = (side: "inputs" | "outputs", digest: string | undefined, fingerprint = "") =>
    Object.values<{ readonly digest: string }>(executions.get(fingerprint)?.[side] ?? {}).some(
      (each) => each.digest === digest,
    );
  const dangling = [
    ...index.entries(["produced"]).filter(({ key }) => !has("outputs", key[1], key[2])),
    ...index.entries(["consumed"]).filter(({ key }) => !has("inputs", key[1], key[2])),
    ...index.entries(["family"]).filter(({ key }) => !executions.has(key[2] ?? "")),
    ...index.entries(["used"]).filter(({ key }) => !executions.has(key[1] ?? "")),
    ...index.entries(["latest"]).filter(({ value }) => !executions.has(value as string)),
  ];
  return dangling.map(({ key }) =>
    found(
      "entry-without-execution",
      key,
      key[key.length - 1] ?? "",
      `the entry ${key.join("/")} names no execution that is known`,
    ),
  );
}

function keepsSomething(
  { subject }: PinRecord,
  executions: ReadonlyMap<string, ExecutionRecord>,
  known: ReadonlySet<string>,
): boolean {
  const [type, key = ""] = subject.split(":");
  if (type === "artifact") return known.has(key);
  const execution = executions.get(key);
  return execution !== undefined && execution.evictedAt === undefined;
}

const found = (code: Found["code"], entry: IndexKey, key: string, message: string): Found => ({
  code,
  entry,
  key,
  message,
});
