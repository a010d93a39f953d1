/**
 * A `run` with nothing to do, through the bin, against the floor: bare Node that opens an LMDB file and
 * reads one key. Whole processes, in turn.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { median, row, type Benchmark } from "./row.ts";

const repetitions = 15;

async function timed(args: readonly string[]): Promise<number> {
  const start = performance.now();
  await execa(process.execPath, args);
  return performance.now() - start;
}

export const noOpRun: Benchmark = {
  name: "no-op-run",
  description: "the second run of a built pipeline, as a whole process",
  async run(report) {
    const { stdout } = await execa(process.execPath, ["bin/pipeline.js", "plan", "--json"]);
    const plan = JSON.parse(stdout) as { stages: { decision: string }[] };
    const stale = plan.stages.filter(({ decision }) => decision !== "hit").length;
    const job = `${plan.stages.length} stages, ${stale} of them stale`;
    const directory = await mkdtemp(join(tmpdir(), "bench-lmdb-"));
    const floorScript = `import { open } from "lmdb"; const db = open({ path: ${JSON.stringify(join(directory, "db"))} }); db.get("key"); await db.close();`;
    const [ours, floor]: [number[], number[]] = [[], []];
    for (let index = 0; index < repetitions; index++) {
      ours.push(
        await timed(
          stale === 0 ? ["bin/pipeline.js", "run", "--json"] : ["bin/pipeline.js", "plan", "--json"],
        ),
      );
      floor.push(await timed(["--input-type=module", "--eval", floorScript]));
    }
    await rm(directory, { recursive: true });
    const what = stale === 0 ? "run" : "plan (not everything is built: run `npx pipeline run` first)";
    report(
      row({
        bench: "no-op-run",
        job: `${what}, ${job}`,
        value: median(ours),
        unit: "ms",
        peer: "node + lmdb open + one get",
        peerValue: median(floor),
      }),
    );
  },
};
