import type { AbortSignalLike } from "../host.js";
import { giveWay } from "../model/give_way.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkObject, describe, type Tensor } from "../tensor.js";
import type { Floats } from "../wasm/abi.js";
import type { TrainingBatch } from "./batch.js";
import { checkFlag, checkInteger, checkNumber, shown } from "./checks.js";
import { isSource, pick, type TrainingData, type TrainingSource } from "./data.js";
import type { Progress } from "./progress.js";
import { Random } from "./random.js";
import type { Evaluation, StepReport, TrainerContent } from "./training.js";

/** When `fit` ends before its last epoch. */
export interface EarlyStopping {
  /** Epochs without a lower validation loss after which the run ends. The weights of the lowest are restored. */
  readonly patience: number;
  /** A loss counts as lower if it is by more than this. Default 0. */
  readonly minDelta?: number | undefined;
}

/** Options of `Trainer.fit`. */
export interface FitOptions {
  /** The run ends after so many epochs in all, those before a `restore` included. Default 1, or no limit if `steps` is given. */
  readonly epochs?: number | undefined;
  /** The run ends after so many steps in all, those before a `restore` included. */
  readonly steps?: number | undefined;
  /** Sequences of a batch of data that are drawn. Default 32. */
  readonly batchSize?: number | undefined;
  /** Whether data are drawn in random order, another in each epoch. Default true. */
  readonly shuffle?: boolean | undefined;
  /** Data whose loss is computed after each epoch. */
  readonly validate?: TrainingData | undefined;
  /** Needs `validate`. */
  readonly earlyStopping?: EarlyStopping | undefined;
  /** Receives a checkpoint after every `checkpointEvery` steps, and at the end. The run waits for it. */
  readonly checkpoint?: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  /** Default 1000. */
  readonly checkpointEvery?: number | undefined;
  /** Ends the run after the step in progress. The trainer can go on later. */
  readonly signal?: AbortSignalLike | undefined;
}

const NAMES: OptionNames<FitOptions> = {
  epochs: true,
  steps: true,
  batchSize: true,
  shuffle: true,
  validate: true,
  earlyStopping: true,
  checkpoint: true,
  checkpointEvery: true,
  signal: true,
};

/** The report of a step of `fit`. */
export interface FitReport extends StepReport {
  /** Its epoch, from 0. */
  readonly epoch: number;
  /** Its number in all runs, from 1. */
  readonly step: number;
  /** The learning rate of the next update. */
  readonly learningRate: number;
  /** After the last step of an epoch: the loss of the validation data. */
  readonly validation?: number;
}

/** Milliseconds after which other work gets a turn of the event loop. */
const SLICE = 20;

interface Checked {
  readonly source: TrainingSource;
  readonly options: FitOptions;
  readonly epochs: number;
  readonly steps: number;
  readonly validation: readonly TrainingBatch[];
}

function check(
  content: TrainerContent,
  data: TrainingData | TrainingSource,
  options: FitOptions,
): Checked {
  const where = "fit";
  checkOptions(where, options, NAMES);
  const { steps, batchSize = 32, shuffle = true, validate, earlyStopping } = options;
  const { checkpointEvery = 1000, checkpoint } = options;
  const { epochs = steps === undefined ? 1 : Number.MAX_SAFE_INTEGER } = options;
  checkInteger(`${where}: epochs`, epochs, 0);
  if (steps !== undefined) checkInteger(`${where}: steps`, steps, 0);
  checkInteger(`${where}: batchSize`, batchSize, 1);
  checkInteger(`${where}: checkpointEvery`, checkpointEvery, 1);
  checkFlag(`${where}: shuffle`, shuffle);
  if (checkpoint !== undefined && typeof checkpoint !== "function") {
    throw new TypeError(`${where}: checkpoint: expected a function, got ${shown(checkpoint)}`);
  }
  if (earlyStopping !== undefined) {
    const names: OptionNames<EarlyStopping> = { patience: true, minDelta: true };
    checkOptions(where, earlyStopping, names, "earlyStopping");
    checkInteger(`${where}: earlyStopping.patience`, earlyStopping.patience, 1);
    checkNumber(`${where}: earlyStopping.minDelta`, earlyStopping.minDelta ?? 0, { least: 0 });
    if (validate === undefined) {
      throw new TypeError(
        `${where}: earlyStopping: expected validate, whose loss decides, got none`,
      );
    }
  }
  const { signal } = options;
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw new TypeError(`${where}: signal: expected an AbortSignal, got ${shown(signal)}`);
  }
  checkObject(where, "data", data);
  const source = isSource(data) ? data : drawn(content, data, { batchSize, shuffle });
  checkInteger(`${where}: data.length`, source.length, 1);
  const validation =
    validate === undefined ? [] : inOrder(`${where}: validate`, validate, batchSize);
  return { source, options, epochs, steps: steps ?? Number.MAX_SAFE_INTEGER, validation };
}

