/**
 * The gradient of every op, as an executor computes it, against central differences of float64 loops (reference-evaluator.ts),
 * which share no code with rules and executors: d/dxᵢ Σwy ≈ (f(xᵢ + h) − f(xᵢ − h)) / 2h for element xᵢ by element.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openEngine } from "../../src/engine/open-engine.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import type { Tensor } from "../../src/tensor/graph.ts";
import { defineProgram } from "../../src/tensor/program.ts";
import { float32, type HostTensor, type Shape } from "../../src/tensor/types.ts";
import { everyExecutor } from "../model/executors.ts";
import { feedName, opCases, weightedSum, type OpCase } from "../tensor/op-cases.ts";
import { evaluate, type Value } from "../tensor/reference-evaluator.ts";

type Values = Readonly<Record<string, Value>>;

const hostOf = ({ shape, data }: Value): HostTensor => float32(shape, Float32Array.from(data));

/** The values that a float32 executor is given: differences must be taken at the same place. */
const rounded = ({ shape, data }: Value): Value => ({ shape, data: data.map(Math.fround) });

/** Elements of one input that are moved: all of most, a spread of the largest. */
const mostMoved = 64;

/** d loss / dxᵢ by position i, by central differences; their error at h = 1e-5 is below 1e-8. */
function differences(loss: Tensor, x: Tensor, values: Values): ReadonlyMap<number, number> {
  const h = 1e-5;
  const at = values[feedName(x)];
  if (at === undefined) throw new Error(`${feedName(x)} has no value`);
  const moved = (position: number, by: number): number => {
    const data = at.data.with(position, (at.data[position] ?? NaN) + by);
    const [value] = evaluate([loss], { ...values, [feedName(x)]: { ...at, data } });
    return value?.data[0] ?? NaN;
  };
  const slopes = new Map<number, number>();
  for (let position = 0; position < at.data.length; position += Math.ceil(at.data.length / mostMoved))
    slopes.set(position, (moved(position, h) - moved(position, -h)) / (2 * h));
  return slopes;
}

function expectClose(
  name: string,
  got: HostTensor | undefined,
  shape: Shape,
  elements: Iterable<readonly [number, number]>,
): void {
  expect([name, got?.shape]).toEqual([name, shape]);
  for (const [position, element] of elements) {
    const error = Math.abs((got?.data[position] ?? NaN) - element);
    expect(error, `${name}[${position}]`).toBeLessThan(2e-5 * (1 + Math.abs(element)));
  }
}

function programOf({ y, given }: OpCase) {
  const nodes = given.map(({ node }) => node);
  const loss = weightedSum(y);
  const slopes = gradients(loss, nodes).map((slope, index): [string, Tensor] => [`slope${index}`, slope]);
  const fetches = Object.fromEntries([["y", y], ...slopes]);
  const program = defineProgram({
    variables: [],
    functions: [{ name: "run", feeds: nodes, fetches, effects: [] }],
  });
  return { loss, program };
}

describe.each(everyExecutor)("on %s", async (kind) => {
  const engine = await openEngine({ kind });

  test.each(Object.entries(opCases))("%s and its gradient", async (_name, cases) => {
    await fc.assert(
      fc.asyncProperty(cases, async (opCase) => {
        const { loss, program } = programOf(opCase);
        const values = Object.fromEntries(
          opCase.given.map(({ node, value }) => [feedName(node), rounded(value)]),
        );
        await using executable = await engine.compile(program);
        const feeds = Object.entries(values).map(([name, value]) => [name, hostOf(value)] as const);
        const results = await executable.call("run", Object.fromEntries(feeds));
        const [y] = evaluate([opCase.y], values);
        if (y !== undefined) expectClose("y", results["y"], y.shape, y.data.entries());
        opCase.given.forEach(({ node }, index) => {
          const slopes = differences(loss, node, values);
          expectClose(`slope of ${feedName(node)}`, results[`slope${index}`], node.shape, slopes);
        });
      }),
      // A graph of TensorFlow's takes longer to build than to run.
      { numRuns: kind === "tensorflow" ? 15 : 25 },
    );
  });
});
