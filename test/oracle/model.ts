// A whole network over one sequence, plain loops in float64: what goes in, recurrent layers in one or two directions,
// linear layers. Its types are those of a description that a reader of files gives, and of a layer's options; weights go by
// PyTorch's names and have PyTorch's order of gates.

import { type Activation, type ActivationName, value } from "./activations.js";
import { type Recurrent, type RecurrentWeights, recurrentForward } from "./recurrent.js";
import { logSoftmax, softmax } from "./softmax.js";
import { extent, type Tensor, zeros } from "./tensor.js";
import { layerNorm } from "./training_losses.js";
import { plus, times } from "./vector.js";

interface Stored {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array;
}

type Named =
  | ActivationName
  | { readonly name: ActivationName; readonly alpha?: number; readonly beta?: number };

export interface NetworkPart {
  readonly options: {
    readonly cell: "rnn" | "lstm" | "gru";
    readonly inputSize: number;
    readonly hiddenSize: number;
    readonly layers?: number;
    readonly bidirectional?: boolean;
    readonly reverse?: boolean;
    readonly nonlinearity?: "tanh" | "relu";
    readonly resetAfter?: boolean;
    readonly peepholes?: boolean;
    readonly clip?: number;
    readonly inputForget?: boolean;
    readonly projectionSize?: number;
    readonly activations?: readonly Named[];
  };
  readonly weights: Readonly<Record<string, Stored>>;
  readonly merge?: "concat" | "sum" | "mul" | "ave";
  readonly layerNorm?: readonly {
    readonly weight: Stored;
    readonly bias: Stored;
    readonly epsilon?: number | undefined;
  }[];
  readonly residual?: boolean;
}

export interface Network {
  readonly input:
    | { readonly kind: "embedding"; readonly weight: Stored }
    | { readonly kind: "one-hot" | "features"; readonly size: number };
  readonly recurrent: readonly NetworkPart[];
  readonly dense: readonly {
    readonly weight: Stored;
    readonly bias?: Stored;
    readonly activation: "softmax" | "logSoftmax" | Named;
  }[];
}

type Rows = readonly (readonly number[])[];

const STANDARD = {
  rnn: ["tanh"],
  gru: ["sigmoid", "tanh"],
  lstm: ["sigmoid", "tanh", "tanh"],
} as const;

/** ONNX's α and β, where it has some. */
const DEFAULTS: { readonly [name in ActivationName]?: readonly [number, number] } = {
  affine: [1, 0],
  leakyRelu: [0.01, 0],
  thresholdedRelu: [1, 0],
  scaledTanh: [1, 1],
  hardSigmoid: [0.2, 0.5],
  elu: [1, 0],
};

function activationOf(given: Named): Activation {
  const named = typeof given === "string" ? { name: given } : given;
  const [alpha, beta] = DEFAULTS[named.name] ?? [0, 0];
  return { alpha, beta, ...named };
}

const tensorOf = (rows: Rows, width: number): Tensor => ({
  shape: [rows.length, width],
  data: Float64Array.from(rows.flat()),
});

const rowsOf = (x: Tensor): number[][] =>
  Array.from({ length: extent(x, 0) }, (_, t) => {
    const n = extent(x, 1);
    return Array.from(x.data.subarray(t * n, (t + 1) * n));
  });

function functionsOf({ cell, nonlinearity, activations }: NetworkPart["options"], d: number) {
  const standard: readonly Named[] = nonlinearity ? [nonlinearity] : STANDARD[cell];
  const all = activations ?? standard;
  const own = all.slice(d * standard.length, (d + 1) * standard.length);
  return (own.length > 0 ? own : all).map(activationOf);
}

const copies = new WeakMap<Stored, Tensor>();

/** The same numbers in float64: copied once, whatever is run how often. */
function doubles(stored: Stored): Tensor {
  const { shape, data } = stored;
  if (data instanceof Float64Array) return { shape, data };
  const copy = copies.get(stored) ?? { shape, data: Float64Array.from(data) };
  copies.set(stored, copy);
  return copy;
}

function weightsOf({ options, weights }: NetworkPart, suffix: string): RecurrentWeights {
  const take = (part: string): Tensor | undefined => {
    const found = weights[`${part}${suffix}`];
    return found && doubles(found);
  };
  const weight_ih = take("weight_ih") as Tensor;
  const none = zeros(extent(weight_ih, 0));
  const weight_hr = take("weight_hr");
  const peephole = take("peephole");
  return {
    weight_ih,
    weight_hh: take("weight_hh") as Tensor,
    bias_ih: take("bias_ih") ?? none,
    bias_hh: take("bias_hh") ?? none,
    ...(options.projectionSize && weight_hr ? { weight_hr } : {}),
    ...(options.peepholes && peephole ? { peephole } : {}),
  };
}

