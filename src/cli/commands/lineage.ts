/** `pipeline lineage [WHAT]`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { LineageDirection } from "../../lineage/lineage-graph.ts";
import { openLineageOf } from "../../lineage/open-lineage.ts";
import { provOf } from "../../lineage/prov.ts";
import { formatBytes } from "../../report/quantity.ts";
import type { StatusReport } from "../../runner/session-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { lineageDot, lineageMermaid } from "../text/lineage-drawing.ts";
import { lineageText } from "../text/lineage-text.ts";
import { table } from "../text/table.ts";
import { shortDigest } from "../text/short-digest.ts";
import { withSession } from "../with-session.ts";

export interface LineageCommandOptions extends RecipeOptions {
  readonly up?: boolean;
  readonly down?: boolean;
  readonly json?: boolean;
  readonly mermaid?: boolean;
  readonly dot?: boolean;
  readonly prov?: boolean;
  readonly openlineage?: boolean;
}

/** Without a subject: the artifacts there are to ask about. */
export async function lineageCommand(
  context: CliContext,
  what: string | undefined,
  { up, down, json, mermaid, dot, prov, openlineage, ...recipe }: LineageCommandOptions,
): Promise<number> {
  const direction: LineageDirection = up === true ? "up" : down === true ? "down" : "both";
  if (what === undefined) {
    const artifacts = artifactsOf(await withSession(context, recipe, (session) => session.status()));
    if (json === true) printJson(context, { artifacts });
    else print(context, artifactsText(artifacts, context));
    return exitCodes.ok;
  }
  const { graph, pipeline } = await withSession(context, recipe, async (session) => ({
    graph: await session.lineage(subjectOf(context, what), { direction }),
    pipeline: session.pipeline,
  }));
  if (json === true) printJson(context, graph);
  else if (prov === true) printJson(context, provOf(graph));
  else if (openlineage === true)
    for (const event of openLineageOf(graph, pipeline)) printJson(context, event);
  else if (mermaid === true) print(context, lineageMermaid(graph));
  else if (dot === true) print(context, lineageDot(graph));
  else print(context, lineageText(graph, { direction, now: Date.now(), paint: context.paint }));
  return exitCodes.ok;
}

/** A path counts from where the user stands; the session counts from the project. */
function subjectOf({ workingDirectory }: CliContext, what: string): string {
  const path = resolve(workingDirectory, what);
  return /[/\\.]/.test(what) && existsSync(path) ? path : what;
}

interface ArtifactRow {
  readonly stage: string;
  readonly output: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly path: string;
}

function artifactsOf({ stages }: StatusReport): readonly ArtifactRow[] {
  return stages.flatMap(({ id, latest }) =>
    Object.entries(latest?.outputs ?? {}).map(([output, { digest, sizeBytes, path }]) => {
      return { stage: id, output, digest, sizeBytes, path };
    }),
  );
}

function artifactsText(artifacts: readonly ArtifactRow[], { paint }: CliContext): string {
  if (artifacts.length === 0) return "no artifacts yet: npx pipeline run";
  const rows = artifacts.map(({ stage, output, digest, sizeBytes, path }) => [
    { text: `${stage}.${output}` },
    { text: shortDigest(digest), style: "dim" as const },
    { text: formatBytes(sizeBytes), align: "right" as const },
    { text: path },
  ]);
  return [
    ...table(rows, paint),
    "",
    paint("dim", "npx pipeline lineage STAGE, PATH or DIGEST shows where one came from"),
  ].join("\n");
}
