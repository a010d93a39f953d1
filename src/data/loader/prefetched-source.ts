/** A source of batches that makes the next one while the last is used. Its cursor knows only of batches given. */
import type { JsonObject } from "../../std/json.ts";
import type { EpochOrder, EpochPosition } from "./epoch-order.ts";

export interface PrefetchedSource<B> {
  next(): Promise<B>;
  cursor(): JsonObject;
  seek(cursor: JsonObject): void;
}

interface Made<B> {
  readonly batch: B;
  readonly end: EpochPosition;
}

/** `make` gives the batch that begins at a position, and where the next one begins. */
export function createPrefetchedSource<B>(
  order: EpochOrder,
  make: (start: EpochPosition) => Promise<Made<B>>,
): PrefetchedSource<B> {
  let position: EpochPosition = { epoch: 0, index: 0 };
  let ahead: Promise<Made<B>> | undefined;
  return {
    async next() {
      const { batch, end } = await (ahead ?? make(position));
      position = end;
      ahead = make(end);
      // If it fails, the next call throws; until then nobody waits for it.
      ahead.catch(() => undefined);
      return batch;
    },
    cursor: () => ({ ...position }),
    seek(cursor) {
      position = order.parse(cursor);
      ahead = undefined;
    },
  };
}