/** What a layer direction begins or ends with. */
export interface DirectionState {
  readonly h: readonly number[];
  readonly c: readonly number[];
}

/** What runs one direction of a layer: this oracle, or what is to be proved by networks of it. */
export type OpenDirection = (
  ...operands: Required<Parameters<typeof recurrentForward>>
) => Recurrent;

/** Layer l in direction d: h of every step, the state that it ends with, and the way back. */
function runDirection(
  open: OpenDirection,
  part: NetworkPart,
  [l, d]: readonly [number, number],
  x: Rows,
  initial?: DirectionState,
) {
  const { options } = part;
  const { hiddenSize: na, projectionSize: nh = na, cell } = options;
  const suffix = `_l${l}${d === 1 ? "_reverse" : ""}`;
  const fromEnd = options.reverse === true || d === 1;
  const turned = (rows: Rows): Rows => (fromEnd ? [...rows].reverse() : rows);
  const weights = weightsOf(part, suffix);
  const made = open(
    {
      cell,
      activations: functionsOf(options, d),
      clip: options.clip ?? Number.POSITIVE_INFINITY,
      coupled: options.inputForget ?? false,
      before: options.resetAfter === false,
    },
    weights,
    tensorOf(turned(x), extent(weights.weight_ih, 1)),
    initial ? Float64Array.from(initial.h) : new Float64Array(nh),
    initial ? Float64Array.from(initial.c) : new Float64Array(cell === "lstm" ? na : 0),
  );
  return {
    steps: turned(rowsOf(made.y)),
    h: Array.from(made.h),
    c: Array.from(made.c),
    backward(dSteps: Rows, { h, c }: DirectionState) {
      const dy = tensorOf(turned(dSteps), nh);
      const g = made.backward(dy, Float64Array.from(c), Float64Array.from(h));
      const named = Object.entries(g.dweights).map(([name, d]) => [name + suffix, d] as const);
      return {
        dx: turned(rowsOf(g.dx)),
        dInitial: { h: [...g.dh0], c: [...g.dc0] },
        dWeights: named.filter(([name]) => name in part.weights),
      };
    },
  };
}

const MERGES = {
  sum: (a: number, b: number) => a + b,
  mul: (a: number, b: number) => a * b,
  ave: (a: number, b: number) => (a + b) / 2,
};

function merged(row: readonly number[], merge: NetworkPart["merge"]): readonly number[] {
  if (merge === undefined || merge === "concat") return row;
  const n = row.length / 2;
  return row.slice(0, n).map((a, i) => MERGES[merge](a, row[n + i] as number));
}

/** What follows layer l of a part: a normalisation, and the addition of its input if both have one size. */
function addNorm(
  { layerNorm: norms, residual }: NetworkPart,
  l: number,
  below: readonly number[],
  h: readonly number[],
): readonly number[] {
  const norm = norms?.[l];
  const own = norm
    ? layerNorm(h, [...norm.weight.data], [...norm.bias.data], norm.epsilon ?? 1e-5)
    : h;
  if (!residual || below.length !== own.length) return own;
  return own.map((value, j) => (below[j] as number) + value);
}

/**
 * Recurrent layers over a sequence.
 *
 * @param initial the state of each direction of each layer, layer by layer; zeros where absent
 * @returns an output for every step, one for the ends of all directions, the states reached, in `initial`'s order, and
 *   `backward`, from the gradients of steps and states reached to those of input, initial states and weights
 */
