/** No-op runs of large projects, over the floor (floor.ts): a thousand stages; a hundred thousand files; four gigabytes. */
import { mkdirSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { row, type Benchmark, type BenchRow } from "../row.ts";
import { besideFloor, FLOOR } from "./floor.ts";
import { buildInProcess } from "./build-in-process.ts";
import {
  filesProject,
  GeneratedProject,
  largeArtifactProject,
  manyStagesProject,
} from "./generated-project.ts";

const repetitions = 7;
const [stages, maxStagesMs] = [1000, 300];
const [files, maxFilesMs] = [100_000, 700];
/** Reading four gigabytes takes seconds; as in no-op-run, nothing else may take as long as the floor again. */
const [largeBytes, maxLargeRatio] = [4 * 2 ** 30, 2];

export const manyStages: Benchmark = {
  name: "many-stages",
  description: `the second run of ${stages} stages`,
  bar: `at most ${maxStagesMs} ms over bare Node with the index open`,
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
  bar: `at most ${maxFilesMs} ms over bare Node with the index open`,
  async run(report) {
    using project = new GeneratedProject(filesProject("data"));
    for (let index = 0; index < files; index++) {
      const folder = join(project.root, "data", String(index % 100));
      if (index < 100) mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${index}.txt`), `content of ${index}`);
    }
    await aged();
    await overFloor(report, project, {
      bench: "many-files",
      job: `${files} unchanged files`,
      maxMs: maxFilesMs,
    });
  },
};

export const largeInput: Benchmark = {
  name: "large-input",
  description:
    "the second run of a stage that names a file of 4 GiB, and of one that reads it as an artifact",
  bar: `at most ×${maxLargeRatio} of bare Node with the index open`,
  async run(report) {
    for (const kind of ["named file", "artifact"] as const) {
      using project = new GeneratedProject(
        kind === "artifact" ? largeArtifactProject(largeBytes) : filesProject("large.bin"),
      );
      const job = `an unchanged ${kind} of ${largeBytes / 2 ** 30} GiB`;
      const { bavail, bsize } = statfsSync(project.root);
      // Sparse, where the file system can: then it takes no room. The copy for people is a link.
      if (bavail * bsize < 2 * largeBytes) {
        const note = "skipped: the disk is too full";
        report(
          row({ bench: "large-input", job, value: null, unit: "ms", peer: FLOOR, peerValue: null, note }),
        );
        continue;
      }
      if (kind === "named file") {
        writeFileSync(join(project.root, "large.bin"), "");
        truncateSync(join(project.root, "large.bin"), largeBytes);
        await aged();
      }
      await overFloor(report, project, { bench: "large-input", job, maxRatio: maxLargeRatio });
    }
  },
};

/** Files are believed by their stats when they are two seconds old. */
const aged = () => new Promise((resolve) => setTimeout(resolve, 2500));

interface Bar {
  readonly bench: string;
  readonly job: string;
  /** Over the floor. */
  readonly maxMs?: number;
  /** Of the floor. */
  readonly maxRatio?: number;
}

/** Builds the project, then reports what a run with nothing to do takes. Throws where that is over the bar. */
async function overFloor(
  report: (row: BenchRow) => void,
  project: GeneratedProject,
  { bench, job, maxMs = Infinity, maxRatio = Infinity }: Bar,
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
  if (ours > maxRatio * floor)
    throw new Error(`×${(ours / floor).toFixed(2)} of the floor instead of at most ×${maxRatio}`);
  if (over > maxMs) throw new Error(`${over} ms over the floor instead of at most ${maxMs}`);
}
