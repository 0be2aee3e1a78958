import { type CellBackward, gateElements, inputProducts } from "../cells/cell.js";
import { planBackward } from "../sequence/backward_plan.js";
import { Batch } from "../sequence/batch.js";
import { backwardSteps, forwardSteps, gradientsOf, type Span } from "../sequence/direction.js";
import { Tape } from "../sequence/tape.js";
import { transposedOf } from "../sequence/transposed.js";
import { checkShape, type Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import { checkEngine, type Engine, withScratch } from "../wasm/engine.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { read, stageBytes, write } from "./axes.js";
import { CachedPass, type Caches, StepCache, startOf } from "./caches.js";
import {
  type CellTable,
  checkParameters,
  type ParameterGradients,
  tensorsFrom,
} from "./cell_table.js";
import { PackedParameters, packedBefore } from "./parameters.js";

// The operands' names in messages.
const STEP = { x: "xt", a: "aPrev", c: "cPrev", da: "daNext", dc: "dcNext" } as const;
const SEQUENCE = { x: "x", a: "a0", c: "c0", da: "da", dc: "dcLast" } as const;

export interface ForwardOperands {
  /** (nx, m, T), or (nx, m) for one step. */
  readonly x: Tensor;
  /** The initial hidden state, (na, m). */
  readonly a: Tensor;
  /** The initial cell state, (na, m). A sequence may leave it out: zeros. */
  readonly c?: Tensor | undefined;
}

export interface Forward {
  readonly pass: CachedPass;
  /** The states after each step, (na, m, T), or (na, m) for one step; `c` is `a` for a cell without a cell state. */
  readonly a: Tensor;
  readonly c: Tensor;
  /** The softmax outputs, (ny, m, T) or (ny, m). */
  readonly y: Tensor;
}

/** A forward pass over a sequence (`Forward`), or one step without a time axis (`CellForward`). */
export function forward<P extends object>(
  engine: Engine,
  table: CellTable<P>,
  parameters: P,
  operands: ForwardOperands & { readonly form: "Forward" | "CellForward" },
): Forward {
  const { form, x, a: a0, c: c0 } = operands;
  const { cell } = table;
  const where = `${cell.name}${form}`;
  const single = form === "CellForward";
  const names = single ? STEP : SEQUENCE;
  const core = checkEngine(where, engine);
  const known = packedBefore(core, table, parameters);
  const sizes = known?.sizes ?? checkParameters(where, table, parameters);
  const { nx, na, ny, first } = sizes;
  const letters = single ? ["nx", "m"] : ["nx", "m", "T"];
  checkShape(where, names.x, x, letters, [nx, undefined, undefined], ` (from ${first})`);
  const [, m = 0, T = 1] = x.shape;
  const origin = ` (from ${first} and ${names.x})`;
  checkShape(where, names.a, a0, ["na", "m"], [na, m], origin);
  if (c0 !== undefined || (single && cell.hasCellState)) {
    checkShape(where, names.c, c0 as Tensor, ["na", "m"], [na, m], origin);
  }

  const packed = known ?? new PackedParameters(core, table, parameters, sizes);
  if (known === undefined) core.keep(parameters, packed);
  let pass: CachedPass | undefined;
  try {
    pass = new CachedPass(core, table, new Tape(packed.stack, Batch.dense(m, T)), packed);
    return runForward(pass, operands, ny);
  } catch (error) {
    pass?.release();
    // Parameters that were packed for a call that throws are freed again.
    if (known === undefined) core.forget(parameters);
    throw error;
  }
}

function runForward(pass: CachedPass, { x, a: a0, c: c0 }: ForwardOperands, ny: number): Forward {
  const { engine, tape, packed, buffers, table } = pass;
  const { nx, na, m, T } = pass.sizes;
  const { cell } = table;
  /** The shape of n numbers at every step, or at the one step of a cell. */
  const shape = (n: number): number[] => (x.shape.length === 2 ? [n, m] : [n, m, T]);
  const stageSize = stageBytes(Math.max(nx * T, na * Math.max(T, 1), ny * T) * m);
  return withScratch(engine.arena, stageSize + T * m * ny * ITEM, ({ pointer: stage }) => {
    write(engine, x, stage, buffers.x);
    write(engine, a0, stage, buffers.h0);
    if (c0 !== undefined) write(engine, c0, stage, buffers.c0);
    else if (cell.hasCellState) engine.arena.f64(buffers.c0, m * na).fill(0);
    const rowLength = gateElements(cell, na);
    inputProducts(cell, buffers.weights, T * m, buffers.x, buffers.gates, rowLength);
    // Without sequences a step has no work, and T is only a number in a shape.
    if (m > 0) forwardSteps(buffers, tape.batch, { first: 0, last: T });
    const logits = stage + stageSize;
    packed.linear.logits(T * m, buffers.h, logits);
    outputKernels(engine).softmax_rows(T * m, ny, logits, logits);
    const y = read(engine, shape(ny), logits, stage);
    const a = read(engine, shape(na), buffers.h, stage);
    const c = cell.hasCellState ? read(engine, shape(na), buffers.c, stage) : a;
    return { pass, a, c, y };
  });
}

export interface BackwardOperands {
  /** The gradient of the hidden states, (na, m, T'), T' ≤ T, or (na, m) for one step. */
  readonly da: Tensor;
  /** The gradient of the cell state after the last step, (na, m). A sequence may leave it out: zeros. */
  readonly dc?: Tensor | undefined;
  /** Default true. */
  readonly throughTime?: boolean;
  /** The backward half of the cell. */
  readonly cellBackward: CellBackward;
}

export interface Backward<P> {
  readonly dx: Tensor;
  readonly da0: Tensor;
  readonly dc0: Tensor;
  readonly gradients: ParameterGradients<P>;
}

/** The backward pass of what the caches hold: one step of a `StepCache`, or the first T' steps of `Caches`. */
export function backward<P extends object>(
  engine: Engine,
  { cell }: CellTable<P>,
  caches: StepCache<P> | Caches<StepCache<P>>,
  { da, dc, throughTime = true, cellBackward }: BackwardOperands,
): Backward<P> {
  const single = caches instanceof StepCache;
  const where = `${cell.name}${single ? "CellBackward" : "Backward"}`;
  const names = single ? STEP : SEQUENCE;
  const { pass, step: first } = startOf(where, engine, caches);
  const { na, m, T } = pass.sizes;
  const origin = " (from the forward pass)";
  const letters = single ? ["na", "m"] : ["na", "m", "T'"];
  checkShape(where, names.da, da, letters, [na, m, undefined], origin);
  const [, , steps = 1] = da.shape;
  if (first + steps > T) {
    // T' may be any number up to T: the message names the largest.
    checkShape(where, names.da, da, ["na", "m", "T' ≤ T"], [na, m, T], origin);
  }
  if (dc !== undefined || (single && cell.hasCellState)) {
    checkShape(where, names.dc, dc as Tensor, ["na", "m"], [na, m], origin);
  }

  return runBackward(
    pass,
    { first, last: first + steps, throughTime, cellBackward },
    da,
    dc,
  ) as Backward<P>;
}

function runBackward(pass: CachedPass, span: Span, da: Tensor, dc: Tensor | undefined) {
  const { engine, tape, packed, buffers } = pass;
  const { nx, na, m } = pass.sizes;
  const { weights } = buffers;
  const steps = span.last - span.first;
  const stageSize = stageBytes(Math.max(nx, na) * m * Math.max(steps, 1));
  const { bytes: planBytes } = planBackward(weights, m, steps * m);
  const state = stageBytes(m * na);
  const bytes = stageSize + 2 * state + stageBytes(steps * m * (na + nx)) + planBytes;
  return withScratch(engine.arena, bytes, ({ pointer: stage }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    transposedOf(weights);
    const dh = stage + stageSize;
    const dcPrev = dh + state;
    const dy = dcPrev + state;
    const dx = dy + stageBytes(steps * m * na);
    const at = planBackward(weights, m, steps * m, dx + stageBytes(steps * m * nx));
    [at.dy, at.dh, at.dc, at.dx] = [dy, dh, dcPrev, dx];
    engine.arena.f64(dh, m * na).fill(0);
    engine.arena.f64(dcPrev, m * na).fill(0);
    write(engine, da, stage, dy);
    if (dc !== undefined) write(engine, dc, stage, dcPrev);
    backwardSteps(buffers, tape.batch, m > 0 ? span : { ...span, last: span.first }, at);
    return {
      dx: read(engine, da.shape.length === 2 ? [nx, m] : [nx, m, steps], dx, stage),
      da0: read(engine, [na, m], dh, stage),
      dc0: read(engine, [na, m], dcPrev, stage),
      gradients: tensorsFrom(gradientsOf(weights, at), packed.parts, na, "gradient"),
    };
  });
}
