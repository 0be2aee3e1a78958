import { StateError } from "../errors.js";
import type { DirectionBuffers } from "../sequence/plan.js";
import type { Tape } from "../sequence/tape.js";
import type { Tensor } from "../tensor.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";
import { read, stageBytes } from "./axes.js";
import type { Model } from "./parameters.js";

/** What one forward call recorded: its tape and the model it saw, held until it is disposed of. */
export class Recording {
  readonly engine: Engine;
  readonly kind: string;
  #held: { tape: Tape; model: Model } | undefined;

  /** Takes over the caller's ownership of `tape`. */
  constructor(engine: Engine, kind: string, tape: Tape, model: Model) {
    this.engine = engine;
    this.kind = kind;
    this.#held = { tape, model: model.retain() };
    watch(this, tape);
    watch(this, model);
  }

  /** The tape and the model. @throws {StateError} after `dispose`, or when the engine is disposed */
  get held(): { tape: Tape; model: Model } {
    if (this.#held === undefined) throw new StateError(`${this.kind}: disposed`);
    void this.engine.kernels;
    return this.#held;
  }

  /** What the one layer of the tape left, and the sizes of the call. */
  get seen(): { direction: DirectionBuffers; nx: number; na: number; m: number; T: number } {
    const { tape } = this.held;
    const { m, T } = tape.batch;
    const direction = tape.buffers.directions[0] as DirectionBuffers;
    const { nx, na } = direction.weights;
    return { direction, nx, na, m, T };
  }

  dispose(): void {
    if (this.#held === undefined) return;
    unwatch(this);
    this.#held.tape.release();
    this.#held.model.release();
    this.#held = undefined;
  }

  /** A part of the tape as a tensor: steps `first` … of (T, m, n) at `pointer`, in the shape (n, m, T) or (n, m). */
  tensor(pointer: number, shape: readonly number[]): Tensor {
    const { engine } = this;
    const elements = shape.reduce((product, extent) => product * extent, 1);
    return withScratch(engine.arena, stageBytes(elements), (stage) =>
      read(engine, shape, pointer, stage.pointer),
    );
  }
}

/** One step of a forward pass, or a single cell's. */
export abstract class StepCache<P> extends Disposable {
  /** @internal */
  readonly recording: Recording;
  /** The step, from 0. @internal */
  readonly step: number;
  readonly #owns: boolean;

  /** @internal */
  constructor(recording: Recording, step: number, owns: boolean) {
    super();
    this.recording = recording;
    this.step = step;
    this.#owns = owns;
  }

  /** The parameters as the forward pass saw them. */
  abstract get parameters(): P;

  /** a after the step, (na, m). */
  get aNext(): Tensor {
    return this.state("h", 1);
  }

  /** a before the step, (na, m). */
  get aPrev(): Tensor {
    return this.state("h", 0);
  }

  /** The step's input, (nx, m). */
  get xt(): Tensor {
    const { direction, nx, m } = this.recording.seen;
    return this.recording.tensor(direction.x + this.step * m * direction.strides.x, [nx, m]);
  }

  /** Gives the memory back. A step of `caches.at(t)` belongs to its caches: for it this does nothing. */
  dispose(): void {
    if (this.#owns) this.recording.dispose();
  }

  /** A state part before (0) or after (1) the step. */
  protected state(part: "h" | "c", after: 0 | 1): Tensor {
    const { direction, na, m } = this.recording.seen;
    // The states of all steps follow the initial one.
    const row = (this.step + after) * m;
    return this.recording.tensor(direction[`${part}0`] + row * direction.strides[part], [na, m]);
  }

  /** One block of the step's rows, (na, m). */
  protected block(block: number): Tensor {
    const { engine, seen } = this.recording;
    const { direction, na, m } = seen;
    const { gateBlocks } = direction.weights.cell;
    const rows = engine.arena.f64(
      direction.gates + this.step * m * direction.strides.gates,
      m * gateBlocks * na,
    );
    const data = new Float64Array(na * m);
    for (let j = 0; j < na; j++) {
      for (let r = 0; r < m; r++)
        data[j * m + r] = rows[(gateBlocks * r + block) * na + j] as number;
    }
    return { shape: [na, m], data };
  }
}

/** All steps of a forward pass. */
export abstract class Caches<C> extends Disposable {
  /** @internal */
  readonly recording: Recording;
  /** T, the number of steps. */
  readonly length: number;

  /** @internal */
  constructor(recording: Recording) {
    super();
    this.recording = recording;
    this.length = recording.seen.T;
  }

  /** The cache of step t; negative counts from the end. @throws {RangeError} if there is no such step */
  at(t: number): C {
    void this.recording.held;
    const step = t < 0 ? t + this.length : t;
    if (!Number.isInteger(step) || step < 0 || step >= this.length) {
      throw new RangeError(`caches.at: expected a step below T = ${this.length}, got ${t}`);
    }
    return this.stepCache(step);
  }

  /** The input, (nx, m, T). */
  get x(): Tensor {
    const { direction, nx, m, T } = this.recording.seen;
    return this.recording.tensor(direction.x, [nx, m, T]);
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    this.recording.dispose();
  }

  protected abstract stepCache(step: number): C;
}
