import { ITEM } from "../wasm/abi.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";

/** How likely a model finds a sequence. */
export interface Score {
  /** The sum of `tokenLogProbs`, in nats. */
  readonly logProb: number;
  /**
   * The log-probability of each token given those before it, in nats. Without a start token the first token has none: it
   * conditions only.
   */
  readonly tokenLogProbs: Float64Array;
  /** The number of tokens that were scored. */
  readonly tokens: number;
  /** exp(−logProb / tokens); NaN if nothing was scored. */
  readonly perplexity: number;
  /** −logProb / (tokens·ln 2); NaN if nothing was scored. */
  readonly bitsPerToken: number;
}

/** The scores of sequences. The perplexity is computed by the engine's exp, so that every host gives the same bits. */
export function scoresOf({ arena, kernels }: EngineCore, all: readonly Float64Array[]): Score[] {
  const m = all.length;
  const sums = all.map((logProbs) => logProbs.reduce((sum, logProb) => sum + logProb, 0));
  return withScratch(arena, 2 * m * ITEM, ({ pointer }) => {
    arena.f64(pointer, m).set(sums.map((sum, b) => -sum / (all[b] as Float64Array).length));
    kernels.exp_map(m, pointer, pointer + m * ITEM);
    const perplexities = arena.f64(pointer + m * ITEM, m);
    return all.map((tokenLogProbs, b) => ({
      logProb: sums[b] as number,
      tokenLogProbs,
      tokens: tokenLogProbs.length,
      perplexity: perplexities[b] as number,
      bitsPerToken: -(sums[b] as number) / (tokenLogProbs.length * Math.LN2),
    }));
  });
}
