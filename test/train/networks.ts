import { createEngineSync, type EngineOptions, type Tensor } from "../../src/index.js";
import type { TrainingBatch } from "../../src/train/batch.js";
import type { LossOptions } from "../../src/train/losses.js";
import type { TrainableOptions } from "../../src/train/options.js";
import { uniform } from "../support/random.js";

type Recurrent = Extract<TrainableOptions["recurrent"], { readonly cell: string }>;

/** One network of each kind that training knows. */
export const NETWORKS: Readonly<Record<string, TrainableOptions>> = {
  lstm: {
    input: { tokens: 6, embedding: 3 },
    recurrent: { cell: "lstm", hiddenSize: 4, layers: 2 },
    output: { size: 6 },
  },
  gru: {
    input: { tokens: 5, embedding: 2 },
    recurrent: { cell: "gru", hiddenSize: 5 },
    output: { size: 3 },
  },
  "rnn, relu, one-hot": {
    input: { tokens: 4 },
    recurrent: { cell: "rnn", hiddenSize: 3, nonlinearity: "relu" },
    output: { size: 4 },
  },
  "bidirectional, last": {
    input: { features: 3 },
    recurrent: { cell: "lstm", hiddenSize: 3, layers: 2, bidirectional: true },
    output: { size: 2, of: "last" },
  },
  "reverse, mean": {
    input: { features: 2 },
    recurrent: { cell: "gru", hiddenSize: 4, reverse: true, layers: 2 },
    output: { size: 3, of: "mean" },
  },
  "tied, LayerNorm, residual": {
    input: { tokens: 5, embedding: 4 },
    recurrent: { cell: "lstm", hiddenSize: 4, layers: 2 },
    output: { size: 5, tied: true },
    layerNorm: true,
    residual: true,
  },
  residual: {
    input: { features: 4 },
    recurrent: { cell: "gru", hiddenSize: 4, layers: 3 },
    output: { size: 3, of: "last" },
    residual: true,
  },
  "bidirectional, LayerNorm, last": {
    input: { tokens: 4 },
    recurrent: [
      { cell: "lstm", hiddenSize: 3, bidirectional: true },
      { cell: "gru", hiddenSize: 3, bidirectional: true, layers: 2 },
      { cell: "rnn", hiddenSize: 5, reverse: true },
    ],
    output: { size: 3, of: "last" },
    layerNorm: true,
    residual: true,
  },
  "two stacks": {
    input: { features: 3 },
    recurrent: [
      { cell: "gru", hiddenSize: 4, bidirectional: true },
      { cell: "rnn", hiddenSize: 3 },
    ],
    output: { size: 2 },
  },
  "peepholes, clip": {
    input: { features: 2 },
    recurrent: { cell: "lstm", hiddenSize: 3, peepholes: true, clip: 5 },
    output: { size: 2 },
  },
  projection: {
    input: { features: 2 },
    recurrent: { cell: "lstm", hiddenSize: 5, projectionSize: 2, layers: 2 },
    output: { size: 2 },
  },
  "reset before": {
    input: { features: 2 },
    recurrent: { cell: "gru", hiddenSize: 4, resetAfter: false },
    output: { size: 2 },
  },
};

export const names = Object.keys(NETWORKS);
export const optionsOf = (name: string): TrainableOptions => NETWORKS[name] as TrainableOptions;

/** Whether every direction of a network reads from the start. */
export const carries = ({ recurrent }: TrainableOptions): boolean =>
  ([recurrent].flat() as Recurrent[]).every((each) => !each.bidirectional && !each.reverse);

/** Seeded sequences of these lengths for a network, and targets for a loss. */
export function drawBatch(
  { input, output }: TrainableOptions,
  loss: LossOptions,
  {
    seed = 1,
    lengths = [3, 5, 1],
  }: { readonly seed?: number; readonly lengths?: readonly number[] } = {},
): TrainingBatch & { readonly inputs: readonly (number[] | Tensor)[] } {
  const next = uniform(seed);
  const id = (n: number): number => Math.floor(((next() + 1) / 2) * n);
  const ids = (n: number, T: number): number[] => Array.from({ length: T }, () => id(n));
  const rows = (n: number, T: number, draw = next): Tensor => ({
    shape: [T, n],
    data: Float64Array.from({ length: T * n }, draw),
  });
  const inputs = lengths.map((T) =>
    "features" in input ? rows(input.features, T) : ids(input.tokens, T),
  );
  const isIds = (typeof loss === "string" ? loss : loss.name) === "crossEntropy";
  const part = (T: number) =>
    isIds ? ids(output.size, T) : rows(output.size, T, () => (next() + 1) / 2);
  if ((output.of ?? "step") !== "step") return { inputs, targets: part(lengths.length) };
  return { inputs, targets: lengths.map(part) as number[][] };
}

const hasRelaxed = createEngineSync({ relaxed: true }).features.relaxed;

/** The shipped builds that this host can run. */
export const builds: readonly { readonly build: string; readonly options: EngineOptions }[] = [
  { build: "default", options: {} },
  ...(hasRelaxed ? [{ build: "relaxed", options: { relaxed: true } }] : []),
];
