import { add, get, rows, set, stack, transpose, zeros } from "../oracle/tensor.js";
import { loaded, type Stored } from "./stored.js";
import type { Tensor } from "./subject.js";
import type {
  Direction,
  DirectionGradients,
  OpenDirection,
  TorchWeights,
} from "./torch_direction.js";

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

/** Directions of a case, and the place of layer l, direction d among its states. */
const directionsOf = (given: TorchCase): number => (given.bidirectional ? 2 : 1);
const place = (given: TorchCase, l: number, d: number): number => l * directionsOf(given) + d;
const partName = (part: string, l: number, d: number): string =>
  `${part}_l${l}${d === 1 ? "_reverse" : ""}`;

/** The second direction reads from the end. The same turn takes its result back. */
const turned = (d: number, x: Tensor): Tensor => (d === 1 ? reversed(x) : x);

/** All layers over sequence b, each one's directions; `y` is what the last gives. */
function runLayers(
  open: OpenDirection,
  given: TorchCase,
  b: number,
): { y: Tensor; layers: Direction[][] } {
  const h0 = loaded(given.h0);
  const c0 = given.c0 && loaded(given.c0);
  let y: Tensor = loaded(given.x[b] as Stored);
  const layers = Array.from({ length: given.layers }, (_, l) => {
    const directions = Array.from({ length: directionsOf(given) }, (_, d) => {
      const weights = Object.fromEntries(
        PARTS.map((part) => [part, loaded(given.weights[partName(part, l, d)] as Stored)]),
      ) as unknown as TorchWeights;
      const k = place(given, l, d);
      const x = turned(d, y);
      return open(given.cell, x, state(h0, k, b), c0 && state(c0, k, b), weights);
    });
    y = transpose(directions.map(({ h }, d) => transpose(turned(d, h))).reduce(stack));
    return directions;
  });
  return { y, layers };
}

/** Hands `dy` down through the layers, `take` every direction's gradients, and gives the gradient of the input. */
function runLayersBackward(
  layers: Direction[][],
  dy: Tensor,
  na: number,
  take: (l: number, d: number, gradients: DirectionGradients) => void,
): Tensor {
  return layers.reduceRight((upper, directions, l) => {
    const parts = directions.map((direction, d) => {
      const own = transpose(rows(transpose(upper), d * na, (d + 1) * na));
      const gradients = direction.backward(turned(d, own));
      take(l, d, gradients);
      return turned(d, gradients.dx);
    });
    return parts.reduce(add);
  }, dy);
}

/**
 * Computes everything that a case holds, with single-layer, one-direction functions at m = 1: the sequences of the ragged
 * batch go one by one, the layers one after the other, and the second direction reads its sequence from the end.
 *
 * @returns outputs and gradients under the fixture's names, those of sequences and weights as `y[0]`, `dweights.bias_ih_l0`
 */
export function runTorchCase(open: OpenDirection, given: TorchCase): Map<string, Tensor> {
  const { shape } = loaded(given.h0);
  const results = new Map<string, Tensor>();
  const states = given.c0 ? ["h_n", "dh0", "c_n", "dc0"] : ["h_n", "dh0"];
  for (const name of states) results.set(name, zeros(...shape));
  const keep = (name: string, k: number, b: number, values: Float64Array | undefined): void => {
    const all = results.get(name);
    if (all && values) setState(all, k, b, values);
  };

  given.x.forEach((_, b) => {
    const { y, layers } = runLayers(open, given, b);
    results.set(`y[${b}]`, y);
    layers.forEach((directions, l) => {
      directions.forEach(({ h, c }, d) => {
        keep("h_n", place(given, l, d), b, last(h));
        keep("c_n", place(given, l, d), b, c && last(c));
      });
    });
    const dy = loaded(given.dy[b] as Stored);
    const dx = runLayersBackward(layers, dy, shape[2] ?? 0, (l, d, { dh0, dc0, dweights }) => {
      keep("dh0", place(given, l, d), b, dh0.data);
      keep("dc0", place(given, l, d), b, dc0?.data);
      for (const part of PARTS) {
        const name = `dweights.${partName(part, l, d)}`;
        const sum = results.get(name);
        results.set(name, sum ? add(sum, dweights[part]) : dweights[part]);
      }
    });
    results.set(`dx[${b}]`, dx);
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
