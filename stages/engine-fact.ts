/** Which engine trains decides the bytes of the result, so training stages declare it in their fingerprint. */
import { engineStatus } from "../src/engine/provision/engine-status.ts";

export const engineFact = {
  engine: async () => {
    const { kind, version, device } = (await engineStatus()).chosen;
    return `${kind} ${version} ${device}`;
  },
};
