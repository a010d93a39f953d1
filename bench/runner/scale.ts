/** No-op runs of large projects, over the floor (floor.ts): a thousand stages; a folder of a hundred thousand files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { row, type Benchmark, type BenchRow } from "../row.ts";
import { besideFloor, FLOOR } from "./floor.ts";
import { buildInProcess } from "./build-in-process.ts";
import { filesProject, GeneratedProject, manyStagesProject } from "./generated-project.ts";

const repetitions = 7;
const [stages, maxStagesMs] = [1000, 300];
const [files, maxFilesMs] = [100_000, 700];

export const manyStages: Benchmark = {
  name: "many-stages",
  description: `the second run of ${stages} stages`,
  async run(report) {
    // Kinds that share their results, as in a matrix whose axes matter late; and stages that share nothing.
    for (const results of [4, stages]) {
      using project = new GeneratedProject(manyStagesProject(stages, results));
      await buildInProcess(project);
      const job = `${stages} stages with ${results} results`;
      await overFloor(report, project, { bench: "many-stages", job, maxMs: maxStagesMs });
    }
  },
};

export const manyFiles: Benchmark = {
  name: "many-files",
  description: `the second run of a stage that names a folder of ${files} files`,
  async run(report) {
    using project = new GeneratedProject(filesProject("data"));
    for (let index = 0; index < files; index++) {
      const folder = join(project.root, "data", String(index % 100));
      if (index < 100) mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${index}.txt`), `content of ${index}`);
    }
    // Files are believed by their stats when they are two seconds old.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await overFloor(report, project, {
      bench: "many-files",
      job: `${files} unchanged files`,
      maxMs: maxFilesMs,
    });
  },
};

/** Builds the project, then reports what a run with nothing to do takes. Throws where that is over the floor by more than `maxMs`. */
async function overFloor(
  report: (row: BenchRow) => void,
  project: GeneratedProject,
  { bench, job, maxMs }: { readonly bench: string; readonly job: string; readonly maxMs: number },
): Promise<void> {
  await project.pipeline("run");
  const { ours, floor } = await besideFloor(
    repetitions,
    async () => (await project.pipeline("run", "--json")).ms,
  );
  const over = Math.round(ours - floor);
  report(
    row({
      bench,
      job: `run with nothing to do, ${job}`,
      value: ours,
      unit: "ms",
      peer: FLOOR,
      peerValue: floor,
      note: `${over} ms over the floor`,
    }),
  );
  if (over > maxMs) throw new Error(`${over} ms over the floor instead of at most ${maxMs}`);
}
