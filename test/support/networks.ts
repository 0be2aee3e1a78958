import {
  type Activation,
  createRecurrent,
  type Engine,
  type LayerWeights,
  type Precision,
  type Recurrent,
  type RecurrentOptions,
} from "../../src/index.js";
import { type DirectionState, type OpenDirection, runRecurrent } from "../oracle/model.js";
import { add } from "../oracle/tensor.js";
import { GATES } from "./layers.js";
import { randomTensor, uniform } from "./random.js";
import type { Tensor } from "./subject.js";

// Every option of a network, alone and together. One table serves the tests of outputs, gradients and ragged batches.

/** One of each, with α and β of its own where it has them. */
const ACTIVATIONS: readonly Activation[] = [
  "sigmoid",
  "softsign",
  { name: "hardSigmoid", alpha: 0.3, beta: 0.4 },
  "tanh",
  { name: "affine", alpha: 0.7, beta: 0.2 },
  "relu",
  { name: "scaledTanh", alpha: 0.8, beta: 1.3 },
  { name: "leakyRelu", alpha: 0.3 },
  "softplus",
  { name: "elu", alpha: 0.6 },
  { name: "thresholdedRelu", alpha: 0.2 },
  "identity",
];
const pick = (k: number, n: number): Activation[] =>
  Array.from({ length: n }, (_, i) => ACTIVATIONS[(k + 5 * i) % ACTIVATIONS.length] as Activation);

export type Kind = Omit<RecurrentOptions, "inputSize" | "hiddenSize" | "projectionSize"> & {
  /** Whether h is a projection to half of the units. */
  readonly projected?: boolean;
};

export interface Case {
  readonly name: string;
  readonly kind: Kind;
}

const both = { bidirectional: true } as const;
const two = { layers: 2 } as const;

const nameOf = (kind: Kind): string =>
  Object.entries(kind)
    .map(([name, value]) => {
      if (name === "cell") return value as string;
      if (name !== "activations") return value === true ? name : `${name} ${value}`;
      return (value as Activation[])
        .map((each) => (typeof each === "string" ? each : each.name))
        .join(" ");
    })
    .join(", ");

const kinds: readonly Kind[] = [
  ...(["rnn", "lstm", "gru"] as const).flatMap((cell): Kind[] => [
    { cell, reverse: true },
    { cell, layers: 3 },
    { cell, ...both },
    { cell, ...two, ...both },
    { cell, ...two, reverse: true },
    { cell, clip: 0.4, ...both },
  ]),
  { cell: "rnn", nonlinearity: "relu" },
  { cell: "rnn", nonlinearity: "relu", ...two, ...both },
  ...ACTIVATIONS.map((each): Kind => ({ cell: "rnn", activations: [each] })),
  { cell: "rnn", activations: ["softsign", "tanh"], ...both },
  { cell: "gru", resetAfter: false },
  { cell: "gru", resetAfter: false, ...two, ...both },
  { cell: "gru", resetAfter: false, clip: 0.4, reverse: true },
  ...ACTIVATIONS.map(
    (_, k): Kind => ({ cell: "gru", resetAfter: k % 2 === 0, activations: pick(k, 2) }),
  ),
  { cell: "gru", activations: ["sigmoid", "tanh", "hardSigmoid", "softsign"], ...two, ...both },
  { cell: "lstm", peepholes: true },
  { cell: "lstm", peepholes: true, ...two, ...both },
  { cell: "lstm", inputForget: true },
  { cell: "lstm", inputForget: true, peepholes: true, clip: 0.4, reverse: true },
  { cell: "lstm", projected: true },
  { cell: "lstm", projected: true, ...two, ...both },
  { cell: "lstm", projected: true, ...two, reverse: true },
  {
    cell: "lstm",
    projected: true,
    peepholes: true,
    inputForget: true,
    clip: 0.5,
    ...two,
    ...both,
    activations: ["hardSigmoid", "softsign", "scaledTanh"],
  },
  ...ACTIVATIONS.map((_, k): Kind => ({ cell: "lstm", activations: pick(k, 3) })),
  { cell: "lstm", activations: ["sigmoid", "tanh", "tanh", ...pick(8, 3)], ...two, ...both },
];

export const networks: readonly Case[] = kinds.map((kind) => ({ name: nameOf(kind), kind }));

/** The same network without what stands for one function or size: those whose way through the code differs. */
export const shapes: readonly Case[] = networks.filter(
  ({ kind }) => kind.activations === undefined || kind.bidirectional,
);

export interface Sizes {
  readonly nx: number;
  readonly na: number;
  readonly lengths: readonly number[];
}

/** A network's options, weights and operands: sequences (T_b, nx), states (layers·D, m, n), and gradients for what it gives. */
export interface Drawn {
  readonly options: RecurrentOptions;
  readonly weights: Record<string, Tensor>;
  readonly sequences: Tensor[];
  readonly state: { h: Tensor; c?: Tensor };
  readonly dOutputs: Tensor[];
  readonly dState: { h: Tensor; c?: Tensor };
}

