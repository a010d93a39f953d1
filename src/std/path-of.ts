/** Where in a tree a value itself stands, not one that is equal to it. */
import { isObject } from "./json.ts";

/** The keys that lead to `part`; undefined where it is no part of `whole`. Lists are not looked into. */
export function pathOf(part: object, whole: unknown): readonly string[] | undefined {
  if (whole === part) return [];
  if (!isObject(whole)) return undefined;
  for (const [key, value] of Object.entries(whole)) {
    const rest = pathOf(part, value);
    if (rest !== undefined) return [key, ...rest];
  }
  return undefined;
}