export function runRecurrent(
  part: NetworkPart,
  x: Rows,
  initial?: readonly DirectionState[],
  open: OpenDirection = recurrentForward,
) {
  const { layers: count = 1, bidirectional = false } = part.options;
  const D = bidirectional ? 2 : 1;
  const layers: ReturnType<typeof runDirection>[][] = [];
  let [steps, last]: [Rows, readonly number[]] = [x, []];
  for (let l = 0; l < count; l++) {
    const merge = l === count - 1 ? part.merge : undefined;
    const directions = Array.from({ length: D }, (_, d) =>
      runDirection(open, part, [l, d], steps, initial?.[l * D + d]),
    );
    const rows = steps.map((below, t) => {
      const h = directions.flatMap((one) => one.steps[t] as number[]);
      return addNorm(part, l, below, h);
    });
    steps = rows.map((row) => merged(row, merge));
    const ends = directions.flatMap(({ h }, d) => {
      const isFromEnd = part.options.reverse === true || d === 1;
      const end = rows[isFromEnd ? 0 : rows.length - 1];
      return end === undefined ? h : end.slice(d * h.length, (d + 1) * h.length);
    });
    last = merged(ends, merge);
    layers.push(directions);
  }
  const states = layers.flat().map(({ h, c }): DirectionState => ({ h, c }));

  function backward(dSteps: Rows, dStates: readonly DirectionState[]) {
    if (part.merge !== undefined && part.merge !== "concat") throw new Error(part.merge);
    if (part.layerNorm || part.residual) throw new Error("no backward pass");
    const dInitial: DirectionState[] = [];
    const dWeights: Record<string, Tensor> = {};
    let above = dSteps;
    for (let l = count - 1; l >= 0; l--) {
      const directions = (layers[l] as (typeof layers)[number]).map((one, d) => {
        const n = one.h.length;
        const own = above.map((row) => row.slice(d * n, (d + 1) * n));
        const made = one.backward(own, dStates[l * D + d] as DirectionState);
        dInitial[l * D + d] = made.dInitial;
        Object.assign(dWeights, Object.fromEntries(made.dWeights));
        return made.dx;
      });
      above = above.map((_, t) =>
        directions
          .map((dx) => dx[t] as number[])
          .reduce((sum, row) => sum.map((value, i) => value + (row[i] as number))),
      );
    }
    return { dx: above, dInitial, dWeights };
  }
  return { steps, last, states, backward };
}

/** The linear layers over one row; `logits` leaves out what follows the last. */
function runDense(dense: Network["dense"], row: readonly number[], logits: boolean): number[] {
  let x = [...row];
  dense.forEach(({ weight, bias, activation }, i) => {
    const sums = times(doubles(weight), Float64Array.from(x));
    const z = Array.from(bias ? plus(sums, Float64Array.from(bias.data)) : sums);
    if (logits && i === dense.length - 1) x = z;
    else if (activation === "softmax") x = softmax(z);
    else if (activation === "logSoftmax") x = logSoftmax(z);
    else x = z.map((each) => value(activationOf(activation), each));
  });
  return x;
}

/**
 * A network over tokens or rows of numbers. `logits` leaves out what follows the last linear layer.
 *
 * @returns an output for every step; one for the ends of all directions, and for the mean and the maximum over the steps of
 *   what the linear layers take; and the states of each recurrent part
 */
export function runNetwork(
  { input, recurrent, dense }: Network,
  sequence: readonly (number | readonly number[])[],
  { logits = false } = {},
) {
  let rows: Rows = sequence.map((item): readonly number[] => {
    if (typeof item !== "number") return item;
    if (input.kind === "embedding") {
      const n = input.weight.shape[1] ?? 0;
      return Array.from(input.weight.data.subarray(item * n, (item + 1) * n));
    }
    return Array.from({ length: input.size }, (_, i) => (i === item ? 1 : 0));
  });
  let last: readonly number[] = [];
  const states = recurrent.map((part) => {
    const made = runRecurrent(part, rows);
    [rows, last] = [made.steps, made.last];
    return made.states;
  });
  // Of no steps: zeros, as the state is.
  const columns =
    rows.length === 0
      ? last.map(() => [0])
      : last.map((_, j) => rows.map((row) => row[j] as number));
  const mean = columns.map((column) => column.reduce((sum, x) => sum + x, 0) / column.length);
  return {
    steps: rows.map((row) => runDense(dense, row, logits)),
    last: runDense(dense, last, logits),
    mean: runDense(dense, mean, logits),
    max: runDense(
      dense,
      columns.map((column) => Math.max(...column)),
      logits,
    ),
    states,
  };
}

/** What a description says that its network gives: every step's output, or one for the sequence. */
export function runDescribed(
  network: Network & { readonly output: "steps" | "last" | "mean" | "max" },
  sequence: readonly (number | readonly number[])[],
): number[][] {
  const made = runNetwork(network, sequence);
  return network.output === "steps" ? made.steps : [made[network.output]];
}

/** The log-probability of each token but the first, given those before it. */
export function tokenLogProbs(network: Network, tokens: readonly number[]): number[] {
  const { steps } = runNetwork(network, tokens.slice(0, -1), { logits: true });
  return steps.map((row, t) => logSoftmax(row)[tokens[t + 1] as number] as number);
}
