/** `pipeline doctor`: a line for each thing looked at. Exit code 1 where one of them must be mended. */
import { columnsOf, print, printJson, type CliContext } from "../cli-context.ts";
import { examineExecutor } from "../doctor/examine-executor.ts";
import { examineMachine } from "../doctor/examine-machine.ts";
import { examineProject } from "../doctor/examine-project.ts";
import type { Finding } from "../doctor/finding.ts";
import { nothingToMeasure, speedFinding } from "../doctor/speed-finding.ts";
import type { RecipeSpeed, UnknownSpeed } from "../estimate/recipe-speeds.ts";
import { exitCodes } from "../exit-code.ts";
import { padEnd, wrap } from "../text-width.ts";

export interface DoctorOptions {
  readonly network?: boolean;
  readonly benchmark?: boolean;
  readonly json?: boolean;
}

export async function doctorCommand(
  context: CliContext,
  { network, benchmark, json }: DoctorOptions,
): Promise<number> {
  const { projectRoot } = context.host;
  const findings: Finding[] = [
    ...(await examineMachine(projectRoot)),
    ...(await examineProject(projectRoot)),
    ...(await examineExecutor(projectRoot, context.env)),
  ];
  if (network === true) {
    const { examineNetwork } = await import("../doctor/examine-network.ts");
    findings.push(await examineNetwork(projectRoot));
  }
  const show = (shown: readonly Finding[]): void => {
    if (json !== true) print(context, shown.flatMap((finding) => findingLines(finding, context)).join("\n"));
  };
  show(findings);
  let speeds: readonly RecipeSpeed[] | undefined;
  if (benchmark === true) {
    const measured = await benchmarkRecipes(context);
    speeds = measured.flatMap((each) => ("error" in each ? [] : [each]));
    const speedFindings = measured.length === 0 ? [nothingToMeasure] : measured.map(speedFinding);
    show(speedFindings);
    findings.push(...speedFindings);
  }
  const ok = findings.every(({ level }) => level !== "fail");
  if (json === true) printJson(context, { ok, findings, ...(speeds === undefined ? {} : { speeds }) });
  return ok ? exitCodes.ok : exitCodes.failure;
}

async function benchmarkRecipes(context: CliContext): Promise<readonly (RecipeSpeed | UnknownSpeed)[]> {
  const { recipeSpeeds } = await import("../estimate/recipe-speeds.ts");
  const { measurePlace } = await import("./estimate.ts");
  return await recipeSpeeds(context.host.projectRoot, measurePlace(context));
}

const marks = { ok: ["✔", "green"], warn: ["!", "yellow"], fail: ["✖", "red"] } as const;

function findingLines(
  { name, level, message, hint }: Finding,
  { streams, paint }: CliContext,
): readonly string[] {
  const [mark, style] = marks[level];
  const indent = " ".repeat(13);
  const [first = "", ...more] = wrap(message, columnsOf(streams.stdout) - indent.length);
  return [
    `${paint(style, mark)} ${padEnd(name, 9)}  ${first}`,
    ...more.map((line) => `${indent}${line}`),
    ...(hint === undefined ? [] : [`${indent}${paint("cyan", "hint:")} ${hint}`]),
  ];
}
