/** The metrics file of a training stage: one JSON object a line, written as training goes. */
import { userError } from "../errors.ts";

/** One logged step. More figures may stand beside `loss` (gradientNorm, learningRate, tokensSeen, rewardAccuracy …). */
export interface MetricsRecord {
  /** 1-based optimizer step. */
  readonly step: number;
  /** Mean over the supervised tokens of the step, in nats; null where it was not finite. */
  readonly loss: number | null;
  readonly validationLoss?: number | null;
  readonly [figure: string]: number | null | undefined;
}

/**
 * Reads JSON lines. A resumed run logs the steps after its checkpoint once more: the later record holds.
 * A torn last line (a killed writer) is left out.
 *
 * Throws `METRICS_UNREADABLE` where any other line is not a record.
 */
export function parseMetrics(jsonLines: string): readonly MetricsRecord[] {
  const lines = jsonLines.split("\n");
  const records: MetricsRecord[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const record = parseRecord(line);
    if (record === undefined) {
      if (index === lines.length - 1) break;
      throw userError(
        "METRICS_UNREADABLE",
        `line ${index + 1} of the metrics is not an object with a step and a loss: ${line.slice(0, 80)}`,
        'each line must be one JSON object of numbers, such as {"step": 1, "loss": 9.2}',
      );
    }
    while ((records.at(-1)?.step ?? -Infinity) >= record.step) records.pop();
    records.push(record);
  }
  return records;
}

function parseRecord(line: string): MetricsRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is MetricsRecord {
  if (typeof value !== "object" || value === null || !("step" in value) || !("loss" in value)) return false;
  if (typeof value.step !== "number") return false;
  return Object.values(value).every((figure) => figure === null || typeof figure === "number");
}
