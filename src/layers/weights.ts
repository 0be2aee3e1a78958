import type { Cell } from "../cells/cell.js";
import { ShapeError } from "../errors.js";
import type { FillWeights } from "../sequence/weights.js";
import { describe, formatShape } from "../tensor.js";

/** A weight: numbers in C order, or a tensor of them. */
export type WeightData =
  | Float64Array
  | Float32Array
  | { readonly shape: readonly number[]; readonly data: Float64Array | Float32Array };

/** The weights of one layer under PyTorch's names; gate blocks in PyTorch's order (LSTM: i, f, g, o). */
export interface LayerWeights {
  /** Input to gates, (G·na, nx). */
  readonly weight_ih_l0: WeightData;
  /** Hidden to gates, (G·na, na). */
  readonly weight_hh_l0: WeightData;
  /** (G·na). Both biases are absent in a layer without bias. */
  readonly bias_ih_l0?: WeightData;
  /** (G·na). */
  readonly bias_hh_l0?: WeightData;
}

/** The gradients under the weights' names: tensors that share one buffer. */
export interface LayerGradients {
  weight_ih_l0: { shape: readonly number[]; data: Float64Array };
  weight_hh_l0: { shape: readonly number[]; data: Float64Array };
  bias_ih_l0: { shape: readonly number[]; data: Float64Array };
  bias_hh_l0: { shape: readonly number[]; data: Float64Array };
}

const isFloats = (value: unknown): value is Float64Array | Float32Array =>
  value instanceof Float64Array || value instanceof Float32Array;

/** The numbers of one weight, once its size is known to be right. */
function numbers(
  name: string,
  value: WeightData | undefined,
  shape: readonly number[],
): ArrayLike<number> {
  const data = isFloats(value) ? value : value?.data;
  if (!isFloats(data)) {
    throw new TypeError(
      `load: ${name}: expected Float64Array, Float32Array or a tensor, got ${describe(value)}`,
    );
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  const given = isFloats(value) || value === undefined ? undefined : value.shape;
  const fits =
    given === undefined ||
    (given.length === shape.length && given.every((extent, i) => extent === shape[i]));
  if (!fits || data.length !== size) {
    const got = given === undefined ? `${data.length} numbers` : formatShape(given);
    throw new ShapeError(`load: ${name}: expected ${formatShape(shape)}, got ${got}`);
  }
  return data;
}

/** Checks the weights of one layer, and says how they fill `Weights`. */
export function checkWeights(
  { gates }: Cell,
  nx: number,
  na: number,
  weights: LayerWeights,
): FillWeights {
  if (typeof weights !== "object" || weights === null) {
    throw new TypeError(`load: weights: expected { weight_ih_l0, … }, got ${describe(weights)}`);
  }
  const rows = gates * na;
  const ih = numbers("weight_ih_l0", weights.weight_ih_l0, [rows, nx]);
  const hh = numbers("weight_hh_l0", weights.weight_hh_l0, [rows, na]);
  const biases = (["bias_ih_l0", "bias_hh_l0"] as const)
    .filter((name) => weights[name] !== undefined)
    .map((name) => numbers(name, weights[name], [rows]));
  return (W, bias) => {
    for (let r = 0; r < rows; r++) {
      const row = r * (na + nx);
      for (let j = 0; j < na; j++) W[row + j] = hh[r * na + j] as number;
      for (let j = 0; j < nx; j++) W[row + na + j] = ih[r * nx + j] as number;
      // Summed in f64 before it is rounded to the layer's precision.
      bias[r] = biases.reduce((sum, each) => sum + (each[r] as number), 0);
    }
  };
}

/**
 * The gradients of the hidden columns, then of the input's, and of the bias, as tensors: views of one copy. Both biases
 * only ever appear as their sum: their gradients are the same.
 */
export function splitGradients(
  dW: Float64Array,
  bias: Float64Array,
  rows: number,
  nx: number,
  na: number,
): LayerGradients {
  const all = new Float64Array(dW.length + 2 * rows);
  all.set(dW);
  all.set(bias, dW.length);
  all.set(bias, dW.length + rows);
  let to = 0;
  const next = (...shape: number[]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    to += size;
    return { shape, data: all.subarray(to - size, to) };
  };
  const weight_hh_l0 = next(rows, na);
  const weight_ih_l0 = next(rows, nx);
  return { weight_ih_l0, weight_hh_l0, bias_ih_l0: next(rows), bias_hh_l0: next(rows) };
}
