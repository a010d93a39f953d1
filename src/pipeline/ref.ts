/** Inert handles to artifacts that do not exist yet; wiring passes them from stage to stage. */
import type { ArtifactMap, KindOf } from "./artifact.ts";

declare const refBrand: unique symbol;

/** The brand is required and contravariant-free, so refs of different kinds never mix and none can be hand-written. */
export interface Ref<Kind extends string> {
  readonly [refBrand]: Kind;
  readonly stageId: string;
  readonly output: string;
}

export type RefOf<A> = Ref<KindOf<A>>;
export type RefsOf<T extends ArtifactMap> = { readonly [K in keyof T]: Ref<KindOf<T[K]>> };
