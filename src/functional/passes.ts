import { gateElements, inputProducts } from "../cells/cell.js";
import { StateError } from "../errors.js";
import { Batch } from "../sequence/batch.js";
import { backwardSteps, forwardSteps, gradientsOf } from "../sequence/direction.js";
import { backwardBuffers, type DirectionBuffers, planBackward } from "../sequence/plan.js";
import { Tape } from "../sequence/tape.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkShape, type Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import { checkEngine, type Engine, withScratch } from "../wasm/engine.js";
import { read, stageBytes, write } from "./axes.js";
import { Recording } from "./caches.js";
import { type Naming, prepare } from "./parameters.js";

/** An operand and the name by which a message calls it. */
type Operand = readonly [name: string, value: Tensor];

export interface ForwardCall<P extends object> {
  where: string;
  naming: Naming<P>;
  parameters: P;
  /** (nx, m, T), or (nx, m) for a single step. */
  x: Operand;
  /** The initial state (na, m). */
  a: Operand;
  /** The initial memory (na, m); zeros where absent. */
  c?: Operand | undefined;
  /** One step without a time axis. */
  single: boolean;
}

export interface Forward {
  recording: Recording;
  /** The states after each step, (na, m, T) or (na, m); `c` is `a` for a cell without memory. */
  a: Tensor;
  c: Tensor;
  /** The softmax outputs, (ny, m, T) or (ny, m). */
  y: Tensor;
}

/** A forward pass, recorded. */
export function forward<P extends object>(engine: Engine, call: ForwardCall<P>): Forward {
  const { where, naming, parameters, single } = call;
  const [xName, x] = call.x;
  checkEngine(where, engine);
  const prepared = prepare(engine, where, naming, parameters);
  const { nx, na, ny } = prepared.sizes;
  const letters = single ? ["nx", "m"] : ["nx", "m", "T"];
  checkShape(where, xName, x, letters, [nx, undefined, undefined], ` (from ${naming.names[0]})`);
  const [, m = 0, T = 1] = x.shape;
  for (const [name, value] of call.c === undefined ? [call.a] : [call.a, call.c]) {
    const origin = ` (from ${naming.names[0]} and ${xName})`;
    checkShape(where, name, value, ["na", "m"], [na, m], origin);
  }
  const shape = (n: number): number[] => (single ? [n, m] : [n, m, T]);

  return prepared.use((model) => {
    const batch = Batch.dense(m, T);
    const tape = new Tape(model.stack, batch);
    const direction = tape.buffers.directions[0] as DirectionBuffers;
    try {
      const stageSize = stageBytes(Math.max(nx * T, na * Math.max(T, 1), ny * T) * m);
      return withScratch(engine.arena, stageSize + T * m * ny * ITEM, ({ pointer: stage }) => {
        write(engine, x, stage, direction.x);
        write(engine, call.a[1], stage, direction.h0);
        if (call.c !== undefined) write(engine, call.c[1], stage, direction.c0);
        else if (naming.cell.hasCellState) engine.arena.f64(direction.c0, m * na).fill(0);
        const ldz = gateElements(naming.cell, na);
        inputProducts(naming.cell, direction.weights, T * m, direction.x, direction.gates, ldz);
        forwardSteps(direction, batch, { first: 0, last: T });
        const logits = stage + stageSize;
        model.linear.logits(T * m, direction.h, logits);
        engine.kernels.softmax_rows(T * m, ny, logits, logits);
        const y = read(engine, shape(ny), logits, stage);
        const a = read(engine, shape(na), direction.h, stage);
        const c = naming.cell.hasCellState ? read(engine, shape(na), direction.c, stage) : a;
        return {
          recording: new Recording(engine, single ? "cache" : "caches", tape, model),
          a,
          c,
          y,
        };
      });
    } catch (error) {
      tape.release();
      throw error;
    }
  });
}

export interface BackwardCall {
  where: string;
  recording: Recording;
  /** The first step; the others follow as `da` says. */
  first: number;
  /** (na, m, T'), or (na, m) for a single step. */
  da: Operand;
  /** The gradient of the memory after the last step, (na, m); zeros where absent. */
  dc?: Operand | undefined;
  throughTime: boolean;
  /** One step without a time axis. */
  single: boolean;
}

export interface Backward<G> {
  dx: Tensor;
  da0: Tensor;
  dc0: Tensor;
  /** What `split` made of the gradients of W (G·na, na + nx) and the bias. */
  gradients: G;
}

/** A backward pass over a recording. */
export function backward<G>(
  engine: Engine,
  call: BackwardCall,
  split: (
    gradients: WeightArrays<Float64Array<ArrayBuffer>>,
    sizes: { nx: number; na: number },
  ) => G,
): Backward<G> {
  const { where, recording, first, throughTime, single } = call;
  const [daName, da] = call.da;
  const { batch } = checkRecording(where, engine, recording).tape;
  const { direction, nx, na, m, T } = recording.seen;
  const letters = single ? ["na", "m"] : ["na", "m", "T'"];
  checkShape(where, daName, da, letters, [na, m, undefined], " (from the forward pass)");
  const [, , steps = 1] = da.shape;
  if (first + steps > T) {
    // T' may be any number up to T: let the message say the largest.
    checkShape(where, daName, da, ["na", "m", "T' ≤ T"], [na, m, T], " (from the forward pass)");
  }
  if (call.dc !== undefined) {
    checkShape(where, ...call.dc, ["na", "m"], [na, m], " (from the forward pass)");
  }

  const { weights } = direction;
  const stageSize = stageBytes(Math.max(nx, na) * m * Math.max(steps, 1));
  const plan = planBackward(weights, m, steps * m);
  const state = stageBytes(m * na);
  const bytes = stageSize + 2 * state + stageBytes(steps * m * (na + nx)) + plan.bytes;
  return withScratch(engine.arena, bytes, ({ pointer: stage }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    weights.transposed();
    const dh = stage + stageSize;
    const dc = dh + state;
    const dy = dc + state;
    const dx = dy + stageBytes(steps * m * na);
    const own = { dy, dh, dc, dx, previous: 0, addsToInput: false };
    const at = backwardBuffers(plan, dx + stageBytes(steps * m * nx), own);
    engine.arena.f64(dh, m * na).fill(0);
    engine.arena.f64(dc, m * na).fill(0);
    write(engine, da, stage, dy);
    if (call.dc !== undefined) write(engine, call.dc[1], stage, dc);
    backwardSteps(direction, batch, { first, last: first + steps, throughTime }, at);
    return {
      dx: read(engine, single ? [nx, m] : [nx, m, steps], dx, stage),
      da0: read(engine, [na, m], dh, stage),
      dc0: read(engine, [na, m], dc, stage),
      gradients: split(gradientsOf(weights, at), { nx, na }),
    };
  });
}

/** Throws unless the recording is alive and this engine's. */
export function checkRecording(where: string, engine: Engine, recording: Recording) {
  checkEngine(where, engine);
  if (recording.engine !== engine) {
    throw new StateError(`${where}: ${recording.kind}: made by another engine`);
  }
  return recording.held;
}
