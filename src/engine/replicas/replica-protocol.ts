/** What the process that trains and a replica say to each other over IPC. Gradients and weights go through the shared file. */
import type { SerializedError } from "../../errors.ts";
import type { PortableProgram } from "../../tensor/portable-program.ts";
import type { HostTensor } from "../../tensor/types.ts";
import type { Variable } from "../../tensor/program.ts";
import type { EngineIdentity, Feeds } from "../engine.ts";
import type { OpenEngineOptions } from "../open-engine.ts";

/** A number that the asking side gives to a program. */
type ProgramId = number;

export type Task =
  | { readonly kind: "open"; readonly engine: OpenEngineOptions }
  | { readonly kind: "compile"; readonly program: ProgramId; readonly portable: PortableProgram }
  /** The file through which this program's variables pass; a later one takes its place. */
  | { readonly kind: "attach"; readonly program: ProgramId; readonly path: string }
  | { readonly kind: "call"; readonly program: ProgramId; readonly name: string; readonly feeds: Feeds }
  /** What a function fetches → file. */
  | { readonly kind: "publish"; readonly program: ProgramId; readonly group: PlacedGroup }
  /** Within the file: the sum of what stands at some positions, in their order, takes the place of the first. */
  | { readonly kind: "add"; readonly program: ProgramId; readonly summands: Summands }
  /** File → what a function is fed with. */
  | { readonly kind: "load"; readonly program: ProgramId; readonly group: PlacedGroup }
  /** Variable → file. */
  | { readonly kind: "read"; readonly program: ProgramId; readonly place: Place }
  /** File → variable. */
  | { readonly kind: "write"; readonly program: ProgramId; readonly place: Place }
  | { readonly kind: "digest"; readonly program: ProgramId; readonly name: string }
  | { readonly kind: "dispose"; readonly program: ProgramId };

export interface Place {
  readonly variable: Variable;
  /** Bytes from the file's beginning. */
  readonly position: number;
}

export interface PlacedGroup {
  /** A function whose fetches, or feeds, are named after these variables. */
  readonly name: string;
  /** The lowest first, with small gaps. */
  readonly places: readonly Place[];
}

export interface Summands {
  /** Bytes from the file's beginning. */
  readonly positions: readonly number[];
  /** float32, at each of them. */
  readonly elements: number;
}

/** Tasks are done in their order; the next request waits. */
export interface ReplicaRequest {
  readonly id: number;
  readonly tasks: readonly Task[];
}

/** Of the last task: the engine's identity after `open`, fetches after `call`, a digest after `digest`. */
export interface Answer {
  readonly identity?: EngineIdentity;
  readonly fetches?: Readonly<Record<string, HostTensor>>;
  readonly digest?: string;
}

export type ReplicaResponse =
  { readonly id: number; readonly answer: Answer } | { readonly id: number; readonly error: SerializedError };
