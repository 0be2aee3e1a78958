// One token of a row of log-probabilities, plain loops in float64: the definitions of Hugging Face's logits processors, in
// their order. Of equal scores the lower id comes first, which they leave to a sort.

export interface SamplingRule {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

/** Number i of SplitMix64's sequence for a seed (Steele, Lea and Flood 2014), in [0, 1). */
export function uniformAt(seed: bigint, i: bigint): number {
  const mask = 2n ** 64n - 1n;
  let z = (seed + (i + 1n) * 0x9e3779b97f4a7c15n) & mask;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
  return Number((z ^ (z >> 31n)) >> 11n) * 2 ** -53;
}

/** RepetitionPenaltyLogitsProcessor: every score is ≤ 0, so the penalty multiplies. */
function penalised(logProbs: readonly number[], penalty: number, seen: ReadonlySet<number>) {
  return logProbs.map((score, id) => (seen.has(id) ? score * penalty : score));
}

/** The ids by falling score. */
function ranked(scores: readonly number[]): number[] {
  const ids = scores.map((_, id) => id);
  return ids.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

const total = (weights: readonly number[]): number => weights.reduce((sum, w) => sum + w, 0);

/**
 * The weights of all tokens: 0 for those that are cut away.
 *
 * @param allowed the tokens that may come; all if undefined
 * @param exp an exponential, for a caller that compares bits
 */
export function samplingWeights(
  logProbs: readonly number[],
  { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 }: SamplingRule,
  seen: ReadonlySet<number> = new Set(),
  allowed?: ReadonlySet<number>,
  exp: (x: number) => number = Math.exp,
): number[] {
  const all = penalised(logProbs, repetitionPenalty, seen);
  const scores = all.map((score, id) =>
    allowed?.has(id) === false ? Number.NEGATIVE_INFINITY : score,
  );
  const order = ranked(scores);
  const best = scores[order[0] as number] as number;
  if (temperature === 0) return scores.map((_, id) => (id === order[0] ? 1 : 0));
  const weights = scores.map((score) => exp((score - best) / temperature));
  const drop = (ids: readonly number[]) => {
    for (const id of ids) weights[id] = 0;
  };
  if (topK > 0) drop(order.slice(topK));
  // TopPLogitsWarper: a token stays if those before it are less than topP of what is left.
  const wanted = topP * total(weights);
  let before = 0;
  for (const id of order.slice(0, topK > 0 ? topK : undefined)) {
    const weight = weights[id] as number;
    if (topP < 1 && before >= wanted && id !== order[0]) weights[id] = 0;
    before += weight;
  }
  // MinPLogitsWarper: the best one weighs 1.
  drop(order.filter((id) => (weights[id] as number) < minP));
  return weights;
}

/** The token whose part of the weights' sum holds u, parts in the order of ids. */
export function pick(weights: readonly number[], u: number): number {
  const wanted = u * total(weights);
  let upTo = 0;
  return weights.findIndex((weight) => {
    upTo += weight;
    return upTo > wanted;
  });
}
