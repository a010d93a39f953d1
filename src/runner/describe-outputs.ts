/** What an execution made, as events and reports tell it. */
import type { ExecutionRecord } from "../store/records.ts";
import { viewPath } from "../store/store.ts";
import type { OutputRecord } from "./event.ts";

export const describeOutputs = (stageId: string, execution: ExecutionRecord): Record<string, OutputRecord> =>
  Object.fromEntries(
    Object.entries(execution.outputs).map(([output, { digest, sizeBytes, summary }]) => [
      output,
      { digest, sizeBytes, summary, path: viewPath(stageId, output) },
    ]),
  );
