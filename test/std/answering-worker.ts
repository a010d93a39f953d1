/** The thread of worker-pool.test.ts: answers with what its number of requests so far is, and what it was asked. */
import { answerRequests } from "../../src/std/worker-pool.ts";

answerRequests((greeting: string) => {
  let requests = 0;
  return (request: string) => {
    if (request === "fail") throw new Error("the thread failed");
    return { answer: `${greeting} ${request} ${++requests}`, transfer: [] };
  };
});
