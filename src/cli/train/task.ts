import type { LossOptions, TrainableOptions, TrainingData, TrainingSource } from "../../train.js";
import type { Settings } from "./settings.js";

/** How well a trained model does on data that it has not seen. */
export interface HeldOut {
  /** A sentence. */
  readonly text: string;
  /** What the file says besides: strings by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Data that are ready to be trained on, and what the run needs to know of them. */
export interface Task {
  readonly settings: Settings;
  readonly input: TrainableOptions["input"];
  readonly outputs: number;
  readonly loss: LossOptions;
  readonly data: TrainingData | TrainingSource;
  /** Steps in which the data are read once. */
  readonly epochSteps: number;
  readonly validation: TrainingData;
  readonly metadata: Readonly<Record<string, string>>;
  /** What a step is counted in. */
  readonly unit: "characters" | "tokens" | "rows";
  /** What was chosen, a line each, for stderr. */
  readonly choices: readonly string[];
  heldOut(model: Uint8Array): Promise<HeldOut>;
}

/** A number in words of the command line. */
export const count = (n: number): string => n.toLocaleString("en");

/** What was chosen for network and training. */
export function choicesOf({ network, training, validation, seed, dtype }: Settings): string[] {
  const { cell, hiddenSize, layers, embedding, dropout, initialisation } = network;
  const { layerNorm, residual, precision } = network;
  const { steps, batchSize, sequenceLength, optimizer, lr, schedule, warmup, clipNorm } = training;
  const { weightDecay, patience } = training;
  const parts = [
    `${cell.toUpperCase()} of ${hiddenSize} units`,
    `${layers} ${layers === 1 ? "layer" : "layers"}`,
    ...(embedding > 0 ? [`embedding of ${embedding}`] : []),
    ...(layerNorm ? ["LayerNorm"] : []),
    ...(residual ? ["residuals"] : []),
    ...(dropout > 0 ? [`dropout ${dropout}`] : []),
    `first weights by ${initialisation}`,
    ...(precision === undefined ? [] : [`computed in ${precision}`]),
  ];
  const rate = [
    `${optimizer} with rate ${Number(lr.toPrecision(4))}`,
    ...(warmup > 0 ? [`${warmup} steps of warm-up`] : []),
    ...(schedule === "constant" ? [] : [`${schedule} schedule down to 0`]),
    ...(weightDecay > 0 ? [`weight decay ${weightDecay}`] : []),
    ...(clipNorm > 0 ? [`gradients clipped to norm ${clipNorm}`] : []),
  ];
  const end = patience > 0 ? `, early stop after ${patience} validations without a better one` : "";
  return [
    `network: ${parts.join(", ")}`,
    `training: ${count(steps)} steps of ${batchSize} sequences × ${sequenceLength}, ${rate.join(", ")}`,
    `validation: the last ${Number((100 * validation).toPrecision(3))} % of the data, every ${count(training.validateEvery)} steps${end}`,
    `seed ${seed}, weights stored as ${dtype}`,
  ];
}
