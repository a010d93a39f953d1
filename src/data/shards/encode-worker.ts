/** A thread that encodes batches of documents. */
import { answerRequests } from "../../std/worker-pool.ts";
import type { BpeModel } from "../../tokenizer/bpe-model.ts";
import { createEncoder } from "../../tokenizer/encoder.ts";
import { createBatchEncoder } from "./encode-batch.ts";

answerRequests((model: BpeModel) => {
  const encode = createBatchEncoder(createEncoder(model));
  // Copied, not moved: the first buffer that a thread moves makes V8 drop all code that it has compiled there, and compile
  // it again with a check for moved buffers at each access to an array.
  return (texts: readonly string[]) => ({ answer: encode(texts) });
});
