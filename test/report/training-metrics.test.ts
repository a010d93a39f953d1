import { expect, test } from "vitest";
import { PipelineError } from "../../src/errors.ts";
import { parseMetrics } from "../../src/report/training-metrics.ts";

const line = (step: number, loss: number | null) => JSON.stringify({ step, loss });

test("one record a line, blank lines skipped", () => {
  expect(parseMetrics(`${line(1, 9.2)}\n\n${line(2, 9)}\n`)).toEqual([
    { step: 1, loss: 9.2 },
    { step: 2, loss: 9 },
  ]);
});

test("steps logged again after a resume replace what was logged before", () => {
  const text = [line(1, 9), line(2, 8), line(3, 7), line(2, 8.5), line(3, 7.5)].join("\n");
  expect(parseMetrics(text).map(({ step, loss }) => [step, loss])).toEqual([
    [1, 9],
    [2, 8.5],
    [3, 7.5],
  ]);
});

test("a torn last line is left out, a bad line before it is an error that shows it", () => {
  expect(parseMetrics(`${line(1, 9)}\n{"step": 2, "lo`)).toHaveLength(1);
  const read = () => parseMetrics(`${line(1, 9)}\n{"step": "two", "loss": 1}\n${line(3, 9)}\n`);
  expect(read).toThrow(PipelineError);
  expect(read).toThrow('line 2 of the metrics is not an object with a step and a loss: {"step": "two"');
});

test("a loss that was not finite is kept as null", () => {
  expect(parseMetrics(line(1, null))).toEqual([{ step: 1, loss: null }]);
});
