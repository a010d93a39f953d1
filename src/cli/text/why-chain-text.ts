/** Reasons with what stands behind them: below an input that comes from a stage that runs, why that stage runs. */
import type { Reason } from "../../runner/plan-types.ts";
import type { UpstreamRun } from "../../runner/why-types.ts";

/** Each stage above is told once. */
export function reasonChain(
  stage: Pick<UpstreamRun, "reasons" | "inputs">,
  upstream: readonly UpstreamRun[],
): readonly string[] {
  const byId = new Map(upstream.map((each) => [each.id, each]));
  const told = new Set<string>();
  const tell = (
    { reasons, inputs }: Pick<UpstreamRun, "reasons" | "inputs">,
    indent: string,
  ): readonly string[] =>
    reasons
      .filter(({ code }) => code !== "cached")
      .flatMap((reason) => {
        const above = byId.get(sourceOf(reason, inputs));
        const line = `${indent}- ${reason.message}`;
        if (above === undefined) return [line];
        if (told.has(above.id)) return [line, `${indent}    ${above.id}: see above`];
        told.add(above.id);
        return [line, `${indent}    ${above.id}:`, ...tell(above, `${indent}    `)];
      });
  return tell(stage, "");
}

/** The stage that an input comes from, where the reason is about one. */
function sourceOf({ code, field = "" }: Reason, inputs: UpstreamRun["inputs"]): string {
  return code === "upstream-runs" || code === "input-changed" ? (inputs[field] ?? "") : "";
}
