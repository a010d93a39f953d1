/** A source by the name that a person writes: `hf:owner/name`, `modelscope:owner/name`, `npm:package`, an address, a path. */
import { resolve } from "node:path";
import { userError } from "../../errors.ts";
import { openHttp } from "../sources/http.ts";
import type { RetryPolicy } from "../../std/http/http-retry.ts";
import { openHuggingFace } from "../sources/huggingface.ts";
import type { Environment } from "../sources/hub-token.ts";
import { listLocal } from "../sources/local.ts";
import { openModelScope } from "../sources/modelscope.ts";
import { openNpmPackage } from "../sources/npm-package.ts";
import type { Source, SourceEvents } from "../sources/source.ts";

export interface NamedSourceOptions extends SourceEvents {
  readonly environment: Environment;
  /** Where a relative path starts. */
  readonly workingDirectory: string;
  readonly retry?: RetryPolicy | undefined;
}

/** Throws SOURCE_UNKNOWN for a name of no such form, and what the source throws. */
export async function openNamedSource(name: string, options: NamedSourceOptions): Promise<Source> {
  const [, scheme = "", rest = ""] =
    /^(?:(hf|huggingface|modelscope|npm|https?|local):)?(.*)$/su.exec(name) ?? [];
  switch (scheme) {
    case "hf":
    case "huggingface":
      return openHuggingFace({ ...options, ...repositoryOf(rest, name, "main") });
    case "modelscope":
      return openModelScope({ ...options, ...repositoryOf(rest, name, "master") });
    case "npm":
      if (!/^(?:@[\w.-]+\/)?[\w.-]+(?:@[\w.~^+-]+)?$/u.test(rest) || rest.startsWith("-"))
        throw unknown(name);
      return openNpmPackage({ ...options, spec: rest });
    case "http":
    case "https":
      return openHttp({ ...options, url: name });
    default:
      if (rest === "" || /^[a-z][a-z\d+.-]+:/u.test(rest)) throw unknown(name);
      return listLocal(resolve(options.workingDirectory, rest));
  }
}

function repositoryOf(
  text: string,
  name: string,
  defaultRevision: string,
): { readonly repository: string; readonly revision: string } {
  const [, repository, revision = defaultRevision] = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(.+))?$/u.exec(text) ?? [];
  if (repository === undefined) throw unknown(name);
  return { repository, revision };
}

const unknown = (name: string): Error =>
  userError(
    "SOURCE_UNKNOWN",
    `${JSON.stringify(name)} names no source.`,
    "Write hf:OWNER/NAME, modelscope:OWNER/NAME, npm:PACKAGE, https://HOST/FILE or a path.",
  );