function countOf(place: string, { inputs }: TrainingData): number {
  if (Array.isArray(inputs)) return inputs.length;
  throw new TypeError(`${place}: inputs: expected a list of sequences, got ${describe(inputs)}`);
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first }, (_, i) => first + i);

/** Data as batches, in their order. */
function inOrder(place: string, data: TrainingData, size: number): TrainingBatch[] {
  checkObject("fit", "validate", data);
  const count = countOf(place, data);
  return range(0, Math.ceil(count / size)).map((i) =>
    pick(data, range(i * size, Math.min((i + 1) * size, count))),
  );
}

/** Data as batches whose sequences are drawn: the order of an epoch is a function of the trainer's seed and the epoch. */
function drawn(
  { counters, network }: TrainerContent,
  data: TrainingData,
  { batchSize, shuffle }: { readonly batchSize: number; readonly shuffle: boolean },
): TrainingSource {
  const count = countOf("fit: data", data);
  let known: { epoch: number; order: Int32Array } | undefined;
  return {
    length: Math.ceil(count / batchSize),
    batch(index, epoch) {
      if (known?.epoch !== epoch) {
        // Apart from dropout's numbers of the same seed, which begin at 0.
        const random = new Random(network.engine, counters.seed, 2 ** 52 + epoch * count);
        const order = shuffle ? random.order(count) : Int32Array.from(range(0, count));
        known = { epoch, order };
      }
      const first = index * batchSize;
      return pick(data, known.order.subarray(first, Math.min(first + batchSize, count)));
    },
  };
}

/** The mean loss over batches, each weighted by its rows. */
function validationLoss(content: TrainerContent, batches: readonly TrainingBatch[]): number {
  let [sum, rows] = [0, 0];
  for (const batch of batches) {
    const { loss, tokens }: Evaluation = content.evaluate("fit: validate", batch);
    sum += loss * tokens;
    rows += tokens;
  }
  return rows === 0 ? 0 : sum / rows;
}

const copyWeights = ({ network: { parameters } }: TrainerContent): Record<string, Tensor<Floats>> =>
  Object.fromEntries(parameters.all.map((each) => [each.name, parameters.read(each)]));

/** Notes a validation loss; returns whether the run is over. */
function isOver(
  content: TrainerContent,
  loss: number,
  stopping: EarlyStopping | undefined,
): boolean {
  const { progress } = content;
  const { patience = Number.POSITIVE_INFINITY, minDelta = 0 } = stopping ?? {};
  if (progress.best === undefined || loss < progress.best - minDelta) {
    progress.best = loss;
    progress.waited = 0;
    if (stopping !== undefined) progress.bestWeights = copyWeights(content);
  } else progress.waited++;
  return progress.waited >= patience;
}

function restoreBest({ network, progress: { bestWeights } }: TrainerContent): void {
  if (bestWeights === undefined) return;
  for (const each of network.parameters.all) {
    network.parameters.write(each, (bestWeights[each.name] as Tensor<Floats>).data);
  }
  network.loaded();
}

/** `Trainer.fit`. The operands are checked when the loop asks for the first step. */
export async function* fit(
  content: TrainerContent,
  data: TrainingData | TrainingSource,
  options: FitOptions,
): AsyncGenerator<FitReport> {
  const { source, epochs, steps, validation } = check(content, data, options);
  const { checkpoint, checkpointEvery = 1000, signal, earlyStopping } = options;
  const { progress } = content;
  // The run before had more batches.
  if (progress.batch >= source.length) nextEpoch(progress);
  const isDone = (): boolean =>
    progress.epoch >= epochs || progress.steps >= steps || signal?.aborted === true;
  let turn = Date.now();
  let saved = -1;
  while (!isDone()) {
    const step = content.step("fit", source.batch(progress.batch, progress.epoch));
    const report = advance(content, step, source.length);
    const isEnd = progress.batch === 0;
    const loss = isEnd && validation.length > 0 ? validationLoss(content, validation) : undefined;
    const over = loss !== undefined && isOver(content, loss, earlyStopping);
    if (over) restoreBest(content);
    if (checkpoint !== undefined && progress.steps % checkpointEvery === 0) {
      saved = progress.steps;
      await checkpoint(content.checkpoint());
    }
    yield loss === undefined ? report : { ...report, validation: loss };
    if (over) break;
    if (Date.now() - turn >= SLICE) {
      await giveWay();
      turn = Date.now();
    }
  }
  if (checkpoint !== undefined && saved !== progress.steps) await checkpoint(content.checkpoint());
}

/** Moves the place in the data on by a step; returns its report. */
function advance({ progress, rate }: TrainerContent, step: StepReport, batches: number): FitReport {
  const { epoch } = progress;
  progress.steps++;
  progress.batch++;
  if (progress.batch >= batches) nextEpoch(progress);
  return { ...step, epoch, step: progress.steps, learningRate: rate };
}

function nextEpoch(progress: Progress): void {
  progress.epoch++;
  progress.batch = 0;
}
