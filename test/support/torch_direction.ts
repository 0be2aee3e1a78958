import { add, each, rows, stack, transpose, zeros } from "../oracle/tensor.js";
import type {
  GruGradients,
  GruParameters,
  LstmGradients,
  LstmParameters,
  RnnGradients,
  RnnParameters,
  Subject,
  Tensor,
} from "./subject.js";

// One layer, one direction, one sequence, in PyTorch's terms: sequences are (T, features), states (hidden, 1), weights have
// their gates' rows in the order i, f, g, o or r, z, n and come with two biases, of which most gates here know the sum.

export type CellName = "rnn" | "lstm" | "gru";

export interface TorchWeights {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor;
  readonly bias_hh: Tensor;
}

export interface DirectionGradients {
  readonly dx: Tensor;
  readonly dh0: Tensor;
  readonly dc0: Tensor | undefined;
  readonly dweights: TorchWeights;
}

export interface Direction {
  readonly h: Tensor;
  /** The memory after the last step, and those before it if they can be had; absent in an RNN. */
  readonly c: Tensor | undefined;
  backward(dh: Tensor): DirectionGradients;
}

/** (T, n) → (n, 1, T), a batch of one. */
const batched = (x: Tensor): Tensor => {
  const { shape, data } = transpose(x);
  return { shape: [shape[0] ?? 0, 1, shape[1] ?? 0], data };
};

/** (n, 1, T) → (T, n). */
const unbatched = ({ shape: [n = 0, , T = 0], data }: Tensor): Tensor =>
  transpose({ shape: [n, T], data });

const asColumn = ({ data }: Tensor): Tensor => ({ shape: [data.length, 1], data });
const asVector = ({ data }: Tensor): Tensor => ({ shape: [data.length], data });
const beside = (A: Tensor, B: Tensor): Tensor => transpose(stack(transpose(A), transpose(B)));
const columns = (A: Tensor, from: number, to: number): Tensor =>
  transpose(rows(transpose(A), from, to));

/** Nothing here reads the output layer. */
const OUTPUTS = 1;

const sumOfBiases = (w: TorchWeights): Tensor => asColumn(add(w.bias_ih, w.bias_hh));

export const rnnParameters = (w: TorchWeights): RnnParameters => ({
  ...{ Wax: w.weight_ih, Waa: w.weight_hh, ba: sumOfBiases(w) },
  ...{ Wya: zeros(OUTPUTS, w.weight_hh.shape[1] ?? 0), by: zeros(OUTPUTS, 1) },
});

export function rnnWeights({ dWax, dWaa, dba }: RnnGradients): TorchWeights {
  const bias = asVector(dba);
  return { weight_ih: dWax, weight_hh: dWaa, bias_ih: bias, bias_hh: bias };
}

/** PyTorch's gates i, f, g, o by the exercise's letters. */
const GATES = ["i", "f", "c", "o"] as const;

export function lstmParameters(w: TorchWeights): LstmParameters {
  const na = w.weight_hh.shape[1] ?? 0;
  const bias = sumOfBiases(w);
  const all = beside(w.weight_hh, w.weight_ih);
  const [i, f, c, o] = [0, 1, 2, 3].map((gate) => ({
    W: rows(all, gate * na, (gate + 1) * na),
    b: rows(bias, gate * na, (gate + 1) * na),
  })) as [Gate, Gate, Gate, Gate];
  return {
    ...{ Wi: i.W, bi: i.b, Wf: f.W, bf: f.b, Wc: c.W, bc: c.b, Wo: o.W, bo: o.b },
    Wy: zeros(OUTPUTS, na),
    by: zeros(OUTPUTS, 1),
  };
}

interface Gate {
  readonly W: Tensor;
  readonly b: Tensor;
}

export function lstmWeights(g: LstmGradients): TorchWeights {
  const W = GATES.map((gate) => g[`dW${gate}`]).reduce(stack);
  const bias = asVector(GATES.map((gate) => g[`db${gate}`]).reduce(stack));
  const na = (W.shape[0] as number) / GATES.length;
  return {
    weight_hh: columns(W, 0, na),
    weight_ih: columns(W, na, W.shape[1] ?? 0),
    bias_ih: bias,
    bias_hh: bias,
  };
}

const negative = (x: Tensor): Tensor => each((value) => -value, x);

/** PyTorch's gates r, z, n; the update gate u is 1 − z, so that its weights change their sign. */
export function gruParameters(w: TorchWeights): GruParameters {
  const na = w.weight_hh.shape[1] ?? 0;
  const gate = (x: Tensor, g: number): Tensor => rows(x, g * na, (g + 1) * na);
  const all = beside(w.weight_hh, w.weight_ih);
  const bias = sumOfBiases(w);
  return {
    ...{ Wr: gate(all, 0), br: gate(bias, 0) },
    ...{ Wu: negative(gate(all, 1)), bu: negative(gate(bias, 1)) },
    ...{ Wc: gate(all, 2), bc: gate(asColumn(w.bias_ih), 2), bch: gate(asColumn(w.bias_hh), 2) },
    ...{ Wy: zeros(OUTPUTS, na), by: zeros(OUTPUTS, 1) },
  };
}

export function gruWeights(g: GruGradients): TorchWeights {
  const W = [g.dWr, negative(g.dWu), g.dWc].reduce(stack);
  const gates = stack(g.dbr, negative(g.dbu));
  const na = (W.shape[0] as number) / 3;
  return {
    weight_hh: columns(W, 0, na),
    weight_ih: columns(W, na, W.shape[1] ?? 0),
    bias_ih: asVector(stack(gates, g.dbc)),
    bias_hh: asVector(stack(gates, g.dbch)),
  };
}

export type OpenDirection = (
  cell: CellName,
  x: Tensor,
  h0: Tensor,
  c0: Tensor | undefined,
  weights: TorchWeights,
) => Direction;

/** By the functions of each cell. */
export const byFunctions =
  (on: Subject): OpenDirection =>
  (cell, x, h0, c0, w) => {
    if (cell === "lstm" && c0 !== undefined) {
      const { a, c, caches } = on.lstmForward(batched(x), h0, lstmParameters(w), { c0 });
      return {
        h: unbatched(a),
        c: unbatched(c),
        backward(dh) {
          const { dx, da0, dc0, ...others } = on.lstmBackward(batched(dh), caches);
          return { dx: unbatched(dx), dh0: da0, dc0, dweights: lstmWeights(others) };
        },
      };
    }
    if (cell === "gru") {
      const { a, caches } = on.gruForward(batched(x), h0, gruParameters(w));
      return {
        h: unbatched(a),
        c: undefined,
        backward(dh) {
          const { dx, da0, ...others } = on.gruBackward(batched(dh), caches);
          return { dx: unbatched(dx), dh0: da0, dc0: undefined, dweights: gruWeights(others) };
        },
      };
    }
    const { a, caches } = on.rnnForward(batched(x), h0, rnnParameters(w));
    return {
      h: unbatched(a),
      c: undefined,
      backward(dh) {
        const { dx, da0, ...others } = on.rnnBackward(batched(dh), caches);
        return { dx: unbatched(dx), dh0: da0, dc0: undefined, dweights: rnnWeights(others) };
      },
    };
  };
