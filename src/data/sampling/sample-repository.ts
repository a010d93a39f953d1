/** Documents, conversations and preference pairs out of datasets on a hub, by random row groups. */
import { join } from "node:path";
import { DEEPCTRL_COLUMNS, deepctrlConversation } from "../adapters/deepctrl.ts";
import { SMOLTALK_COLUMNS, smoltalkConversation } from "../adapters/smoltalk.ts";
import { BINARIZED_COLUMNS, binarizedPair } from "../adapters/ultrafeedback-binarized.ts";
import { ULTRAFEEDBACK_COLUMNS, ultrafeedbackPair } from "../adapters/ultrafeedback.ts";
import { createRandom } from "../random.ts";
import { openHuggingFace } from "../sources/huggingface.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import { openModelScope } from "../sources/modelscope.ts";
import { RangeCache } from "../sources/range-cache.ts";
import type { Source } from "../sources/source.ts";
import type { SampleTask } from "./sample-checkpoint.ts";
import { sampleIndustry } from "./sample-industry.ts";
import type { SampleOutputs } from "./sample-outputs.ts";
import type { RepositoryParams } from "./sample-params.ts";
import { rowGroupFile, sampleRecords, type WantedRecords } from "./sample-records.ts";
import { sampleTexts } from "./sample-texts.ts";
import type { SampleEvents, SourceSampler } from "./source-sampler.ts";

export interface RepositoryEvents extends SampleEvents {
  /** Where parts of files are kept for the next try. */
  readonly cacheDirectory: string;
  readonly retry?: RetryPolicy | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

const HUBS = {
  huggingface: { prefix: "hf", open: openHuggingFace },
  modelscope: { prefix: "modelscope", open: openModelScope },
} as const;

export function repositorySampler(
  params: RepositoryParams,
  seed: number,
  outputs: SampleOutputs,
  events: RepositoryEvents,
): SourceSampler {
  const hub = HUBS[params.kind];
  const name = `${hub.prefix}:${params.repository}`;
  const random = createRandom(seed).fork(name);
  const asked = `${name}@${params.revision}`;
  const open = async (task: SampleTask): Promise<Source> => {
    const source = await hub.open({
      ...events,
      repository: params.repository,
      revision: params.revision,
      commit: task.pinned(asked),
      ranges: await RangeCache.open(join(events.cacheDirectory, "ranges"), { onNotice: events.onNotice }),
    });
    await task.pin(asked, source.revision, name);
    return source;
  };
  const recordsSampler = (wanted: WantedRecords): SourceSampler => ({
    records: async (task) => sampleRecords(wanted, await open(task), outputs, random, task, events),
  });
  switch (params.dataset) {
    case "texts":
      return {
        documents: async (task) => sampleTexts(params, await open(task), seed, outputs, events),
      };
    case "industry-corpus-2":
      return {
        documents: async (task) => {
          const source = await open(task);
          await sampleIndustry({
            params,
            source,
            outputs,
            random,
            task,
            rowGroupFile: (file, columns) => rowGroupFile(source, file, columns),
            events,
          });
          return [source.record()];
        },
      };
    case "smol-smoltalk":
      return recordsSampler({
        prefix: params.files,
        columns: SMOLTALK_COLUMNS,
        language: "en",
        count: params.conversations,
        writer: outputs.conversations,
        adapt: smoltalkConversation,
      });
    case "deepctrl":
      return recordsSampler({
        prefix: params.files,
        columns: DEEPCTRL_COLUMNS,
        language: params.language,
        count: params.conversations,
        writer: outputs.conversations,
        adapt: deepctrlConversation(params.language),
      });
    case "ultrafeedback-binarized":
    case "ultrafeedback": {
      const binarized = params.dataset === "ultrafeedback-binarized";
      return recordsSampler({
        prefix: params.files,
        columns: binarized ? BINARIZED_COLUMNS : ULTRAFEEDBACK_COLUMNS,
        language: "en",
        count: params.preferences,
        writer: outputs.preferences,
        adapt: binarized ? binarizedPair : ultrafeedbackPair,
      });
    }
  }
}
