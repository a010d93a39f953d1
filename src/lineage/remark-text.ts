/** A stage's remark with the step that it is about. */
import type { Remark } from "../store/records.ts";

export const remarkText = ({ step, text }: Remark): string =>
  step === 0 ? text : `after step ${step}: ${text}`;
