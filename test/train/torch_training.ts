import type { Engine, EngineOptions, Tensor } from "../../src/index.js";
import type { TrainingBatch } from "../../src/train/batch.js";
import type { LossOptions } from "../../src/train/losses.js";
import type { TrainableOptions } from "../../src/train/options.js";
import type { Trainable } from "../../src/train/trainable.js";
import type { Trainer } from "../../src/train/trainer.js";
import type { TrainerOptions } from "../../src/train/training.js";

// Runs of scripts/make_torch_training.py, in Node and in a page: nothing here reads files.

/** A network of scripts/make_torch_training.py. */
export interface TorchNetwork {
  readonly tokens?: number;
  readonly embedding?: number;
  readonly features?: number;
  readonly cell: "rnn" | "lstm" | "gru";
  readonly hidden: number;
  readonly layers?: number;
  readonly bidirectional?: boolean;
  readonly size: number;
  readonly of?: "step" | "last" | "mean";
  readonly norm?: boolean;
  readonly tied?: boolean;
  readonly residual?: boolean;
  readonly loss: Exclude<LossOptions, string>;
  readonly lengths: readonly number[];
  readonly carry?: boolean;
  /** Of ours: PyTorch's is f64. */
  readonly precision?: "f64" | "f32";
}

/** What PyTorch gave: base64 of float64. */
export interface TorchRun {
  readonly trainer: Omit<TrainerOptions, "loss">;
  readonly losses: string;
  /** Of the gradients, before they are clipped. */
  readonly norms: string;
  /** Whether `weights` are all numbers, or three sums of each tensor. */
  readonly whole: boolean;
  readonly weights: Readonly<Record<string, string>>;
}

/** Base64 of little-endian float64. */
export function numbers(base64: string): Float64Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

/** A number in [0, 1) of an integer: the same in Python. */
export const fraction = (k: number): number => (((k % 10007) ** 2 + 31 * k) % 10007) / 10007;

export const optionsOf = (spec: TorchNetwork): TrainableOptions => ({
  input:
    spec.features === undefined
      ? { tokens: spec.tokens as number, embedding: spec.embedding }
      : { features: spec.features },
  recurrent: {
    cell: spec.cell,
    hiddenSize: spec.hidden,
    layers: spec.layers ?? 1,
    bidirectional: spec.bidirectional ?? false,
  },
  output: { size: spec.size, of: spec.of ?? "step", tied: spec.tied ?? false },
  precision: spec.precision,
  layerNorm: spec.norm ?? false,
  residual: spec.residual ?? false,
});

/** The first weights, drawn in PyTorch's order of the parameters. */
export function firstWeights(
  names: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Record<string, Tensor> {
  let k = 0;
  const weights = names.map((name) => {
    const shape = shapes.get(name) ?? [];
    const base = name.startsWith("norm.") && name.endsWith("weight") ? 1 : 0;
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = Float64Array.from({ length: size }, () => (2 * fraction(++k) - 1) * 0.6 + base);
    return [name, { shape, data }] as const;
  });
  return Object.fromEntries(weights);
}

/** Sequences and targets of a step. */
export function batchOf(spec: TorchNetwork, step: number): TrainingBatch {
  const { tokens, features, size, of = "step", loss, carry = false } = spec;
  const k = 1000 * step;
  const lengths = carry ? spec.lengths : spec.lengths.map((n) => 1 + ((n + step) % n));
  const rows = (n: number, T: number, draw: (i: number) => number): Tensor => ({
    shape: [T, n],
    data: Float64Array.from({ length: T * n }, (_, i) => draw(i)),
  });
  const ids = (n: number, T: number, draw: (i: number) => number): number[] =>
    Array.from({ length: T }, (_, t) => Math.floor(n * draw(t)));
  const inputs = lengths.map((T, b) => {
    const at = (i: number): number => fraction(k + 131 * b + 7 * i);
    return tokens === undefined
      ? rows(features as number, T, (i) => 2 * at(i) - 1)
      : ids(tokens, T, at);
  });
  const targets = lengths.map((T, b) => {
    const at = (i: number): number => fraction(k + 500 + 131 * b + 7 * i);
    const count = of === "step" ? T : 1;
    return loss.name === "crossEntropy" ? ids(size, count, at) : rows(size, count, at);
  });
  if (of === "step") return { inputs, targets, carry };
  if (loss.name === "crossEntropy") return { inputs, targets: (targets as number[][]).flat() };
  const all = (targets as Tensor[]).flatMap(({ data }) => [...data]);
  return { inputs, targets: { shape: [lengths.length, size], data: Float64Array.from(all) } };
}

/** The package, or its sources. */
export interface TrainingPackage {
  createEngineSync(options?: EngineOptions): Engine;
  createTrainable(engine: Engine, options: TrainableOptions): Trainable;
  createTrainer(net: Trainable, options: TrainerOptions): Trainer;
}

/** What a run gives. */
export interface TrainedRun {
  readonly losses: number[];
  /** Of each update. */
  readonly norms: number[];
  readonly weights: Record<string, number[]>;
}

/** Trains as PyTorch did, with PyTorch's first weights and data. */
export function trainAsTorch(
  { createEngineSync, createTrainable, createTrainer }: TrainingPackage,
  spec: TorchNetwork,
  run: TorchRun,
  options: EngineOptions = {},
): TrainedRun {
  const engine = createEngineSync(options);
  const net = createTrainable(engine, optionsOf(spec));
  const shapes = new Map(net.parameters.map(({ name, shape }) => [name, shape]));
  net.load(firstWeights(Object.keys(run.weights), shapes));
  const trainer = createTrainer(net, { ...run.trainer, loss: spec.loss });
  const reports = Array.from(numbers(run.losses), (_, step) => trainer.step(batchOf(spec, step)));
  const every = run.trainer.accumulate ?? 1;
  const weights = Object.entries(net.weights());
  engine.dispose();
  return {
    losses: reports.map(({ loss }) => loss),
    norms: reports.filter((_, i) => (i + 1) % every === 0).map(({ gradientNorm }) => gradientNorm),
    weights: Object.fromEntries(weights.map(([name, { data }]) => [name, [...data]])),
  };
}
