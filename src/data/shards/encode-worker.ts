/** A thread that encodes batches of documents. */
import { answerRequests } from "../../std/worker-pool.ts";
import type { BpeModel } from "../../tokenizer/bpe-model.ts";
import { createEncoder } from "../../tokenizer/encoder.ts";
import { createBatchEncoder } from "./encode-batch.ts";

answerRequests((model: BpeModel) => {
  const encode = createBatchEncoder(createEncoder(model));
  return (texts: readonly string[]) => {
    const answer = encode(texts);
    return { answer, transfer: [answer.tokens.buffer, answer.facts.buffer] };
  };
});
