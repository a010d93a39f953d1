/** The files of this store's artifacts, as blobs that can be sent. */
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import type { ExecutionRecord, ObjectRecord } from "../records.ts";
import type { Store } from "../store.ts";
import type { BlobName } from "./blob.ts";

export interface LocalBlob extends BlobName {
  /** Absolute. */
  readonly path: string;
}

/** The records of an execution's outputs, each once. Throws `ARTIFACT_DAMAGED`. */
export function outputObjects(store: Store, { stageId, outputs }: ExecutionRecord): ObjectRecord[] {
  const digests = [...new Set(Object.values(outputs).map(({ digest }) => digest))].sort();
  return digests.map((digest) => {
    const object = store.object(digest);
    if (object === undefined) throw damaged(stageId, "its files are not known here");
    return object;
  });
}

/** By sha256. Throws `ARTIFACT_DAMAGED` where an artifact is not whole. */
export async function localBlobs(
  store: Store,
  executions: readonly ExecutionRecord[],
): Promise<Map<string, LocalBlob>> {
  const blobs = new Map<string, LocalBlob>();
  for (const execution of executions)
    for (const { digest, files } of outputObjects(store, execution)) {
      const verdict = await store.verify(digest);
      if (!verdict.intact) throw damaged(execution.stageId, verdict.problem.message);
      for (const { path, sha256, sizeBytes } of files)
        blobs.set(sha256, { sha256, sizeBytes, path: join(store.objectPath(digest), path) });
    }
  return blobs;
}

const damaged = (stageId: string, why: string): PipelineError =>
  new PipelineError({
    code: "ARTIFACT_DAMAGED",
    message: `an artifact of ${stageId} cannot be sent: ${why}`,
    hint: `npx pipeline run ${stageId} makes it again`,
  });
