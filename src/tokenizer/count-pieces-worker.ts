/** A thread that counts the pieces of the texts it is sent, and at last sends the counts. */
import { answerRequests } from "../std/worker-pool.ts";
import type { CountRequest } from "./count-pieces.ts";
import { PieceCounter } from "./piece-counter.ts";
import { createPieceEnd } from "./split-pieces.ts";
import type { SplitRule } from "./split-pattern.ts";

answerRequests((rule: SplitRule) => {
  const counter = new PieceCounter();
  const pieceEnd = createPieceEnd(rule);
  return (request: CountRequest) => {
    if (request !== "counts") {
      for (const text of request) counter.addText(text, pieceEnd);
      return { answer: undefined };
    }
    const answer = counter.parts;
    const { slots, hashes, starts, units } = answer.pieces;
    const arrays = [answer.counts, slots, hashes, starts, units];
    return { answer, transfer: arrays.map(({ buffer }) => buffer) };
  };
});
