import type { Bytes } from "../formats/bytes.js";
import { checkOptions, type OptionNames } from "../options.js";
import { type Block, Shared } from "../wasm/arena.js";
import { checkBatch, notFiniteOperand, type TrainingBatch } from "./batch.js";
import { type Counters, readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { checkInteger, checkNumber } from "./checks.js";
import { DivergenceError } from "./divergence.js";
import { Loss, type LossOptions } from "./losses.js";
import type { TrainedNetwork } from "./network.js";
import { Optimizer } from "./optimizer.js";
import type { OptimizerOptions } from "./optimizer_options.js";
import { checkSeed } from "./options.js";
import { runLoss } from "./pass.js";
import { newProgress } from "./progress.js";
import { seedOf } from "./random.js";
import { type Schedule, type ScheduleOptions, scheduleOf } from "./schedules.js";
import { CarriedStates } from "./states.js";

/** Options of `createTrainer`. */
export interface TrainerOptions {
  readonly loss: LossOptions;
  readonly optimizer: OptimizerOptions;
  /** How the learning rate changes. Default: it stays. */
  readonly schedule?: ScheduleOptions | undefined;
  /** Scales the gradient down to this norm, over all parameters as one vector: torch's clip_grad_norm_. Default: none. */
  readonly clipNorm?: number | undefined;
  /** Holds each number of the gradient within ± this, after `clipNorm`: torch's clip_grad_value_. Default: none. */
  readonly clipValue?: number | undefined;
  /** The number of steps whose mean gradient makes one update. Default 1. */
  readonly accumulate?: number | undefined;
  /** The seed of dropout and of the order of sequences, an integer in 0 … 2^53 − 1. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Copies weights and moments every so many updates. If a loss or a gradient is not finite, the step throws a
   * `DivergenceError`, and the last copy is restored; without copies (0) the weights before the step stay. Default 100.
   */
  readonly guardEvery?: number | undefined;
  /**
   * The bytes that the buffers of a step may take, without weights, gradients and moments. If all steps of a batch do not fit,
   * the forward pass keeps states at some steps only and computes what lies between again on the way back: memory grows with
   * the root of T, and the bits are the same. Default: no limit.
   */
  readonly memory?: number | undefined;
}

const NAMES: OptionNames<TrainerOptions> = {
  loss: true,
  optimizer: true,
  schedule: true,
  clipNorm: true,
  clipValue: true,
  accumulate: true,
  seed: true,
  guardEvery: true,
  memory: true,
};

/** The result of a step. */
export interface StepReport {
  /** The mean over all rows that have a target, weighted if there are weights; in nats for cross-entropy. */
  readonly loss: number;
  /** The rows that have a target. */
  readonly tokens: number;
  /** The norm of the gradient before it is clipped, over all parameters that are not frozen. */
  readonly gradientNorm: number;
}

/** The result of `Trainer.evaluate`. */
export type Evaluation = Pick<StepReport, "loss" | "tokens">;

/** As torch's clip_grad_norm_ has it. */
const CLIP_EPSILON = 1e-6;

/** The content of a trainer. */
export class TrainerContent extends Shared {
  readonly network: TrainedNetwork;
  readonly optimizer: Optimizer;
  readonly states: CarriedStates;
  /** Updates, steps since the last one, and random numbers so far. */
  readonly counters: Counters;
  readonly progress = newProgress();
  readonly #loss: Loss;
  readonly #schedule: Schedule;
  readonly #options: TrainerOptions;
  readonly #accumulate: number;
  readonly #guardEvery: number;
  readonly #memory: number;
  /** The weights, then the moments, as they were after `#guarded` updates. */
  #guard: Block | undefined;
  #guarded = 0;
  #guardedCounts: readonly number[] = [];
  /** How often weights had been loaded then. */
  #guardedLoads = 0;

  constructor(where: string, network: TrainedNetwork, options: TrainerOptions) {
    super();
    checkOptions(where, options, NAMES);
    const { clipNorm, clipValue, accumulate = 1, seed = 0, guardEvery = 100 } = options;
    checkSeed(where, seed);
    const positive = { least: 0, above: true };
    if (clipNorm !== undefined) checkNumber(`${where}: clipNorm`, clipNorm, positive);
    if (clipValue !== undefined) checkNumber(`${where}: clipValue`, clipValue, positive);
    checkInteger(`${where}: accumulate`, accumulate, 1);
    checkInteger(`${where}: guardEvery`, guardEvery, 0);
    const { memory = Number.MAX_SAFE_INTEGER } = options;
    checkInteger(`${where}: memory`, memory, 1);
    this.#schedule = scheduleOf(where, options.schedule);
    const { parameters, architecture, shapes } = network;
    const loss = new Loss(where, parameters.dtype, architecture.output, options.loss);
    try {
      this.optimizer = new Optimizer(where, parameters, options.optimizer);
    } catch (error) {
      loss.release();
      throw error;
    }
    this.#loss = loss;
    this.network = network.retain();
    this.states = new CarriedStates(parameters.dtype, shapes);
    this.counters = { updates: 0, accumulated: 0, drawn: 0, seed };
    this.#options = options;
    this.#accumulate = accumulate;
    this.#guardEvery = guardEvery;
    this.#memory = memory;
  }

  /** The learning rate of the next update. */
  get rate(): number {
    return this.#schedule(this.counters.updates, this.optimizer.lr);
  }

  step(where: string, batch: TrainingBatch): StepReport {
    const { network, states, counters } = this;
    const checked = checkBatch(where, network, { loss: this.#loss, states }, batch);
    const { carry } = checked;
    const dropout = { seed: seedOf(counters.seed), first: counters.drawn };
    if (this.#guard === undefined || this.#guardedLoads !== network.loads) this.#keepGuard();
    const accumulate = this.#accumulate;
    const options = { where, carry, states, dropout, accumulate, memory: this.#memory };
    if (counters.accumulated === 0) network.parameters.clearGradients();
    const pass = runLoss(network, this.#loss, checked, options);
    const gradientNorm = this.#norm();
    for (const [what, value] of Object.entries({
      loss: pass.loss,
      "gradient norm": gradientNorm,
    })) {
      if (Number.isFinite(value)) continue;
      this.#diverged(where, `${what} ${value}`, notFiniteOperand(checked));
    }
    pass.keepStates();
    counters.drawn += pass.drawn;
    counters.accumulated++;
    if (counters.accumulated === accumulate) {
      this.#clip(gradientNorm);
      this.optimizer.update(this.rate);
      network.changed();
      counters.updates++;
      counters.accumulated = 0;
      const age = counters.updates - this.#guarded;
      if (this.#guardEvery > 0 && age >= this.#guardEvery) this.#keepGuard();
    }
    return { loss: pass.loss, tokens: pass.tokens, gradientNorm };
  }

  evaluate(where: string, batch: TrainingBatch): Evaluation {
    const checked = checkBatch(where, this.network, { loss: this.#loss, states: undefined }, batch);
    if (checked.carry)
      throw new TypeError(`${where}: carry: expected false: each sequence starts from zeros`);
    const { loss, tokens } = runLoss(this.network, this.#loss, checked, {
      ...{ where, memory: this.#memory, accumulate: 0 },
      ...{ carry: false, states: undefined, dropout: undefined },
    });
    return { loss, tokens };
  }

  /** The norm of the gradient: the root of the sum of all squares. */
  #norm(): number {
    const { dtype, gradients } = this.network.parameters;
    const { kernels } = dtype;
    let sum = 0;
    for (const { offset, n } of this.optimizer.runs())
      sum += kernels.sum_squares(n, gradients + offset);
    return Math.sqrt(sum);
  }

  #clip(norm: number): void {
    const { clipNorm, clipValue } = this.#options;
    const { dtype, gradients, bytes } = this.network.parameters;
    const { kernels, item } = dtype;
    const n = bytes / item;
    if (clipNorm !== undefined) {
      const factor = clipNorm / (norm + CLIP_EPSILON);
      if (factor < 1) kernels.scale_map(n, factor, gradients);
    }
    if (clipValue !== undefined) kernels.clamp_map(n, clipValue, gradients);
  }

  /** The weights and the moments, and the place of each in a copy. */
  #guardedSpans(): { source: number; bytes: number; offset: number }[] {
    const { bytes, weights } = this.network.parameters;
    const { pointers, momentBytes } = this.optimizer;
    return [
      { source: weights, bytes, offset: 0 },
      ...pointers.map((source, i) => {
        return { source, bytes: momentBytes, offset: bytes + i * momentBytes };
      }),
    ];
  }

  /** Copies weights and moments. */
  #keepGuard(): void {
    if (this.#guardEvery === 0) return;
    const { arena } = this.network.engine;
    const spans = this.#guardedSpans();
    this.#guard ??= arena.allocate(spans.reduce((sum, { bytes }) => sum + bytes, 0));
    const { pointer } = this.#guard;
    for (const { source, bytes, offset } of spans) arena.copy(source, pointer + offset, bytes);
    this.#guarded = this.counters.updates;
    this.#guardedLoads = this.network.loads;
    this.#guardedCounts = [...this.optimizer.updates];
  }

  checkpoint(): Uint8Array {
    return writeCheckpoint({ ...this, parameters: this.network.parameters });
  }

  restore(bytes: Bytes): void {
    readCheckpoint(bytes, { ...this, parameters: this.network.parameters });
    this.network.loaded();
    this.#guard?.release();
    this.#guard = undefined;
  }

  /** Restores the last good weights, and throws. `operand` is one that is not finite. */
  #diverged(where: string, what: string, operand: string | undefined): never {
    const { counters, network } = this;
    const { parameters } = network;
    const { weights, gradients } = parameters;
    const step = counters.updates + 1;
    const bad =
      operand ??
      nameOf("weight", parameters.findNotFinite(weights)) ??
      nameOf("gradient of", parameters.findNotFinite(gradients));
    const guard = this.#guard;
    if (guard !== undefined) {
      for (const { source, bytes, offset } of this.#guardedSpans())
        network.engine.arena.copy(guard.pointer + offset, source, bytes);
      this.optimizer.updates = this.#guardedCounts;
      counters.updates = this.#guarded;
      network.changed();
    }
    counters.accumulated = 0;
    this.states.clear();
    throw new DivergenceError(where, what, { step, tensor: bad, restored: counters.updates });
  }

  protected free(): void {
    this.#loss.release();
    this.optimizer.release();
    this.states.release();
    this.#guard?.release();
    this.network.release();
  }
}

/** A tensor in the words of an error. */
const nameOf = (
  kind: string,
  found: { readonly parameter: { readonly name: string } } | undefined,
): string | undefined => (found === undefined ? undefined : `${kind} ${found.parameter.name}`);
