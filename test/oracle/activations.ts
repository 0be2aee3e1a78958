import { column, setColumn } from "./matrix.js";
import { softmax } from "./softmax.js";
import { extent, type Tensor, zeros } from "./tensor.js";

/** 1 / (1 + e^−x), from the side on which the exponential does not overflow. */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** e^z / Σ e^z over each column. */
export function softmaxColumns(z: Tensor): Tensor {
  const y = zeros(extent(z, 0), extent(z, 1));
  for (let b = 0; b < extent(z, 1); b++) setColumn(y, b, softmax(column(z, b)));
  return y;
}
