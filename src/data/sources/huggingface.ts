/**
 * A repository on the Hugging Face Hub, of a dataset or a model, at one commit: listing and reads by byte range. The token
 * of gated ones is found as Hugging Face's own tools find it, another endpoint (a mirror) in HF_ENDPOINT. Knows no schema.
 */
import { datasetInfo, HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { PipelineError } from "../../errors.ts";
import { hubFetch } from "./hub-fetch.ts";
import { hubRefusal } from "./hub-refusal.ts";
import { findHubToken, HUGGING_FACE_TOKEN } from "./hub-token.ts";
import {
  COMMIT,
  repositorySource,
  type RepositoryFile,
  type RepositoryOptions,
} from "./repository-source.ts";
import type { Source } from "./source.ts";

const HUB = "https://huggingface.co";

/** Throws HUB_ACCESS_DENIED, HUB_NOT_FOUND, HUB_REFUSED, SOURCE_CHANGED or NETWORK_UNAVAILABLE. */
export async function openHuggingFace(
  options: RepositoryOptions,
  type: "dataset" | "model" = "dataset",
): Promise<Source> {
  const { repository, environment = process.env } = options;
  const revision = options.commit ?? options.revision;
  const name = `hf:${repository}`;
  const hubUrl = (environment.HF_ENDPOINT || HUB).replace(/\/+$/u, "");
  const place = HUGGING_FACE_TOKEN;
  const token = await findHubToken(place, environment);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token.value}` };
  const hub = { hubUrl, fetch: hubFetch({ ...options, what: name, endpoint: hubUrl, headers }) };
  const refused = (status: number, cause?: unknown): PipelineError =>
    hubRefusal(
      { source: name, repository, revision, place, token, endpointVariable: "HF_ENDPOINT" },
      status,
      undefined,
      cause,
    );
  const named = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw error instanceof HubApiError ? refused(error.statusCode, error) : error;
    }
  };

  const asked = { name: repository, revision, additionalFields: ["sha"] as "sha"[], ...hub };
  const { sha: commit } = await named(() => (type === "model" ? modelInfo(asked) : datasetInfo(asked)));
  if (!COMMIT.test(commit) || (COMMIT.test(revision) && commit !== revision))
    throw notTheCommit(name, revision, commit);

  async function* list(): AsyncGenerator<RepositoryFile> {
    const entries = listFiles({
      repo: { type, name: repository },
      revision: commit,
      recursive: true,
      ...hub,
    });
    for (;;) {
      const next = await named(() => entries.next());
      if (next.done === true) return;
      const { type: entryType, path, size, lfs, oid } = next.value;
      if (entryType !== "file") continue;
      const where = path.split("/").map(encodeURIComponent).join("/");
      yield {
        path,
        size,
        digest: lfs ? `sha256:${lfs.oid}` : oid === undefined ? undefined : `git-sha1:${oid}`,
        url: `${hubUrl}/${type === "model" ? "" : "datasets/"}${repository}/resolve/${commit}/${where}`,
      };
    }
  }
  return repositorySource({ name, commit, list, headers, refused }, options);
}

function notTheCommit(name: string, revision: string, commit: string): PipelineError {
  return new PipelineError({
    code: "SOURCE_CHANGED",
    message: `${name}: asked for revision ${revision}, the endpoint gives ${JSON.stringify(commit)}.`,
    hint: "Check HF_ENDPOINT: a mirror may lag behind or serve other content.",
  });
}
