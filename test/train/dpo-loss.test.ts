import { expect, test } from "vitest";
import { feed } from "../../src/tensor/program.ts";
import { dpoLoss } from "../../src/train/dpo-program.ts";
import { evaluate } from "../tensor/reference-evaluator.ts";

/** The loss of one pair whose policy prefers the chosen answer by `margin` nats more than the reference does. */
function lossOf(margin: number, beta: number): number {
  const [a, b, zero] = [feed("a", [1]), feed("b", [1]), feed("zero", [1])];
  const { losses } = dpoLoss({ chosen: a, rejected: b }, { chosen: zero, rejected: zero }, beta);
  const given = (x: number) => ({ shape: [1], data: [x] });
  const [value] = evaluate([losses], { a: given(margin - 30), b: given(-30), zero: given(0) });
  return value?.data[0] ?? NaN;
}

// −ln σ(βm) by hand: σ(0) = ½; β·m = 1: ln(1 + e⁻¹); 2: ln(1 + e⁻²); −2: 2 + ln(1 + e⁻²).
test.each([
  [0, 0.1, 0.6931472],
  [10, 0.1, 0.3132617],
  [20, 0.1, 0.126928],
  [-20, 0.1, 2.126928],
  [2, 0.5, 0.3132617],
])("a margin of %d nats at β %d costs %d", (margin, beta, loss) => {
  expect(lossOf(margin, beta)).toBeCloseTo(loss, 6);
});
