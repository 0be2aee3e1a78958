import type {
  GruGradients,
  GruParameters,
  LstmGradients,
  LstmParameters,
  RnnGradients,
  RnnParameters,
} from "../../src/index.js";
import type { OpenDirection } from "../oracle/model.js";
import type { Recurrent } from "../oracle/recurrent.js";
import {
  add,
  each,
  loaded,
  rows,
  type Stored,
  stack,
  type Tensor,
  transpose,
  zeros,
} from "../oracle/tensor.js";
import { type Drawn, listed } from "./networks.js";
import type { Subject } from "./subject.js";

/** A PyTorch float64 case: layers of one cell, one or two directions, a ragged batch; loss = Σ y·dy. */
export interface TorchCase {
  cell: "rnn" | "lstm" | "gru";
  input_size: number;
  hidden_size: number;
  projection_size?: number;
  layers: number;
  bidirectional: boolean;
  /** One for each sequence, (T_b, features). */
  x: Stored[];
  y: Stored[];
  dy: Stored[];
  dx: Stored[];
  /** (layers · directions, batch, hidden). */
  h0: Stored;
  h_n: Stored;
  dh0: Stored;
  c0?: Stored;
  c_n?: Stored;
  dc0?: Stored;
  /** The gradient that reaches the last states from outside; zeros where absent. */
  dh_n?: Stored;
  dc_n?: Stored;
  /** Under PyTorch's names. */
  weights: Record<string, Stored>;
  dweights: Record<string, Stored>;
}

/** A case as networks are drawn: what goes in, and the gradients of what comes out. */
export function drawnOf(given: TorchCase): Drawn {
  const { cell, layers, bidirectional, h0, c0, dh_n, dc_n } = given;
  const state = (h: Stored | undefined, c: Stored | undefined) => ({
    h: h ? loaded(h) : zeros(...h0.shape),
    ...(c0 && { c: c ? loaded(c) : zeros(...c0.shape) }),
  });
  return {
    options: {
      cell,
      layers,
      bidirectional,
      inputSize: given.input_size,
      hiddenSize: given.hidden_size,
      ...(given.projection_size && { projectionSize: given.projection_size }),
    },
    weights: tensorsOf(given.weights),
    sequences: given.x.map(loaded),
    dOutputs: given.dy.map(loaded),
    state: state(h0, c0),
    dState: state(dh_n, dc_n),
  };
}

const tensorsOf = (stored: Record<string, Stored>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, loaded(value)]));

/** What PyTorch gave for it: outputs and states, and gradients by the names of what they belong to. */
export const expectedOf = (given: TorchCase) => ({
  results: {
    ...listed("y", given.y.map(loaded)),
    h: loaded(given.h_n),
    c: given.c_n && loaded(given.c_n),
  },
  gradients: {
    ...tensorsOf(given.dweights),
    ...listed("x", given.dx.map(loaded)),
    h: loaded(given.dh0),
    c: given.dc0 && loaded(given.dc0),
  },
});

/** The weights of one layer in one direction: gates' rows in PyTorch's order, i, f, g, o or r, z, n, and two biases. */
export interface TorchWeights {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor;
  readonly bias_hh: Tensor;
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
  Wax: w.weight_ih,
  Waa: w.weight_hh,
  ba: sumOfBiases(w),
  Wya: zeros(OUTPUTS, w.weight_hh.shape[1] ?? 0),
  by: zeros(OUTPUTS, 1),
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
    Wi: i.W,
    bi: i.b,
    Wf: f.W,
    bf: f.b,
    Wc: c.W,
    bc: c.b,
    Wo: o.W,
    bo: o.b,
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
    Wr: gate(all, 0),
    br: gate(bias, 0),
    Wu: negative(gate(all, 1)),
    bu: negative(gate(bias, 1)),
    Wc: gate(all, 2),
    bc: gate(asColumn(w.bias_ih), 2),
    bch: gate(asColumn(w.bias_hh), 2),
    Wy: zeros(OUTPUTS, na),
    by: zeros(OUTPUTS, 1),
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

/** The last step of (n, 1, T). */
const last = ({ shape: [, , T = 0], data }: Tensor): Float64Array =>
  data.filter((_, i) => i % T === T - 1);

/** The functions as one direction of a layer, at a batch of one. */
export const byFunctions =
  (on: Subject): OpenDirection =>
  ({ cell }, weights, x, h0, c0) => {
    const state = (data: Float64Array): Tensor => ({ shape: [data.length, 1], data });
    /** The steps' outputs, and how to go back; no gradient reaches h from beyond the last step. */
    const made = (
      a: Tensor,
      c: Float64Array,
      backward: (da: Tensor) => { dx: Tensor; da0: Tensor; dc0?: Tensor },
      gradients: (all: never) => TorchWeights,
    ): Recurrent => ({
      y: unbatched(a),
      h: last(a),
      c,
      backward(dy) {
        const all = backward(batched(dy));
        return {
          dx: unbatched(all.dx),
          dh0: all.da0.data,
          dc0: all.dc0?.data ?? new Float64Array(0),
          dweights: gradients(all as never),
        };
      },
    });
    if (cell === "lstm") {
      const options = { c0: state(c0) };
      const { a, c, caches } = on.lstmForward(
        batched(x),
        state(h0),
        lstmParameters(weights),
        options,
      );
      return made(a, last(c), (da) => on.lstmBackward(da, caches), lstmWeights);
    }
    if (cell === "gru") {
      const { a, caches } = on.gruForward(batched(x), state(h0), gruParameters(weights));
      return made(a, c0, (da) => on.gruBackward(da, caches), gruWeights);
    }
    const { a, caches } = on.rnnForward(batched(x), state(h0), rnnParameters(weights));
    return made(a, c0, (da) => on.rnnBackward(da, caches), rnnWeights);
  };
