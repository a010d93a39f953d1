/** A session's exchange: says which executions targets and runs mean, and leaves moving them to the store. */
import { join } from "node:path";
import { userError } from "../errors.ts";
import type { TransferOptions } from "../store/exchange/progress.ts";
import type { StoreExchange } from "../store/exchange/store-exchange.ts";
import type { Exchange, ExchangeOptions, RemoteChoice, TrustOptions } from "./exchange-types.ts";
import { pullTargets } from "./pull-targets.ts";
import type { RemoteSettings } from "./settings.ts";
import { selectFinished } from "./exchange-selection.ts";
import type { OpenProject } from "./open-project.ts";

/** `open`: loads what signs and moves, when the first answer is asked for. */
export function createExchange(project: OpenProject, open: () => Promise<StoreExchange>): Exchange {
  const { trustedKeys } = project.parts.settings;
  return {
    async key() {
      const { publicKey, keyFile } = await open();
      return { publicKey, file: keyFile, trustedKeys };
    },
    async exportRun(what, options = {}) {
      const selection = selectFinished(project, what);
      const { directory = project.projectRoot } = options;
      const file = options.file ?? join(directory, `${selection.name}.tar`);
      const exchange = await open();
      const executions = exchange.upstreamClosure(selection.fingerprints);
      const withoutFiles =
        options.lineageOnlyUpstream === true
          ? executions.map(({ fingerprint }) => fingerprint).filter((each) => !selection.subjects.has(each))
          : executions.filter(({ evictedAt }) => evictedAt !== undefined).map((each) => each.fingerprint);
      const { run } = selection;
      const summary = await exchange.writeArchive(
        { executions, withoutFiles: new Set(withoutFiles), run },
        file,
        transferOptions(options),
      );
      return { ...summary, key: exchange.publicKey, ...(run ? { runId: run.runId } : {}) };
    },
    async importRun(file, options = {}) {
      const { trust = [], dryRun = false } = options;
      const exchange = await open();
      return exchange.readArchive(file, {
        ...transferOptions(options),
        trustedKeys: [...trustedKeys, ...trust],
        dryRun,
      });
    },
    async push(targets, options = {}) {
      const address = chooseRemote(project, options);
      const { stages } = (await project.plan(targets)).plan;
      const unfinished = stages.filter(({ decision }) => decision !== "hit").map(({ id }) => id);
      const executions = stages.flatMap(({ decision, fingerprint }) => {
        const execution = fingerprint === null ? undefined : project.store.execution(fingerprint);
        return decision === "hit" && execution ? [execution] : [];
      });
      if (executions.length === 0)
        throw userError(
          "NOTHING_TO_PUSH",
          `nothing of ${unfinished.join(", ")} is finished for this recipe`,
          shownCommand(["run", ...targets]),
        );
      const exchange = await open();
      const summary = await exchange.push(address, executions, {
        ...remoteOptions(project, options),
        dryRun: options.dryRun ?? false,
      });
      return { ...summary, key: exchange.publicKey, unfinished };
    },
    async pull(targets, options = {}) {
      const address = chooseRemote(project, options);
      const exchange = await open();
      return exchange.pulling(address, remoteOptions(project, options), (remote) =>
        pullTargets(project, targets, remote, options.dryRun ?? false),
      );
    },
  };
}

const shownCommand = (words: readonly string[]): string => `npx pipeline ${words.join(" ")}`;

function chooseRemote(project: OpenProject, { remote }: RemoteChoice): RemoteSettings {
  const { remote: settings } = project.parts.settings;
  if (remote !== undefined) return { ...settings, url: remote };
  if (settings !== undefined) return settings;
  throw userError(
    "REMOTE_NOT_NAMED",
    "no remote is known to push to or to pull from",
    "--remote FOLDER or --remote s3://bucket/prefix, or remote.url in settings.yaml",
  );
}

/** A folder of settings.yaml counts from the project, one of the command line from where the user stands. */
function remoteOptions(
  { projectRoot, parts }: OpenProject,
  options: ExchangeOptions & TrustOptions & RemoteChoice,
) {
  return {
    ...transferOptions(options),
    trustedKeys: [...parts.settings.trustedKeys, ...(options.trust ?? [])],
    baseDirectory: options.remote === undefined ? projectRoot : (options.directory ?? projectRoot),
  };
}

function transferOptions({ signal, onProgress, onNotice }: ExchangeOptions): TransferOptions {
  return {
    signal: signal ?? new AbortController().signal,
    onProgress: onProgress ?? (() => undefined),
    onNotice: onNotice ?? (() => undefined),
  };
}
