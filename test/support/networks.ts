import {
  type Activation,
  type ActivationName,
  createRecurrent,
  type Engine,
  type LayerWeights,
  type Precision,
  type Recurrent,
  type RecurrentOptions,
} from "../../src/index.js";
import type { Activation as Plain } from "../oracle/activations.js";
import { type Network, runNetwork } from "../oracle/network.js";
import type { RecurrentWeights } from "../oracle/recurrent.js";
import { GATES } from "./layers.js";
import { randomTensor, uniform } from "./random.js";
import type { Tensor } from "./subject.js";

// Every option of a network, alone and together. One table serves the tests of outputs, gradients and ragged batches.

/** ONNX's defaults of α and β, from its operators' text; those of functions that have none there are what does nothing. */
const DEFAULTS: Readonly<Record<ActivationName, readonly [alpha: number, beta: number]>> = {
  sigmoid: [0, 0],
  tanh: [0, 0],
  relu: [0, 0],
  affine: [1, 0],
  leakyRelu: [0.01, 0],
  thresholdedRelu: [1, 0],
  scaledTanh: [1, 1],
  hardSigmoid: [0.2, 0.5],
  elu: [1, 0],
  softsign: [0, 0],
  softplus: [0, 0],
  identity: [0, 0],
};

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
    ...{ cell: "lstm", projected: true, peepholes: true, inputForget: true, clip: 0.5 },
    ...{ ...two, ...both, activations: ["hardSigmoid", "softsign", "scaledTanh"] },
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
      ...{ ...kind, inputSize: nx, hiddenSize: na },
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

const plain = (activation: Activation): Plain => {
  const given = typeof activation === "string" ? { name: activation } : activation;
  const [alpha, beta] = DEFAULTS[given.name];
  return { alpha, beta, ...given };
};

const USUAL = {
  rnn: ["tanh"],
  gru: ["sigmoid", "tanh"],
  lstm: ["sigmoid", "tanh", "tanh"],
} as const;

/** The options as the oracle has them. */
function networkOf(options: RecurrentOptions): Network {
  const { cell, bidirectional = false, nonlinearity } = options;
  const usual = nonlinearity === undefined ? USUAL[cell] : [nonlinearity];
  const all = (options.activations ?? usual).map(plain);
  const n = usual.length;
  const directions = bidirectional ? [0, 1] : [0];
  return {
    layers: options.layers ?? 1,
    directions: directions.map((d) => ({
      fromEnd: d === 1 || options.reverse === true,
      cell: {
        cell,
        activations: d * n < all.length ? all.slice(d * n, (d + 1) * n) : all,
        clip: options.clip ?? Number.POSITIVE_INFINITY,
        before: options.resetAfter === false,
        coupled: options.inputForget ?? false,
      },
    })),
  };
}

/** One pass's weights without layer and direction in their names. */
function passOf(weights: Drawn["weights"], l: number, d: number): RecurrentWeights {
  const suffix = `_l${l}${d === 1 ? "_reverse" : ""}`;
  const own = Object.entries(weights).filter(([name]) => name.endsWith(suffix));
  const named = own.map(([name, value]) => [name.slice(0, -suffix.length), value]);
  return Object.fromEntries(named) as RecurrentWeights;
}

/** What the oracle gives for every sequence: outputs (T_b, D·nh) and the states reached. */
export function runOracle({ options, weights, sequences, state }: Drawn) {
  const network = networkOf(options);
  const D = network.directions.length;
  const passes = Array.from({ length: network.layers * D }, (_, p) => p);
  const all = passes.map((p) => passOf(weights, Math.floor(p / D), p % D));
  const m = sequences.length;
  const reached = Object.fromEntries(
    Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  ) as Drawn["state"];
  const of = (tensor: Tensor | undefined, p: number, b: number): Float64Array => {
    const n = tensor?.shape[2] ?? 0;
    const from = (p * m + b) * n;
    return tensor?.data.subarray(from, from + n) ?? new Float64Array(0);
  };
  const outputs = sequences.map((x, b): Tensor => {
    const before = passes.map((p) => ({ h: of(state.h, p, b), c: of(state.c, p, b) }));
    const weightsOf = (l: number, d: number) => all[l * D + d] as RecurrentWeights;
    const { y, states } = runNetwork(network, weightsOf, x, before);
    states.forEach(({ h, c }, p) => {
      of(reached.h, p, b).set(h);
      of(reached.c, p, b).set(c);
    });
    return y;
  });
  return { outputs, state: reached };
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