export function drawNetwork(
  { projected = false, ...kind }: Kind,
  { nx, na, lengths }: Sizes,
  seed: number,
): Drawn {
  const nh = projected ? Math.ceil(na / 2) : na;
  const [layers, D, m] = [kind.layers ?? 1, kind.bidirectional ? 2 : 1, lengths.length];
  const next = uniform(seed);
  const rows = GATES[kind.cell] * na;
  const weights: Record<string, Tensor> = {};
  for (let l = 0; l < layers; l++) {
    const width = l === 0 ? nx : D * nh;
    const scaled = () => (1.5 * next()) / Math.sqrt(nh + width);
    for (const suffix of D === 2 ? [`l${l}`, `l${l}_reverse`] : [`l${l}`]) {
      weights[`weight_ih_${suffix}`] = randomTensor(scaled, rows, width);
      weights[`weight_hh_${suffix}`] = randomTensor(scaled, rows, nh);
      weights[`bias_ih_${suffix}`] = randomTensor(scaled, rows);
      weights[`bias_hh_${suffix}`] = randomTensor(scaled, rows);
      if (projected) weights[`weight_hr_${suffix}`] = randomTensor(scaled, nh, na);
      if (kind.peepholes) weights[`peephole_${suffix}`] = randomTensor(scaled, 3 * na);
    }
  }
  const state = () => ({
    h: randomTensor(next, layers * D, m, nh),
    ...(kind.cell === "lstm" && { c: randomTensor(next, layers * D, m, na) }),
  });
  return {
    options: {
      ...kind,
      inputSize: nx,
      hiddenSize: na,
      ...(projected && { projectionSize: nh }),
    },
    weights,
    sequences: lengths.map((T) => randomTensor(next, T, nx)),
    state: state(),
    dOutputs: lengths.map((T) => randomTensor(next, T, D * nh)),
    dState: state(),
  };
}

/** The network with its weights loaded. */
export function open<P extends Precision = "f64">(engine: Engine, drawn: Drawn, precision?: P) {
  const network = createRecurrent<P>(engine, {
    ...drawn.options,
    ...(precision && { precision }),
  } as RecurrentOptions<P>);
  network.load(drawn.weights as LayerWeights);
  return network;
}

type State = Drawn["state"];

/** Each direction's part of a state (layers·D, m, n), of sequence b. */
function directionStates({ h, c }: State, b: number) {
  const of = (part: Tensor | undefined, k: number): number[] => {
    const [, m = 0, n = 0] = part?.shape ?? [];
    return [...(part?.data.subarray((k * m + b) * n, (k * m + b + 1) * n) ?? [])];
  };
  return Array.from({ length: h.shape[0] ?? 0 }, (_, k) => ({ h: of(h, k), c: of(c, k) }));
}

/** The other way round: the states of all sequences, shaped as `like`. */
function stateOf(like: State, all: readonly (readonly DirectionState[])[]): State {
  const part = ({ shape }: Tensor, name: "h" | "c"): Tensor => {
    const [count = 0] = shape;
    const data = Array.from({ length: count }, (_, k) => all.flatMap((each) => each[k]?.[name]));
    return { shape, data: Float64Array.from(data.flat() as number[]) };
  };
  return { h: part(like.h, "h"), ...(like.c && { c: part(like.c, "c") }) };
}

const rowsOf = ({ shape: [T = 0, n = 0], data }: Tensor): number[][] =>
  Array.from({ length: T }, (_, t) => [...data.subarray(t * n, (t + 1) * n)]);

const tensorOf = (rows: readonly (readonly number[])[], n: number): Tensor => ({
  shape: [rows.length, n],
  data: Float64Array.from(rows.flat()),
});

/** What the oracle gives for every sequence: outputs (T_b, D·nh), the states reached, and gradients by the layers' names. */
export function runOracle({ options, weights, sequences, ...drawn }: Drawn, open?: OpenDirection) {
  const runs = sequences.map((x, b) =>
    runRecurrent({ options, weights }, rowsOf(x), directionStates(drawn.state, b), open),
  );
  return {
    outputs: runs.map(({ steps, last }) => tensorOf(steps, last.length)),
    state: stateOf(
      drawn.state,
      runs.map(({ states }) => states),
    ),
    gradients(): Record<string, Tensor> {
      const all = runs.map(({ backward }, b) =>
        backward(rowsOf(drawn.dOutputs[b] as Tensor), directionStates(drawn.dState, b)),
      );
      const sums = Object.keys(weights).map((name) => {
        const parts = all.map(({ dWeights }) => dWeights[name] as Tensor);
        return [name, parts.reduce(add)] as const;
      });
      return {
        ...Object.fromEntries(sums),
        ...listed(
          "x",
          all.map(({ dx }) => tensorOf(dx, options.inputSize)),
        ),
        ...stateOf(
          drawn.state,
          all.map(({ dInitial }) => dInitial),
        ),
      };
    },
  };
}

/** A list of tensors under names of their own. */
export const listed = (name: string, tensors: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((tensor, b) => [`${name}[${b}]`, tensor]));

/** A fresh state with the drawn numbers. */
export function startOf(network: Recurrent, { sequences, state }: Drawn) {
  const start = network.createState(sequences.length);
  start.write(state);
  return start;
}

/** Sequences `picks` of a part of a state, (layers·D, m, n). */
export function pickPart(
  { shape: [passes = 0, m = 0, n = 0], data }: Tensor,
  picks: readonly number[],
): Tensor {
  const parts = Array.from({ length: passes }, (_, p) =>
    picks.flatMap((b) => [...data.subarray((p * m + b) * n, (p * m + b + 1) * n)]),
  );
  return { shape: [passes, picks.length, n], data: Float64Array.from(parts.flat()) };
}

/** The same draw with sequences `picks` alone. */
export function partOf(drawn: Drawn, picks: readonly number[]): Drawn {
  const some = <E>(all: readonly E[]): E[] => picks.map((b) => all[b] as E);
  const state = ({ h, c }: Drawn["state"]): Drawn["state"] => ({
    h: pickPart(h, picks),
    ...(c && { c: pickPart(c, picks) }),
  });
  return {
    ...drawn,
    sequences: some(drawn.sequences),
    state: state(drawn.state),
    dOutputs: some(drawn.dOutputs),
    dState: state(drawn.dState),
  };
}
