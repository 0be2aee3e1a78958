// Plain loops in float64: the conventions of softmax and cross-entropy, row by row.

import { column, extent, setColumn, type Tensor, zeros } from "./tensor.js";

/** log Σ exp(x): ±Infinity where every element, or one, is infinite. */
export function logSumExp(x: readonly number[]): number {
  const max = Math.max(...x);
  const shift = Math.abs(max) === Infinity ? 0 : max;
  return shift + Math.log(x.reduce((sum, value) => sum + Math.exp(value - shift), 0));
}

/** exp(x) / Σ exp(x), with the maximum taken off first. */
export function softmax(x: readonly number[]): number[] {
  const max = Math.max(...x);
  const exp = x.map((value) => Math.exp(value - max));
  const sum = exp.reduce((a, b) => a + b, 0);
  return exp.map((value) => value / sum);
}

/** The softmax of each column. */
export function softmaxColumns(z: Tensor): Tensor {
  const y = zeros(extent(z, 0), extent(z, 1));
  for (let b = 0; b < extent(z, 1); b++) setColumn(y, b, softmax(column(z, b)));
  return y;
}

/** log(softmax(x)), finite where softmax is 0. */
export function logSoftmax(x: readonly number[]): number[] {
  const max = Math.max(...x);
  const log = Math.log(x.reduce((sum, value) => sum + Math.exp(value - max), 0));
  return x.map((value) => value - max - log);
}

/** −log softmax(x)[target]; 0 where the target is ignored (−1). */
export function crossEntropy(x: readonly number[], target: number): number {
  return target < 0 ? 0 : -(logSoftmax(x)[target] as number);
}

/** d crossEntropy / dx = softmax(x) − onehot(target); 0 where the target is ignored (−1). */
export function crossEntropyGradient(x: readonly number[], target: number): number[] {
  if (target < 0) return x.map(() => 0);
  return softmax(x).map((value, j) => value - (j === target ? 1 : 0));
}
