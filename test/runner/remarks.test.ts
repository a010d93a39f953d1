/** What a stage remarks of how its result came about stays with the execution, as far as what it is about stays. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noPaint } from "../../src/cli/paint.ts";
import { lineageText } from "../../src/cli/text/lineage-text.ts";
import { whyText } from "../../src/cli/text/why-text.ts";
import { openLineageOf } from "../../src/lineage/open-lineage.ts";
import { provOf } from "../../src/lineage/prov.ts";
import { Project } from "./project.ts";

let project: Project;
beforeAll(async () => {
  project = new Project();
  project.edit(
    "stages/count.ts",
    'trace("count from " + state.step);',
    `trace("count from " + state.step);
        if (process.env["REMARK"]) { context.remark(process.env["REMARK"]); context.remark(process.env["REMARK"]); }
        if (process.env["DIE_FIRST"]) process.kill(process.pid, "SIGKILL");`,
  );
  await project.compile();
});
beforeEach(() => project.forget());
afterAll(() => project.remove());

const count = (env: Readonly<Record<string, string>>) =>
  project.run(["count"], {}, { env: { ...process.env, ...env } });
const lineage = () => project.with((session) => session.lineage("count", { direction: "up" }));

test("remarks of all slices are told by lineage and why, with the step that each went on from", async () => {
  await count({ REMARK: "begun\nwell", DIE_AT: "2", DIE_BY: "SIGKILL" });
  await count({ REMARK: "gone on", DIE_AT: "4", DIE_BY: "SIGKILL" });
  await count({});
  const remarks = [
    { step: 0, text: "begun well" },
    { step: 2, text: "gone on" },
  ];
  const graph = await lineage();
  const node = graph.nodes.find((each) => each.type === "execution" && each.stageId === "count");
  expect(node).toMatchObject({ remarks });
  expect(graph.nodes.filter((each) => "remarks" in each)).toEqual([node]);
  expect(lineageText(graph, { direction: "up", now: 0, paint: noPaint })).toMatch(
    /begun well\n.*after step 2: gone on\n/,
  );

  const why = await project.with((session) => session.why("count"));
  expect(why.execution).toMatchObject({ resumedFrom: [2, 4], remarks });
  expect(whyText(why, 0, noPaint)).toContain("\nbegun well\nafter step 2: gone on\n");

  for (const told of [provOf(graph), openLineageOf(graph, "test")])
    expect(JSON.stringify(told)).toContain('["begun well","after step 2: gone on"]');
});

test("a remark on what was lost is lost with it", async () => {
  await count({ DIE_AT: "2", DIE_BY: "SIGKILL" });
  await count({ REMARK: "before it died", DIE_FIRST: "yes" });
  await count({ REMARK: "the second time" });
  expect(project.executed()).toEqual(["words", "count from 0", "count from 2", "count from 2"]);
  const { execution } = await project.with((session) => session.why("count"));
  expect(execution?.remarks).toEqual([{ step: 2, text: "the second time" }]);
});

test("a stage that remarks nothing leaves no remarks", async () => {
  await count({});
  const { execution } = await project.with((session) => session.why("count"));
  expect(execution).not.toHaveProperty("remarks");
});
