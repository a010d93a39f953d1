/** What adapters make of a row: a record, or the reason why it is none. A row's counts go into the manifest either way. */
import { z } from "zod";
import type { Dropped } from "../records.ts";

export type Adapted<T> = { readonly record: T } | Dropped;

export const messagesSchema = z
  .array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() }))
  .min(2);
