/** Every stage, for pipeline.ts to wire. */
export { AnyCheckpoint } from "./checkpoint-artifact.ts";
export { downloadSample } from "./download-sample.ts";
export { dpo } from "./dpo.ts";
export { evaluate } from "./evaluate.ts";
export { exportModel } from "./export.ts";
export { heldOutFiltered } from "./held-out-filtered.ts";
export { importTokenizer } from "./import-tokenizer.ts";
export { pretrain } from "./pretrain.ts";
export { sequencesFit } from "./sequences-fit.ts";
export { sft } from "./sft.ts";
export { shard } from "./shard.ts";
export { tokenize } from "./tokenize.ts";
export { trainTokenizer } from "./train-tokenizer.ts";
export { sweepParams } from "./training-params.ts";
