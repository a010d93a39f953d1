/** Which texts were kept, so that none is kept twice: exactly the same (normalised), or nearly. Memory: see the parts. */
import { DigestSet } from "../../documents/digest-set.ts";
import type { Fingerprints } from "./document-filter.ts";
import { BandIndex, type NearDuplicateParams } from "./near-duplicates.ts";

export type Duplicate = "duplicate" | "near-duplicate";

export class SeenDocuments {
  readonly #digests = new DigestSet();
  readonly #bands: BandIndex | undefined;

  constructor(nearDuplicates: NearDuplicateParams | undefined) {
    this.#bands = nearDuplicates && new BandIndex(nearDuplicates.bands);
  }

  get bytes(): number {
    return this.#digests.bytes + (this.#bands?.bytes ?? 0);
  }

  find({ digest, bandKeys }: Fingerprints): Duplicate | undefined {
    if (this.#digests.has(digest)) return "duplicate";
    return bandKeys && this.#bands?.has(bandKeys) === true ? "near-duplicate" : undefined;
  }

  add({ digest, bandKeys }: Fingerprints): void {
    this.#digests.add(digest);
    if (bandKeys) this.#bands?.add(bandKeys);
  }
}
