import { rows, stack, transpose } from "../oracle/matrix.js";
import { add, get, set, zeros } from "../oracle/tensor.js";
import { loaded, type Stored } from "./fixtures.js";
import type { Subject, Tensor } from "./subject.js";
import {
  type Direction,
  lstmDirection,
  rnnDirection,
  type TorchWeights,
} from "./torch_direction.js";

/** A PyTorch float64 case: layers of RNN or LSTM, one or two directions, a ragged batch; loss = Σ y·dy. */
export interface TorchCase {
  cell: "rnn" | "lstm";
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
  /** Under PyTorch's names. */
  weights: Record<string, Stored>;
  dweights: Record<string, Stored>;
}

const PARTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] as const;

const reversed = ({ shape, data }: Tensor): Tensor => {
  const [T = 0, n = 0] = shape;
  return {
    shape,
    data: data.map((_, i) => data[(T - 1 - Math.floor(i / n)) * n + (i % n)] as number),
  };
};

/** states[k, b] as a column. */
const state = (states: Tensor, k: number, b: number): Tensor => {
  const n = states.shape[2] ?? 0;
  const column = zeros(n, 1);
  for (let i = 0; i < n; i++) set(column, get(states, k, b, i), i, 0);
  return column;
};

function setState(states: Tensor, k: number, b: number, values: Float64Array): void {
  values.forEach((value, i) => {
    set(states, value, k, b, i);
  });
}

const last = ({ shape: [T = 0, n = 0], data }: Tensor): Float64Array => data.subarray((T - 1) * n);

/**
 * Computes everything that a case holds, with single-layer, one-direction functions at m = 1: the sequences of the ragged
 * batch go one by one, the layers one after the other, and the second direction reads its sequence from the end.
 *
 * @returns outputs and gradients under the fixture's names, those of sequences and weights as `y[0]`, `dweights.bias_ih_l0`
 */
export function runTorchCase(on: Subject, given: TorchCase): Map<string, Tensor> {
  const D = given.bidirectional ? 2 : 1;
  const h0 = loaded(given.h0);
  const c0 = given.c0 && loaded(given.c0);
  const results = new Map<string, Tensor>();
  const statesLike = (name: string) => results.set(name, zeros(...h0.shape)).get(name) as Tensor;
  const [h_n, dh0] = [statesLike("h_n"), statesLike("dh0")];
  const [c_n, dc0] = c0 ? [statesLike("c_n"), statesLike("dc0")] : [];
  const partName = (part: string, l: number, d: number) =>
    `${part}_l${l}${d === 1 ? "_reverse" : ""}`;

  given.x.forEach((stored, b) => {
    const forwards = (d: number, x: Tensor): Tensor => (d === 1 ? reversed(x) : x);

    const layers: Direction[][] = [];
    let x: Tensor = loaded(stored);
    for (let l = 0; l < given.layers; l++) {
      const directions: Direction[] = [];
      for (let d = 0; d < D; d++) {
        const k = l * D + d;
        const weights = Object.fromEntries(
          PARTS.map((part) => [part, loaded(given.weights[partName(part, l, d)] as Stored)]),
        ) as unknown as TorchWeights;
        const input = forwards(d, x);
        const run = c0
          ? lstmDirection(on, input, state(h0, k, b), state(c0, k, b), weights)
          : rnnDirection(on, input, state(h0, k, b), weights);
        directions.push(run);
        setState(h_n, k, b, last(run.h));
        if (c_n && run.c) setState(c_n, k, b, last(run.c));
      }
      layers.push(directions);
      x = transpose(directions.map(({ h }, d) => transpose(forwards(d, h))).reduce(stack));
    }
    results.set(`y[${b}]`, x);

    let dy: Tensor = loaded(given.dy[b] as Stored);
    for (let l = given.layers - 1; l >= 0; l--) {
      const upper = dy;
      const na = h0.shape[2] ?? 0;
      dy = (layers[l] as Direction[])
        .map((direction, d) => {
          const own = transpose(rows(transpose(upper), d * na, (d + 1) * na));
          const g = direction.backward(forwards(d, own));
          setState(dh0, l * D + d, b, g.dh0.data);
          if (dc0 && g.dc0) setState(dc0, l * D + d, b, g.dc0.data);
          for (const part of PARTS) {
            const name = `dweights.${partName(part, l, d)}`;
            const sum = results.get(name);
            results.set(name, sum ? add(sum, g.dweights[part]) : g.dweights[part]);
          }
          return forwards(d, g.dx);
        })
        .reduce(add);
    }
    results.set(`dx[${b}]`, dy);
  });
  return results;
}

/** What PyTorch gave, under the names of `runTorchCase`. */
export function expectedOf(given: TorchCase): Map<string, Tensor> {
  const expected = new Map<string, Tensor>();
  for (const name of ["h_n", "c_n", "dh0", "dc0"] as const) {
    const value = given[name];
    if (value) expected.set(name, loaded(value));
  }
  for (const name of ["y", "dx"] as const) {
    given[name].forEach((value, b) => {
      expected.set(`${name}[${b}]`, loaded(value));
    });
  }
  for (const [name, value] of Object.entries(given.dweights)) {
    expected.set(`dweights.${name}`, loaded(value));
  }
  return expected;
}
