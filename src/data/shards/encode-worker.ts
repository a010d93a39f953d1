/** A thread that encodes batches of documents. */
import { answerRequests } from "../../std/worker-pool.ts";
import type { BpeModel } from "../../tokenizer/bpe-model.ts";
import { createEncoder } from "../../tokenizer/encoder.ts";
import { encodeBatch } from "./encode-batch.ts";

answerRequests((model: BpeModel) => {
  const encoder = createEncoder(model);
  return (texts: readonly string[]) => {
    const answer = encodeBatch(encoder, texts);
    return { answer, transfer: [answer.ids.buffer, answer.facts.buffer] };
  };
});
