import type { Bytes } from "../formats/bytes.js";
import { contentOf, Handle } from "../wasm/handle.js";
import type { TrainingBatch } from "./batch.js";
import type { TrainingData, TrainingSource } from "./data.js";
import { type FitOptions, type FitReport, fit } from "./fit.js";
import { networkOf, type Trainable } from "./trainable.js";
import {
  type Evaluation,
  type StepReport,
  TrainerContent,
  type TrainerOptions,
} from "./training.js";

/** Trains a network, step by step. {@link createTrainer} makes it; `dispose` frees its memory, and not the network's. */
export class Trainer extends Handle {
  /** @internal */
  constructor(content: TrainerContent) {
    super("trainer", content);
  }

  /** The number of updates so far. */
  get updates(): number {
    return open("updates", this).counters.updates;
  }

  /** The learning rate of the next update. */
  get learningRate(): number {
    return open("learningRate", this).rate;
  }

  /**
   * One step: the loss of a batch, its gradient, and an update of the weights (with `accumulate`: after so many steps).
   *
   * @throws {TypeError | RangeError} for an operand of the wrong kind, or an id out of range; {ShapeError} for one of the wrong
   *   size; nothing is changed then
   * @throws {DivergenceError} if the loss or a gradient is not finite; the last good weights are restored
   * @throws {EngineMemoryError} if linear memory does not suffice
   */
  step(batch: TrainingBatch): StepReport {
    return open("step", this).step("step", batch);
  }

  /** The loss of a batch as it stands, without dropout: nothing is changed. Throws as `step`. */
  evaluate(batch: TrainingBatch): Evaluation {
    return open("evaluate", this).evaluate("evaluate", batch);
  }

  /**
   * Trains over data, in batches. The loop may be left and entered again: `fit` goes on where the last one stopped, also
   * after `restore`.
   *
   * @returns a report of each step; the last one of an epoch has the validation loss
   * @throws as `step`, when the loop asks for the step
   */
  fit(data: TrainingData | TrainingSource, options: FitOptions = {}): AsyncGenerator<FitReport> {
    return fit(open("fit", this), data, options);
  }

  /**
   * Copies all that a run needs to go on, as a safetensors file: weights, moments, counters, states and the place in the data.
   * A trainer that restores it gives the same bits as one that was never interrupted.
   */
  checkpoint(): Uint8Array {
    return open("checkpoint", this).checkpoint();
  }

  /**
   * Goes on from a checkpoint, in the network too.
   *
   * @throws {ModelFormatError} unless the bytes are a checkpoint of a network and an optimiser like these; nothing is changed
   *   then
   */
  restore(checkpoint: Bytes): void {
    open("restore", this).restore(checkpoint);
  }
}

/** The content of a trainer. @throws {StateError} if the trainer or its engine is disposed */
export function open(where: string, trainer: Trainer): TrainerContent {
  const content = contentOf<TrainerContent>(where, trainer);
  content.network.engine.checkOpen();
  return content;
}

/**
 * Makes a trainer of a network. Several trainers may take turns at one network.
 *
 * @throws {TypeError | RangeError} for an option that is unknown, of the wrong kind or out of range
 * @throws {EngineMemoryError} if linear memory does not suffice for the moments
 */
export function createTrainer(net: Trainable, options: TrainerOptions): Trainer {
  const where = "createTrainer";
  const network = networkOf(where, net);
  return new Trainer(new TrainerContent(where, network, options));
}
