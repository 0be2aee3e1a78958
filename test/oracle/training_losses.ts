// Plain loops in float64: losses of one row, as PyTorch documents them, and LayerNorm.

import { logSoftmax } from "./softmax.js";

/** Cross-entropy with label smoothing ε and class weights; 0 where the target is ignored (−1). */
export function smoothCrossEntropy(
  x: readonly number[],
  target: number,
  epsilon: number,
  weights: readonly number[],
): number {
  if (target < 0) return 0;
  const log = logSoftmax(x);
  const hit = -(weights[target] as number) * (log[target] as number);
  const all = log.reduce((sum, each, j) => sum - (weights[j] as number) * each, 0);
  return (1 - epsilon) * hit + (epsilon === 0 ? 0 : (epsilon / x.length) * all);
}

export const squaredError = (y: readonly number[], t: readonly number[]): number =>
  y.reduce((sum, each, j) => sum + (each - (t[j] as number)) ** 2, 0);

/** Binary cross-entropy of logits; `p` weighs positive targets. */
export const binaryCrossEntropy = (
  x: readonly number[],
  t: readonly number[],
  p: readonly number[],
): number =>
  x.reduce((sum, each, j) => {
    const [target, weight] = [t[j] as number, p[j] as number];
    const softplus = Math.log1p(Math.exp(-Math.abs(each)));
    const positive = softplus + Math.max(-each, 0);
    const negative = softplus + Math.max(each, 0);
    return sum + weight * target * positive + (1 - target) * negative;
  }, 0);

/** Layer normalisation of one row. */
export function layerNorm(
  x: readonly number[],
  gain: readonly number[],
  bias: readonly number[],
  epsilon: number,
): number[] {
  const mean = x.reduce((sum, each) => sum + each, 0) / x.length;
  const variance = x.reduce((sum, each) => sum + (each - mean) ** 2, 0) / x.length;
  const root = Math.sqrt(variance + epsilon);
  return x.map((each, j) => ((each - mean) / root) * (gain[j] as number) + (bias[j] as number));
}
