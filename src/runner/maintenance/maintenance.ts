/** Looking after the store, as one group on the session. Each part is loaded when it is asked for. */
import type { Maintenance } from "../maintenance-types.ts";
import type { OpenProject } from "../open-project.ts";
import { clean, planClean } from "./clean.ts";
import { listPins, pin, unpin } from "./pins.ts";
import { releaseHost, remainsOf } from "./release-host.ts";

export const createMaintenance = (project: OpenProject): Maintenance => ({
  gc: async (options = {}) => (await import("./gc.ts")).gc(project, options),
  pin: (target, options = {}) => pin(project.store, target, options),
  unpin: (target) => unpin(project.store, target),
  pins: () => listPins(project.store),
  accept: async (stageId) => (await import("./accept.ts")).accept(project, stageId),
  verify: async (stageId, options = {}) => (await import("./verify.ts")).verify(project, stageId, options),
  planClean: (options) => planClean(project, options),
  remainsOf: (host) => remainsOf(project, host),
  release: (host) => releaseHost(project, host),
  clean: (parts) => clean(project, parts),
});
