/** A `run` with nothing to do, through the bin, against the floor (floor.ts): this repository, and a project of its shape. */
import { join } from "node:path";
import { execa } from "execa";
import { row, type Benchmark } from "../row.ts";
import { besideFloor, FLOOR } from "./floor.ts";
import { GeneratedProject, modelShapedProject, packageRoot } from "./generated-project.ts";

const repetitions = 15;
const maxRatio = 2;

export const noOpRun: Benchmark = {
  name: "no-op-run",
  description: "the second run of a built pipeline, as a whole process",
  bar: `at most ×${maxRatio} of bare Node with the index open`,
  async run(report) {
    const bin = join(packageRoot, "bin/pipeline.js");
    const { stdout } = await execa(process.execPath, [bin, "plan", "--json"]);
    const { stages } = JSON.parse(stdout) as { stages: { decision: string }[] };
    const stale = stages.filter(({ decision }) => decision !== "hit").length;
    const command = stale === 0 ? "run" : "plan";
    const own = await besideFloor(repetitions, async () => {
      const start = performance.now();
      await execa(process.execPath, [bin, command, "--json"]);
      return performance.now() - start;
    });
    report(
      row({
        bench: "no-op-run",
        job: `${command} of this repository, ${stages.length} stages, ${stale} of them stale`,
        value: own.ours,
        unit: "ms",
        peer: FLOOR,
        peerValue: own.floor,
        ...(stale === 0 ? {} : { note: "not everything is built: `npx pipeline run` first" }),
      }),
    );

    using project = new GeneratedProject(modelShapedProject());
    await project.pipeline("run");
    const generated = await besideFloor(
      repetitions,
      async () => (await project.pipeline("run", "--json")).ms,
    );
    report(
      row({
        bench: "no-op-run",
        job: "run of a generated project, 11 built stages",
        value: generated.ours,
        unit: "ms",
        peer: FLOOR,
        peerValue: generated.floor,
      }),
    );
    const worst = Math.max(own.ours / own.floor, generated.ours / generated.floor);
    if (worst > maxRatio)
      throw new Error(`×${worst.toFixed(2)} of the floor instead of at most ×${maxRatio}`);
  },
};
