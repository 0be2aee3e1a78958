import { StateError } from "../errors.js";
import type { DirectionBuffers } from "../sequence/forward_plan.js";
import type { Tape } from "../sequence/tape.js";

import type { Tensor } from "../tensor.js";
import { Shared } from "../wasm/arena.js";
import { checkEngine, type Engine, type EngineCore, withScratch } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { read, stageBytes } from "./axes.js";
import { type CellTable, tensorsFrom } from "./cell_table.js";
import type { PackedParameters } from "./parameters.js";

/** A forward pass as its caches hold it: the tape, and the parameters as the pass saw them. */
export class CachedPass extends Shared {
  readonly engine: EngineCore;
  readonly table: CellTable<never>;
  readonly tape: Tape;
  readonly packed: PackedParameters;

  /** Takes over the caller's ownership of `tape`. */
  constructor(engine: EngineCore, table: CellTable<never>, tape: Tape, packed: PackedParameters) {
    super();
    this.engine = engine;
    this.table = table;
    this.tape = tape;
    this.packed = packed.retain();
  }

  /** The buffers of the one layer. */
  get buffers(): DirectionBuffers {
    return this.tape.buffers.directions[0] as DirectionBuffers;
  }

  /** The sizes of the call. */
  get sizes(): { nx: number; na: number; m: number; T: number } {
    const { m, T } = this.tape.batch;
    const { nx, na } = this.buffers.weights;
    return { nx, na, m, T };
  }

  /** A copy of (T, m, n) at `pointer` as a tensor of `shape` (n, m, T) or (n, m). */
  tensor(pointer: number, shape: readonly number[]): Tensor {
    const { engine } = this;
    const elements = shape.reduce((product, extent) => product * extent, 1);
    return withScratch(engine.arena, stageBytes(elements), (stage) =>
      read(engine, shape, pointer, stage.pointer),
    );
  }

  protected free(): void {
    this.tape.release();
    this.packed.release();
  }
}

/** A step of a forward pass: of a cell's own, which it holds, or of a sequence's, which belongs to its caches. */
class CachedStep extends Shared {
  readonly pass: CachedPass;
  readonly step: number;
  readonly caches: Handle | undefined;

  constructor(pass: CachedPass, step: number, caches: Handle | undefined) {
    super();
    this.pass = pass;
    this.step = step;
    this.caches = caches;
  }

  protected free(): void {
    if (this.caches === undefined) this.pass.release();
  }
}

/** The step behind a cache. @throws {StateError} after `dispose`, of its caches too, or when the engine is disposed */
function stepOf(where: string, cache: Handle): CachedStep {
  const content = contentOf<CachedStep>(where, cache);
  if (content.caches !== undefined) contentOf(where, content.caches);
  content.pass.engine.checkOpen();
  return content;
}

/** The pass behind caches. @throws {StateError} after `dispose`, or when the engine is disposed */
function passOf(where: string, caches: Handle): CachedPass {
  const pass = contentOf<CachedPass>(where, caches);
  pass.engine.checkOpen();
  return pass;
}

/** The pass behind an operand, and the step where it starts. @throws {StateError} also if another engine made it */
export function startOf(where: string, engine: Engine, caches: Handle) {
  const core = checkEngine(where, engine);
  const single = caches instanceof StepCache;
  const start = single ? stepOf(where, caches) : { pass: passOf(where, caches), step: 0 };
  if (start.pass.engine === core) return start;
  throw new StateError(`${where}: ${single ? "cache" : "caches"}: made by another engine`);
}

/** A state before (0) or after (1) the step, (na, m). */
export function stateOf(name: string, cache: Handle, part: "h" | "c", after: 0 | 1): Tensor {
  const { pass, step } = stepOf(name, cache);
  const { na, m } = pass.sizes;
  // The states of all steps follow the initial one.
  const row = (step + after) * m;
  return pass.tensor(pass.buffers[`${part}0`] + row * pass.buffers.strides[part], [na, m]);
}

/** One block of the step's gates, (na, m). */
export function gateOf(name: string, cache: Handle, block: number): Tensor {
  const { pass, step } = stepOf(name, cache);
  const { na, m } = pass.sizes;
  const { gates, weights } = pass.buffers;
  const { gateBlocks } = weights.cell;
  const pointer = gates + step * m * pass.buffers.strides.gates;
  const rows = pass.engine.arena.f64(pointer, m * gateBlocks * na);
  const data = new Float64Array(na * m);
  for (let j = 0; j < na; j++) {
    for (let r = 0; r < m; r++) data[j * m + r] = rows[(gateBlocks * r + block) * na + j] as number;
  }
  return { shape: [na, m], data };
}

/** One step of a forward pass, or a single cell's. */
export abstract class StepCache<P = object> extends Handle {
  /** @internal */
  constructor(pass: CachedPass, step = 0, caches?: Handle) {
    super("cache", new CachedStep(pass, step, caches));
  }

  /** The parameters as the forward pass saw them. */
  get parameters(): P {
    const { pass } = stepOf("parameters", this);
    const { weights, linear, parts, sizes } = pass.packed;
    const [Wy, by] = pass.table.output;
    const { W, bias } = linear.tensors();
    const recurrent = weights.read((arrays) => tensorsFrom(arrays, parts, sizes.na, "name"));
    return { ...recurrent, [Wy]: W, [by]: bias } as P;
  }

  /** a after the step, (na, m). */
  get aNext(): Tensor {
    return stateOf("aNext", this, "h", 1);
  }

  /** a before the step, (na, m). */
  get aPrev(): Tensor {
    return stateOf("aPrev", this, "h", 0);
  }

  /** The step's input, (nx, m). */
  get xt(): Tensor {
    const { pass, step } = stepOf("xt", this);
    const { nx, m } = pass.sizes;
    return pass.tensor(pass.buffers.x + step * m * pass.buffers.strides.x, [nx, m]);
  }
}

/** All steps of a forward pass. */
export abstract class Caches<C extends StepCache = StepCache> extends Handle {
  /** T, the number of steps. */
  readonly length: number;
  readonly #Step: new (
    pass: CachedPass,
    step: number,
    caches: Handle,
  ) => C;

  /** @internal */
  constructor(pass: CachedPass, Step: new (pass: CachedPass, step: number, caches: Handle) => C) {
    super("caches object", pass);
    this.length = pass.sizes.T;
    this.#Step = Step;
  }

  /**
   * The cache of step t; negative counts from the end. It ends with these caches and holds no memory of its own.
   *
   * @throws {RangeError} if there is no such step
   */
  at(t: number): C {
    const pass = passOf("caches.at", this);
    const step = t < 0 ? t + this.length : t;
    if (!Number.isInteger(step) || step < 0 || step >= this.length) {
      throw new RangeError(`caches.at: expected a step below T = ${this.length}, got ${t}`);
    }
    return new this.#Step(pass, step, this);
  }

  /** The input, (nx, m, T). */
  get x(): Tensor {
    const pass = passOf("x", this);
    const { nx, m, T } = pass.sizes;
    return pass.tensor(pass.buffers.x, [nx, m, T]);
  }
}
