/** What a hub's refusal means: one set of codes for all hubs. */
import { PipelineError } from "../../errors.ts";
import type { HubToken, TokenPlace } from "./hub-token.ts";

export interface HubRefusal {
  /** With the hub's prefix, e.g. `hf:owner/name`. */
  readonly source: string;
  readonly repository: string;
  readonly revision: string;
  readonly place: TokenPlace;
  readonly token: HubToken | undefined;
  /** Of the environment. */
  readonly endpointVariable: string;
}

/** HUB_ACCESS_DENIED, HUB_NOT_FOUND or HUB_REFUSED. `detail`: what the hub said, if anything. */
export function hubRefusal(hub: HubRefusal, status: number, detail?: string, cause?: unknown): PipelineError {
  const { source, revision, place, token, endpointVariable } = hub;
  if (status === 401 || status === 403) {
    const tried = token === undefined ? ": no token is set" : ` with the token of ${token.origin}`;
    return new PipelineError({
      code: "HUB_ACCESS_DENIED",
      message: `${source} refuses access (${status})${tried}.`,
      hint: deniedHint(hub, status),
      kind: "user",
      cause,
    });
  }
  if (status === 404 || status === 410) {
    return new PipelineError({
      code: "HUB_NOT_FOUND",
      message: `${source} does not exist at revision ${revision}.`,
      hint: `Check the repository and its revision in the recipe; a private repository needs ${place.variable}.`,
      kind: "user",
      cause,
    });
  }
  return new PipelineError({
    code: "HUB_REFUSED",
    message: `${source}: the hub answered ${status}${detail === undefined ? "" : ` (${detail})`}.`,
    hint: `Check ${endpointVariable}, and the repository and its revision in the recipe.`,
    cause,
  });
}

/** What to do about it: without a token get one; 401 is of the token (RFC 9110, 15.5.2), 403 of what it may do (15.5.4). */
function deniedHint({ repository, place, token }: HubRefusal, status: number): string {
  if (token === undefined)
    return `Check the name of ${repository} and accept the terms on its page. ${place.hint}`;
  return status === 401
    ? `The token of ${token.origin} was sent and is not accepted: it is mistyped, expired or revoked. Put a valid one there, or take it away to read what is public.`
    : `The token of ${token.origin} was sent and is not allowed to read ${repository}: accept the terms on its page with the account of that token, and see that the token itself may read it.`;
}
