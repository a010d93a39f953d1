/** What a stage's process uses memory for. One that asks for accelerators computes on tensors, also where there are none. */
import type { Resources } from "../pipeline/stage.ts";
import type { MallocUse } from "../std/malloc.ts";

export const mallocOfStage = ({ accelerators = 0 }: Pick<Resources, "accelerators">): MallocUse =>
  accelerators > 0 ? "tensors" : "general";
