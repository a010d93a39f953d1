/** What a no-op run is measured against: bare Node that opens an LMDB file and reads one key. Whole processes, in turn. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { median } from "../row.ts";

export const FLOOR = "node + lmdb open + one get";

/** Medians in milliseconds of `work` (which answers how long it took) and of the floor. */
export async function besideFloor(
  repetitions: number,
  work: () => Promise<number>,
): Promise<{ readonly ours: number; readonly floor: number }> {
  const directory = mkdtempSync(join(tmpdir(), "bench-lmdb-"));
  const script = `import { open } from "lmdb"; const db = open({ path: ${JSON.stringify(join(directory, "db"))} }); db.get("key"); await db.close();`;
  const [ours, floor]: [number[], number[]] = [[], []];
  try {
    for (let index = 0; index < repetitions; index++) {
      ours.push(await work());
      const start = performance.now();
      await execa(process.execPath, ["--input-type=module", "--eval", script]);
      floor.push(performance.now() - start);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return { ours: median(ours), floor: median(floor) };
}
