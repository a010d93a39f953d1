/** The exit code of a run, from what its events told. */
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import type { RunViewState } from "./run-view/run-view-state.ts";

export function runExitCode({ finished, stages }: RunViewState): number {
  switch (finished?.status) {
    case "succeeded":
      return exitCodes.ok;
    case "interrupted":
      return exitCodes.interrupted;
    case "failed":
      return exitCodeOf(stages.some(({ error }) => error?.kind === "user") ? "user" : "failure");
    case undefined:
      return exitCodes.failure; // its runner died
  }
}
