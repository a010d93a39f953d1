/** DPO's figures on preference pairs (Rafailov et al. 2023, arXiv:2305.18290), from log-probabilities of whole answers. */

/** Σ log p of each pair's answers, in nats, under one model. */
export interface PairLogProbabilities {
  readonly chosen: ArrayLike<number>;
  readonly rejected: ArrayLike<number>;
}

export interface PreferenceScores {
  readonly pairs: number;
  /** Mean of −log σ(rewardChosen − rewardRejected); ln 2 where policy and reference are one. */
  readonly loss: number;
  /** Share of pairs whose chosen answer has the larger reward. */
  readonly rewardAccuracy: number;
  /** Mean of rewardChosen − rewardRejected, rewards being β·log(π/π_ref). */
  readonly rewardMargin: number;
  readonly rewardChosen: number;
  readonly rewardRejected: number;
}

/** Means over pairs; NaN where there are none. */
export function preferenceScores(
  policy: PairLogProbabilities,
  reference: PairLogProbabilities,
  beta: number,
): PreferenceScores {
  const pairs = policy.chosen.length;
  const reward = (side: keyof PairLogProbabilities, index: number) =>
    beta * ((policy[side][index] ?? NaN) - (reference[side][index] ?? NaN));
  let [loss, right, chosen, rejected] = [0, 0, 0, 0];
  for (let index = 0; index < pairs; index++) {
    const [rewardChosen, rewardRejected] = [reward("chosen", index), reward("rejected", index)];
    const margin = rewardChosen - rewardRejected;
    // −log σ(m) = log(1 + e^−m), without overflow for very negative margins.
    loss += margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
    right += Number(margin > 0);
    chosen += rewardChosen;
    rejected += rewardRejected;
  }
  return {
    pairs,
    loss: loss / pairs,
    rewardAccuracy: right / pairs,
    rewardMargin: (chosen - rejected) / pairs,
    rewardChosen: chosen / pairs,
    rewardRejected: rejected / pairs,
  };
}
