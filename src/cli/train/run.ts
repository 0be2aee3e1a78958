import { readSafetensors, type StoredDtype, writeSafetensors } from "../../formats/safetensors.js";
import { createEngine } from "../../index.js";
import {
  createTrainable,
  createTrainer,
  type Trainable,
  type Trainer,
  type TrainingData,
} from "../../train.js";
import type { Interruption } from "../output.js";
import { drawWeights } from "./first_weights.js";
import { LiveLine } from "./live_line.js";
import type { RunFolder } from "./run_folder.js";
import { type Dtype, networkOptions, optimizerOptions, scheduleOptions } from "./settings.js";
import type { Task } from "./task.js";

/** How a run ended. */
export interface Trained {
  readonly net: Trainable;
  /** Steps in all runs. */
  readonly steps: number;
  /** The validation loss of the model's weights; undefined if the run was interrupted. */
  readonly validation: number | undefined;
}

/** The place of a run in its checkpoint. */
interface Place {
  readonly steps: number;
  readonly best?: number;
  readonly waited: number;
}

const placeOf = (checkpoint: Uint8Array): Place =>
  JSON.parse(readSafetensors(checkpoint).metadata.get("recurra.training") ?? "{}").progress;

const BATCH = 32;

/** The mean loss of data, each sequence from a zero state. */
function lossOf(trainer: Trainer, { inputs, targets }: TrainingData): number {
  let [sum, rows] = [0, 0];
  for (let first = 0; first < inputs.length; first += BATCH) {
    const part = inputs.slice(first, first + BATCH);
    const own = (targets as readonly Int32Array[]).slice(first, first + BATCH);
    const { loss, tokens } = trainer.evaluate({ inputs: part, targets: own });
    sum += loss * tokens;
    rows += tokens;
  }
  return sum / Math.max(rows, 1);
}

/** The weights with the lowest validation loss, if they are better than the last ones. */
function takeBest(net: Trainable, trainer: Trainer, last: number): number {
  const bytes = trainer.checkpoint();
  const { best } = placeOf(bytes);
  if (best === undefined || best >= last) return last;
  const { tensors } = readSafetensors(bytes);
  const names = net.parameters.map(({ name }) => name);
  if (!tensors.has(`best.${names[0]}`)) return last;
  net.load(
    new Map(
      names.flatMap((name) => {
        const tensor = tensors.get(`best.${name}`);
        return tensor === undefined ? [] : [[name, tensor] as const];
      }),
    ),
  );
  return best;
}

interface RunOptions {
  readonly folder: RunFolder;
  readonly checkpoint: Uint8Array | undefined;
  readonly checkpointEvery: number;
  readonly interruption: Interruption;
}

/** Trains. An interrupted run ends after the step in progress, with a checkpoint. */
export async function runTask(task: Task, options: RunOptions): Promise<Trained> {
  const { folder, checkpoint: saved, checkpointEvery, interruption } = options;
  const { settings, validation, loss, data } = task;
  const { training, seed } = settings;
  const engine = await createEngine();
  const net = createTrainable(engine, networkOptions(settings, task.input, task.outputs));
  const { cell, initialisation } = settings.network;
  if (initialisation === "fan-in") drawWeights(net, seed, cell === "lstm");
  const { steps, clipNorm, batchSize, patience } = training;
  const trainer = createTrainer(net, {
    loss,
    optimizer: optimizerOptions(settings),
    schedule: scheduleOptions(settings),
    seed,
    ...(clipNorm > 0 ? { clipNorm } : {}),
  });
  let place: Place = { steps: 0, waited: 0 };
  if (saved !== undefined) {
    trainer.restore(saved);
    place = placeOf(saved);
  }
  folder.keepHistory(place.steps);
  // A checkpoint of a run that has stopped early already: its weights are the best.
  const isOver = patience > 0 && place.waited >= patience;
  let taken: Uint8Array | undefined;
  const save = (): void => {
    if (taken !== undefined) folder.save(taken);
    taken = undefined;
  };
  const line = new LiveLine({ steps, from: place.steps, unit: task.unit });
  let done = place.steps;
  try {
    const reports = trainer.fit(data, {
      steps: isOver ? 0 : steps,
      batchSize,
      validate: validation,
      earlyStopping: { patience: patience > 0 ? patience : Number.MAX_SAFE_INTEGER },
      // Saved when the step itself is in the history.
      checkpoint(bytes) {
        taken = bytes;
      },
      checkpointEvery,
      signal: interruption.signal,
    });
    for await (const report of reports) {
      folder.add({ ...report, epoch: Math.floor((report.step - 1) / task.epochSteps) });
      save();
      line.show(report);
      done = report.step;
    }
    save();
  } finally {
    line.end();
    folder.flush();
  }
  if (interruption.code !== undefined) return { net, steps: done, validation: undefined };
  const best = isOver && place.best !== undefined ? place.best : lossOf(trainer, validation);
  return { net, steps: done, validation: takeBest(net, trainer, best) };
}

/** The file of a network, its numbers in the type that was asked for. */
export function fileOf(
  net: Trainable,
  dtype: Dtype,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const { tensors, metadata: all } = readSafetensors(net.save({ metadata }));
  const stored = dtype.toUpperCase() as StoredDtype;
  const converted = [...tensors].map(([name, { shape, data }]) => {
    return [name, { shape, data, dtype: stored }] as const;
  });
  return writeSafetensors(new Map(converted), all);
}
