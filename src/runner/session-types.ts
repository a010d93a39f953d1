/**
 * The programmatic surface of the runner: what `openSession` (session.ts) gives. Every answer is plain,
 * JSON-serialisable data; terminal views, `--json` and reports are made of these types and of `RunnerEvent`.
 */
import type { SerializedError } from "../errors.ts";
import type { LineageDirection, LineageGraph } from "../lineage/lineage-graph.ts";
import type { Json, JsonObject } from "../std/json.ts";
import type { CheckOptions, CheckReport } from "../store/check.ts";
import type {
  AcceptanceRecord,
  ExtendedFrom,
  Origin as ExecutionOrigin,
  Remark,
  RunRecord,
} from "../store/records.ts";
import type { IndexNotice as StoreNotice } from "../store/rebuild-index.ts";
import type { Exchange } from "./exchange-types.ts";
import type { OutputRecord, RunnerEvent } from "./event.ts";
import type { History, KilledRun } from "./history-types.ts";
import type { Maintenance } from "./maintenance-types.ts";
import type { LeftCheckpoint, Plan, PlannedStage, Reason } from "./plan-types.ts";
import type { Selection } from "./selection.ts";
import type { ComparedParts, UpstreamRun } from "./why-types.ts";

export type { CheckOptions, CheckProblem, CheckProgress, CheckReport } from "../store/check.ts";
export type { IndexNotice as StoreNotice } from "../store/rebuild-index.ts";
export type { RunRecord } from "../store/records.ts";
export type { Selection } from "./selection.ts";

/** Opens a session: `openSession` of session.ts has this type. Throws `PipelineError`s of kind `user` for a bad config. */
export type OpenSession = (options: SessionOptions) => Promise<Session>;

/** Answers what pipeline.ts exports. */
export type ImportPipeline = () => Promise<{ readonly default?: unknown }>;

export interface SessionOptions {
  /** Absolute; holds pipeline.ts, stages/, configs/, artifacts/ and cache/. */
  readonly projectRoot: string;
  /** What the compile step made (runner/compile.ts); holds the program, the stages and their source digests. */
  readonly compiledDirectory: string;
  /** pipeline.ts from the program that this process already runs. Default: loads the compiled program for it. */
  readonly importPipeline?: ImportPipeline | undefined;
  /** Relative to the project root or absolute. Default: the pipeline's `defaultConfig`. */
  readonly configFile?: string | undefined;
  /** `a.b.c=value` overrides, the value read as YAML; later ones win. */
  readonly set?: readonly string[] | undefined;
  /** The environment of stage processes. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export type PlanOptions = Selection;

export interface RunOptions extends PlanOptions {
  readonly onEvent?: (event: RunnerEvent) => void;
  /** Stop gently: running stages write a checkpoint and end; nothing new starts. */
  readonly signal?: AbortSignal;
  /** Stop now: stage processes are killed. */
  readonly killSignal?: AbortSignal;
  /** CPU slots shared by the stages. Default: what the machine has. */
  readonly jobs?: number;
  /** After a failure go on with the stages that do not need what failed. Default: start nothing new. */
  readonly keepGoing?: boolean;
  /** Made beforehand by who follows the run from outside (run-id.ts). Default: a new one. */
  readonly runId?: string;
  /** Where stages run. Default: as settings.yaml says. */
  readonly executor?: "local" | "slurm";
}

export interface RunSummary {
  readonly runId: string;
  readonly status: "succeeded" | "failed" | "interrupted";
  /** 0 succeeded; 1 a stage failed; 2 the user wrote something that cannot work; 130 interrupted. */
  readonly exitCode: 0 | 1 | 2 | 130;
  readonly durationMs: number;
  readonly executed: number;
  readonly hits: number;
  readonly stages: readonly RunStageSummary[];
}

export interface RunStageSummary {
  readonly id: string;
  readonly outcome: "hit" | "executed" | "failed" | "interrupted" | "skipped";
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  readonly error?: SerializedError;
  /** Skipped: the stage whose failure or interrupt is the cause, or why nothing new was started. */
  readonly because?: string;
}

/** One finished execution, as people ask for it. */
export interface ExecutionSummary {
  readonly fingerprint: string;
  readonly runId: string;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Checkpoint steps from which it was resumed after interrupts; empty when it ran through. */
  readonly resumedFrom: readonly number[];
  /** The finished execution that it went on from instead of beginning anew. */
  readonly extended?: ExtendedFrom;
  /** What the stage said of how it came about; absent where it said nothing. */
  readonly remarks?: readonly Remark[];
  /** Set where a person declared an earlier result to stand for it. */
  readonly acceptedFrom?: AcceptanceRecord;
  /** When its artifacts were removed to make room; ISO 8601. */
  readonly evictedAt?: string;
  /** Tries that failed before the one that finished it; absent where there were none. */
  readonly retries?: number;
  /** Relative to the project; JSON lines of `RunnerEvent`. */
  readonly logFile: string;
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  /** How it came here, where another machine made it. */
  readonly origin?: ExecutionOrigin;
}

