/** What a training tells the runner: what lineage must know is remarked, not only logged. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainingContext } from "../../stages/training-context.ts";

test("another number of threads after a resume is remarked, and a resume alone is not", () => {
  const folder = mkdtempSync(join(tmpdir(), "training-context-"));
  try {
    const logged: string[] = [];
    const remarked: string[] = [];
    const { onNotice } = trainingContext(
      {
        signal: new AbortController().signal,
        log: (line) => logged.push(line),
        progress: () => undefined,
        checkpointed: () => undefined,
        remark: (text) => remarked.push(text),
        checkpointDirectory: folder,
        downloadsDirectory: folder,
      },
      { checkpointEverySteps: 1, keepCheckpoints: 1 },
    );
    onNotice?.({ kind: "resumed", step: 4, path: "step-000004" });
    expect([logged.length, remarked]).toEqual([1, []]);
    onNotice?.({ kind: "threadsChanged", before: 3, now: 2 });
    expect(remarked).toEqual([
      expect.stringMatching(
        /^2 threads shared an operation, 3 did before: the result may differ in its last bits/,
      ),
    ]);
    expect(logged.slice(1)).toEqual(remarked);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
