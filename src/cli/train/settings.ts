import type { Precision } from "../../index.js";
import type { OptimizerOptions, ScheduleOptions, TrainableOptions } from "../../train.js";

/** The options of `recurra train`, as the user gave them. */
export interface TrainCommand {
  readonly out: string;
  readonly run?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly target?: string;
  readonly features?: string;
  readonly window?: number;
  readonly horizon?: number;
  readonly delimiter?: string;
  readonly missing?: "previous";
  readonly tokens?: "characters" | "words";
  readonly words?: number;
  readonly tokenizer?: string;
  readonly cell?: "lstm" | "gru" | "rnn";
  readonly hiddenSize?: number;
  readonly layers?: number;
  readonly embedding?: number;
  readonly layerNorm?: true;
  readonly residual?: true;
  readonly dropout?: number;
  readonly initialisation?: FirstWeights;
  readonly epochs?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly sequenceLength?: number;
  readonly optimizer?: Optimiser;
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly schedule?: "constant" | "linear" | "cosine";
  readonly warmup?: number;
  readonly clipNorm?: number;
  readonly validation?: number;
  readonly patience?: number;
  readonly checkpointEvery?: number;
  readonly seed?: number;
  readonly precision?: Precision;
  readonly dtype?: Dtype;
  readonly note?: readonly string[];
}

export type Optimiser = OptimizerOptions["name"];
/** How first weights are drawn: by what a unit sums (first_weights.ts), or as PyTorch or Keras does. */
export type FirstWeights = "fan-in" | "pytorch" | "keras";
export type Dtype = "f64" | "f32" | "f16";

/** All that decides the bytes of the model, besides the data. It is written to the run's folder. */
export interface Settings {
  readonly version: 1;
  readonly kind: "text" | "table";
  readonly data: { readonly file: string; readonly sha256: string };
  readonly out: string;
  /** What the data are read as: tokens, or columns and windows. */
  readonly reading: Readonly<Record<string, string | number | readonly string[]>>;
  readonly network: NetworkSettings;
  readonly training: TrainingSettings;
  /** The share of the data that is kept for validation. */
  readonly validation: number;
  readonly seed: number;
  readonly dtype: Dtype;
  /** Metadata that the user adds. */
  readonly notes: Readonly<Record<string, string>>;
}

export interface NetworkSettings {
  readonly cell: "lstm" | "gru" | "rnn";
  readonly hiddenSize: number;
  readonly layers: number;
  /** The size of a token's row; 0 for one-hot vectors, and for features. */
  readonly embedding: number;
  /** Absent: no. */
  readonly layerNorm?: true;
  readonly residual?: true;
  readonly dropout: number;
  readonly initialisation: FirstWeights;
  /** Of the computation, unless it is f64: settings of runs before there was a choice have none. */
  readonly precision?: "f32";
}

export interface TrainingSettings {
  readonly steps: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly optimizer: Optimiser;
  readonly lr: number;
  readonly weightDecay: number;
  readonly schedule: "constant" | "linear" | "cosine";
  readonly warmup: number;
  readonly clipNorm: number;
  /** Steps from one validation to the next. */
  readonly validateEvery: number;
  /** Validations without a better one after which the run ends; 0 for none. */
  readonly patience: number;
}

/** The network of settings, as `createTrainable` takes it. */
export function networkOptions(
  { network, seed }: Settings,
  input: TrainableOptions["input"],
  outputs: number,
): TrainableOptions {
  const { cell, hiddenSize, layers, dropout, initialisation } = network;
  const { layerNorm, residual, precision } = network;
  return {
    input,
    recurrent: { cell, hiddenSize, layers, dropout },
    layerNorm,
    residual,
    output: { size: outputs, dropout },
    precision,
    seed,
    ...(initialisation === "fan-in" ? {} : { initialisation }),
    ...(cell === "lstm" ? { forgetBias: 1 } : {}),
  };
}

/** The optimiser of settings, as `createTrainer` takes it. */
export const optimizerOptions = ({ training }: Settings): OptimizerOptions => ({
  name: training.optimizer,
  lr: training.lr,
  weightDecay: training.weightDecay,
});

/** How the rate of settings changes: over all steps, down to 0. */
export function scheduleOptions({ training }: Settings): ScheduleOptions {
  const { schedule: name, warmup, steps } = training;
  if (name === "linear") return { name, startFactor: 1, endFactor: 0, totalIters: steps, warmup };
  return name === "cosine" ? { name, tMax: steps, warmup } : { name, warmup };
}