export interface StageStatus extends PlannedStage {
  /** The latest execution that served this stage id, be it current or stale. */
  readonly latest?: ExecutionSummary;
  /** Another or this runner executes it now. */
  readonly running?: { readonly pid: number; readonly runId: string; readonly since: string };
}

export interface StatusReport {
  readonly pipeline: string;
  readonly config: string;
  readonly stages: readonly StageStatus[];
  readonly lastRun?: RunRecord;
  /** Where the newest run of this project did not end: its runner died. */
  readonly killedRun?: KilledRun;
}

export interface WhyReport {
  readonly id: string;
  readonly name: string;
  readonly decision: PlannedStage["decision"];
  readonly fingerprint: string | null;
  readonly reasons: readonly Reason[];
  readonly resumeStep?: number;
  readonly resumeTotal?: number;
  /** Checkpoints of other recipes that are further than where it begins. */
  readonly leaves?: readonly LeftCheckpoint[];
  /** For a hit: the execution it stands on (which run, when). Otherwise the latest one, which is stale. */
  readonly execution?: ExecutionSummary;
  /** What the fingerprint is made of now. */
  readonly params: JsonObject;
  readonly inputs: Readonly<
    Record<string, { readonly stageId: string; readonly output: string; readonly digest: string | null }>
  >;
  readonly environment: Readonly<Record<string, Json>>;
  readonly packages: Readonly<Record<string, string>>;
  readonly sourceDigest: string;
  /** How much was compared; for a hit, all of it was equal. */
  readonly compared: ComparedParts;
  /** The stages above it that will run, in topological order: what its `upstream-runs` come from. */
  readonly upstream: readonly UpstreamRun[];
}

export interface GraphReport {
  readonly pipeline: string;
  readonly stages: readonly {
    readonly id: string;
    readonly name: string;
    readonly description: string;
    readonly inputs: Readonly<
      Record<string, { readonly stageId: string; readonly output: string; readonly kind: string }>
    >;
    /** Output name → artifact kind. */
    readonly outputs: Readonly<Record<string, string>>;
    readonly cpus: number;
  }[];
  /** The pipeline's named outputs. */
  readonly outputs: Readonly<Record<string, { readonly stageId: string; readonly output: string }>>;
}

export interface LineageOptions {
  /** Default `both`. */
  readonly direction?: LineageDirection;
}

export interface ResolvedOutput {
  readonly stageId: string;
  readonly output: string;
  readonly kind: string;
  readonly digest: string;
  /** Absolute, read-only, content-addressed. */
  readonly directory: string;
  readonly summary: JsonObject;
}

/** Files and folders, absolute; some may not exist yet. */
export interface WatchedFiles {
  /** The pipeline, the stages, and what they import. */
  readonly sources: readonly string[];
  /** The recipe with what it extends, and the folder of recipes. */
  readonly recipes: readonly string[];
  readonly settings: string;
  /** What stages read beside their inputs. */
  readonly data: readonly string[];
}

export interface Session {
  readonly pipeline: string;
  readonly projectRoot: string;
  /** The config file, relative to the project root. */
  readonly config: string;
  /** The recipe as the schema parsed it: `extends`, defaults and overrides applied. */
  readonly recipe: Json;
  /** `targets`: stage ids, stage names or names of pipeline outputs; none = everything. Throws `UNKNOWN_TARGET` and the errors of selection.ts. */
  plan(targets?: readonly string[], options?: PlanOptions): Promise<Plan>;
  /** Stage failures are values in the summary; it throws only where nothing could be started. */
  run(targets?: readonly string[], options?: RunOptions): Promise<RunSummary>;
  status(): Promise<StatusReport>;
  why(stageId: string): Promise<WhyReport>;
  /**
   * `subject`: a stage id; the digest of an artifact or of a file in one, or a fingerprint (or a unique prefix of 6 or
   * more digits); a path below artifacts/; or any other path, relative to the project or absolute, whose content an
   * artifact has.
   */
  lineage(subject: string, options?: LineageOptions): Promise<LineageGraph>;
  graph(): GraphReport;
  /** What was: runs, what differs between them, their figures and logs. */
  readonly history: History;
  /** The current artifact of a stage (its latest finished execution), e.g. for `generate`; undefined where there is none. */
  output(stageId: string, output: string): ResolvedOutput | undefined;
  check(options?: CheckOptions): Promise<CheckReport>;
  /** Finished work of and for other machines. */
  readonly exchange: Exchange;
  /** Keeping the store small and right. */
  readonly maintenance: Maintenance;
  /** What decides results and may be edited: everything whose change may make a stage stale. */
  watched(): Promise<WatchedFiles>;
  /** What a person must be told of the store since the last call; a run tells it by `warning` events. */
  takeNotices(): readonly StoreNotice[];
  /** JSON Schema of the config files, for editors. */
  configJsonSchema(): JsonObject;
  close(): Promise<void>;
}

/** What bin/pipeline.js hands to `main(argv, host)` of src/cli/main.ts, which answers with the exit code. */
export interface Host {
  readonly projectRoot: string;
  /** Where this package is installed: its package.json and node_modules. Often the project root itself. */
  readonly packageRoot: string;
  readonly compiledDirectory: string;
  readonly importPipeline?: ImportPipeline;
}
