import {
  createRecurrent,
  type Engine,
  type LayerGradients,
  type Recurrent,
} from "../../src/index.js";
import { randomTensor } from "./random.js";
import type { Tensor } from "./subject.js";
import type { TorchWeights } from "./torch.js";

export const GATES = { rnn: 1, lstm: 4, gru: 3 } as const;
export type CellName = keyof typeof GATES;
export const cellNames = Object.keys(GATES) as CellName[];

/** (a, b, c) → (c, b, a), (a, b) → (b, a): from the functions' layout to the layers', and back. */
export function reversedAxes({ shape, data }: Tensor): Tensor {
  const [a = 0, b = 1, c = 1] = shape.length === 2 ? [shape[0], 1, shape[1]] : shape;
  const out = new Float64Array(data.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) out[(k * b + j) * a + i] = data[(i * b + j) * c + k] as number;
    }
  }
  return { shape: [...shape].reverse(), data: out };
}

/** A state part (1, m, na) as (na, m). */
export const column = ({ shape: [, m = 0, na = 0], data }: Tensor): Tensor =>
  reversedAxes({ shape: [m, na], data });

/** A state part (na, m) as (1, m, na). */
export function row(state: Tensor): Tensor {
  const { shape, data } = reversedAxes(state);
  return { shape: [1, ...shape], data };
}

/** Weights of a stable layer. */
export function randomWeights(
  next: () => number,
  cell: CellName,
  nx: number,
  na: number,
): TorchWeights {
  const rows = GATES[cell] * na;
  const scaled = () => next() / Math.sqrt(na + nx);
  return {
    weight_ih: randomTensor(scaled, rows, nx),
    weight_hh: randomTensor(scaled, rows, na),
    bias_ih: randomTensor(scaled, rows),
    bias_hh: randomTensor(scaled, rows),
  };
}

export const layerWeights = (w: TorchWeights) => ({
  weight_ih_l0: w.weight_ih,
  weight_hh_l0: w.weight_hh,
  bias_ih_l0: w.bias_ih,
  bias_hh_l0: w.bias_hh,
});

export const torchWeights = (g: LayerGradients): TorchWeights => ({
  weight_ih: g.weight_ih_l0,
  weight_hh: g.weight_hh_l0,
  bias_ih: g.bias_ih_l0,
  bias_hh: g.bias_hh_l0,
});

/** A layer with weights. */
export function layerOf(engine: Engine, cell: CellName, weights: TorchWeights): Recurrent {
  const [, inputSize = 0] = weights.weight_ih.shape;
  const [, hiddenSize = 0] = weights.weight_hh.shape;
  const layer = createRecurrent(engine, { cell, inputSize, hiddenSize });
  layer.load(layerWeights(weights));
  return layer;
}
