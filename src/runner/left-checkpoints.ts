/**
 * Work of a stage that was stopped under another recipe, which a plan does not go on from: told, so that nobody loses a
 * day's steps by a setting that was changed in between.
 */
import { explain, type CurrentRecipe, type Difference } from "../lineage/explain.ts";
import type { Json } from "../std/json.ts";
import { shellCommand } from "../std/shell-command.ts";
import type { LeftCheckpoint } from "./plan-types.ts";
import type { StoppedWork } from "./stopped-work.ts";

export interface LeftCheckpointReads {
  /** Of all stages; reads the disk. */
  readonly stopped: () => readonly StoppedWork[];
  /** Where the recipe's file has the params of a stage, e.g. `pretrain`; undefined where no part of it is them as it stands. */
  readonly paramsPath: (stageId: string) => string | undefined;
}

export interface PlannedWork {
  readonly id: string;
  /** Inputs that are not made yet have no digest. */
  readonly recipe: CurrentRecipe;
  /** Null while an input is not known. */
  readonly fingerprint: string | null;
  /** Where it begins. */
  readonly step: number;
}

/** Of the same stage id, and further than this plan begins; the furthest first. */
export function findLeftCheckpoints(
  { id, recipe, fingerprint, step }: PlannedWork,
  reads: LeftCheckpointReads,
): readonly LeftCheckpoint[] {
  return reads
    .stopped()
    .filter((work) => work.stageId === id && work.fingerprint !== fingerprint && work.step > step)
    .sort((a, b) => b.step - a.step)
    .map((work) => leftCheckpoint(work, recipe, reads.paramsPath(id)));
}

function leftCheckpoint(
  { fingerprint, step, total, config, recipe: then }: StoppedWork,
  now: CurrentRecipe,
  paramsPath: string | undefined,
): LeftCheckpoint {
  const differences = explain(then, now);
  const settings = paramsPath === undefined ? undefined : settingsBack(differences, paramsPath);
  const pending = Object.keys(now.inputs).filter((name) => now.inputs[name]?.digest === null);
  const what = `a checkpoint of step ${step}${total === undefined ? "" : ` of ${total}`}`;
  return {
    fingerprint,
    step,
    ...(total === undefined ? {} : { total }),
    config,
    differences,
    ...(settings === undefined ? {} : { settings }),
    message:
      differences.length === 0 && pending.length > 0
        ? `${what} stands: the stage goes on from it if ${pending.map((name) => `input ${name}`).join(" and ")} comes out as it was`
        : `${what} belongs to another recipe and stays behind (${differencesText(config, differences)}); ${wayBack(settings)}, the stage goes on from it`,
  };
}

/** More than these are a matter for --json. */
const SHOWN = 3;

function differencesText(config: string, differences: readonly Difference[]): string {
  const more = differences.length - SHOWN;
  return [
    `begun with ${config}`,
    ...differences.slice(0, SHOWN).map(({ message }) => message),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join(", ");
}

function wayBack(settings: readonly string[] | undefined): string {
  if (settings === undefined || settings.length > SHOWN) return "with what was before";
  return `with ${shellCommand(settings.flatMap((setting) => ["--set", setting]))}`;
}

/** As `--set` takes them; undefined where something else than a setting differs, or one that was not there before. */
function settingsBack(differences: readonly Difference[], paramsPath: string): string[] | undefined {
  const settings = differences.flatMap(({ code, field, old }) =>
    code === "param-changed" && isSettable(field, old) ? [`${paramsPath}.${field}=${yamlText(old)}`] : [],
  );
  return settings.length === 0 || settings.length < differences.length ? undefined : settings;
}

/** `--set` reaches into maps, not into lists. */
const isSettable = (field: string, old: Json | undefined): old is string | number | boolean | null =>
  old !== undefined && (typeof old !== "object" || old === null) && !field.includes("[");

/** A word of letters stands as it is, where YAML does not read it as something else. */
function yamlText(value: string | number | boolean | null): string {
  const isPlain = typeof value === "string" && /^[a-z][\w-]*$/i.test(value);
  return isPlain && !/^(true|false|null)$/i.test(value) ? value : JSON.stringify(value);
}
