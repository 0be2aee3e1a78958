// A whole network over one sequence, plain loops in float64: what goes in, recurrent layers in one or two directions,
// linear layers. Weights go by PyTorch's names and have PyTorch's order of gates.

import { type Activation, type ActivationName, value } from "./activations.js";
import { type RecurrentWeights, recurrentForward } from "./recurrent.js";
import { logSoftmax, softmax } from "./softmax.js";
import { extent, type Tensor, zeros } from "./tensor.js";

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

const USUAL = {
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
  const usual: readonly Named[] = nonlinearity ? [nonlinearity] : USUAL[cell];
  const all = activations ?? usual;
  const own = all.slice(d * usual.length, (d + 1) * usual.length);
  return (own.length > 0 ? own : all).map(activationOf);
}

function weightsOf({ options, weights }: NetworkPart, suffix: string): RecurrentWeights {
  const take = (part: string): Tensor | undefined => {
    const found = weights[`${part}${suffix}`];
    return found && { shape: found.shape, data: Float64Array.from(found.data) };
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

/** What a pass begins or ends with. */
export interface PassState {
  readonly h: readonly number[];
  readonly c: readonly number[];
}

/** One layer in one direction: h of every step, and the state that it ends with. */
function runPass(part: NetworkPart, l: number, d: number, x: Rows, initial?: PassState) {
  const { options } = part;
  const { hiddenSize: na, projectionSize: nh = na, cell } = options;
  const back = options.reverse === true || d === 1;
  const turned = (rows: Rows): Rows => (back ? [...rows].reverse() : rows);
  const weights = weightsOf(part, `_l${l}${d === 1 ? "_reverse" : ""}`);
  const { y, h, c } = recurrentForward(
    {
      cell,
      activations: functionsOf(options, d),
      ...(options.clip === undefined ? {} : { clip: options.clip }),
      coupled: options.inputForget ?? false,
      before: options.resetAfter === false,
    },
    weights,
    tensorOf(turned(x), extent(weights.weight_ih, 1)),
    initial ? Float64Array.from(initial.h) : new Float64Array(nh),
    initial ? Float64Array.from(initial.c) : new Float64Array(cell === "lstm" ? na : 0),
  );
  return { rows: turned(rowsOf(y)), h: Array.from(h), c: Array.from(c) };
}

const MERGES = {
  sum: (a: number, b: number) => a + b,
  mul: (a: number, b: number) => a * b,
  ave: (a: number, b: number) => (a + b) / 2,
};

/** A part over a sequence: the rows it gives, what stands at the ends, and the states of all its passes. */
function runPart(part: NetworkPart, x: Rows, initial?: readonly PassState[]) {
  const { layers = 1, bidirectional = false } = part.options;
  const { merge = "concat" } = part;
  const states: PassState[] = [];
  let rows = x;
  let last: number[] = [];
  const merged = (row: readonly number[], l: number): readonly number[] => {
    if (merge === "concat" || l < layers - 1) return row;
    const n = row.length / 2;
    return row.slice(0, n).map((a, i) => MERGES[merge](a, row[n + i] as number));
  };
  for (let l = 0; l < layers; l++) {
    const passes = (bidirectional ? [0, 1] : [0]).map((d, _, { length: D }) =>
      runPass(part, l, d, rows, initial?.[l * D + d]),
    );
    rows = rows.map((_, t) =>
      merged(
        passes.flatMap((pass) => pass.rows[t] as number[]),
        l,
      ),
    );
    last = [
      ...merged(
        passes.flatMap(({ h }) => h),
        l,
      ),
    ];
    states.push(...passes);
  }
  return { rows, last, states };
}

/** The linear layers over one row: with what follows the last, or, for logits, without. */
function runDense(dense: Network["dense"], row: readonly number[], logits: boolean): number[] {
  let x = [...row];
  dense.forEach(({ weight, bias, activation }, i) => {
    const [ny = 0, n = 0] = weight.shape;
    if (n !== x.length) throw new RangeError(`(${weight.shape}) by ${x.length}`);
    const z = Array.from({ length: ny }, (_, j) =>
      x.reduce(
        (sum, value, k) => sum + (weight.data[j * n + k] as number) * value,
        bias?.data[j] ?? 0,
      ),
    );
    if (logits && i === dense.length - 1) x = z;
    else if (activation === "softmax") x = softmax(z);
    else if (activation === "logSoftmax") x = logSoftmax(z);
    else x = z.map((each) => value(activationOf(activation), each));
  });
  return x;
}

/**
 * A network over tokens or rows of numbers.
 *
 * @param logits leaves out what follows the last linear layer
 * @param initial the states of each part to begin with, pass by pass; zeros where absent
 * @returns an output for every step, one for the ends of all directions, and the states of each part, pass by pass
 */
export function runNetwork(
  { input, recurrent, dense }: Network,
  sequence: readonly number[] | Rows,
  logits = false,
  initial?: readonly (readonly PassState[])[],
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
  const states = recurrent.map((part, p) => {
    const made = runPart(part, rows, initial?.[p]);
    rows = made.rows;
    last = made.last;
    return made.states;
  });
  return {
    steps: rows.map((row) => runDense(dense, row, logits)),
    last: runDense(dense, last, logits),
    states,
  };
}

/** The log-probability of each token but the first, given those before it. */
export function tokenLogProbs(network: Network, tokens: readonly number[]): number[] {
  const { steps } = runNetwork(network, tokens.slice(0, -1), true);
  return steps.map((row, t) => logSoftmax(row)[tokens[t + 1] as number] as number);
}
