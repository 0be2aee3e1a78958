import { extent, get, set, type Tensor, zeros } from "./tensor.js";

/** 1 / (1 + e^−x), from the side on which the exponential does not overflow. */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** ln Σ e^z over each column, one number per column. */
export function logSumExpColumns(z: Tensor): number[] {
  return Array.from({ length: extent(z, 1) }, (_, b) => {
    let highest = -Infinity;
    for (let i = 0; i < extent(z, 0); i++) highest = Math.max(highest, get(z, i, b));
    let sum = 0;
    for (let i = 0; i < extent(z, 0); i++) sum += Math.exp(get(z, i, b) - highest);
    return highest + Math.log(sum);
  });
}

/** e^z / Σ e^z over each column. */
export function softmaxColumns(z: Tensor): Tensor {
  const y = zeros(extent(z, 0), extent(z, 1));
  logSumExpColumns(z).forEach((total, b) => {
    for (let i = 0; i < extent(z, 0); i++) set(y, Math.exp(get(z, i, b) - total), i, b);
  });
  return y;
}
