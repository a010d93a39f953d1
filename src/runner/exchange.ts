/** A session's exchange: says which executions targets and runs mean, and leaves moving them to the store. */
import { join } from "node:path";
import type { TransferOptions } from "../store/exchange/progress.ts";
import type { StoreExchange } from "../store/exchange/store-exchange.ts";
import type { Exchange, ExchangeOptions } from "./exchange-types.ts";
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
  };
}

function transferOptions({ signal, onProgress, onNotice }: ExchangeOptions): TransferOptions {
  return {
    signal: signal ?? new AbortController().signal,
    onProgress: onProgress ?? (() => undefined),
    onNotice: onNotice ?? (() => undefined),
  };
}
