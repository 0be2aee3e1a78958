import {
  type BackwardStep,
  type CellBackward,
  type ForwardStep,
  gateElements,
} from "../cells/cell.js";
import { ITEM } from "../wasm/abi.js";
import { trainingType } from "../wasm/kernel_sets.js";
import type { BackwardBuffers } from "./backward_plan.js";
import type { Batch } from "./batch.js";
import type { DirectionBuffers } from "./forward_plan.js";
import type { StackState } from "./state.js";
import { transposedOf } from "./transposed.js";
import { addWeightGradient, GRADIENT_ROWS, type GradientInput } from "./weight_gradient.js";
import type { WeightArrays, Weights } from "./weights.js";

/** Some steps of a batch. */
export interface StepRange {
  /** The first step. */
  readonly first: number;
  /** The step after the last. */
  readonly last: number;
}

/** The time loop over some steps. The first row of the buffers belongs to the first step; `gates` holds the input products. */
export function forwardSteps(
  direction: DirectionBuffers,
  batch: Batch,
  { first, last }: StepRange,
): void {
  const { weights, strides } = direction;
  const { cell } = weights;
  const base = batch.start(first);
  // Without sequences any number of steps is no work.
  if (batch.start(last) === base) return;
  const at: ForwardStep = { hPrev: direction.h0, cPrev: direction.c0, gates: 0, h: 0, c: 0, u: 0 };
  for (let t = first; t < last; t++) {
    const row = batch.start(t) - base;
    at.gates = direction.gates + row * strides.gates;
    at.h = direction.h + row * strides.h;
    at.c = direction.c + row * strides.c;
    at.u = direction.u + row * strides.u;
    cell.forward(weights, batch.active(t), at);
    at.hPrev = at.h;
    at.cPrev = at.c;
  }
}

/** Copies the last state of each sequence that ends within some steps, or at their end: h (m, nh) and c (m, na). */
export function saveState(
  { weights, strides, keeps, h, c }: DirectionBuffers,
  batch: Batch,
  { first, last }: StepRange,
  to: StackState,
): void {
  const { cell, dtype, na, nh } = weights;
  const { gather_rows } = dtype.kernels;
  const base = batch.start(first);
  for (let t = first; t < last; t++) {
    const left = t + 1 === last ? 0 : batch.active(t + 1);
    const ended = batch.active(t) - left;
    if (ended === 0) continue;
    const row = batch.start(t) - base + left;
    gather_rows(ended, nh, nh, nh, h + row * strides.h, 0, to.h + left * strides.h);
    if (!cell.hasCellState || !keeps) continue;
    gather_rows(ended, na, na, na, c + row * strides.c, 0, to.c + left * strides.c);
  }
}

/** The steps that a backward pass covers. */
export interface Span extends StepRange {
  /** Whether the gradient of a step flows on to the step before it. If not, every step has its own gradient only. */
  readonly throughTime: boolean;
  /** The backward half of the direction's cell. */
  readonly cellBackward: CellBackward;
}

/** Back-propagation through time over some steps of a forward pass that kept everything. */
export function backwardSteps(
  direction: DirectionBuffers,
  batch: Batch,
  span: Span,
  at: BackwardBuffers,
): void {
  const { weights } = direction;
  const { cell, dtype, engine, nx, na } = weights;
  const { arena } = engine;
  const { kernels, precision } = trainingType(engine, dtype);
  const transposed = transposedOf(weights);
  const gates = cell.input.length * na;
  const ldz = cell.gradientBlocks * na;
  ownGradients(weights, at).fill(0);
  if (cell.projected) arena.view(precision, at.none, batch.m * na).fill(0);
  const rows = batch.start(span.last) - batch.start(span.first);
  if (rows > 0) backThroughTime(direction, batch, span, at);
  if (at.dx !== 0) {
    const [init, ldi] = at.addsToInput ? [at.dx, nx] : [weights.zeros, 0];
    kernels.gemm_packed(rows, nx, gates, ldz, ldi, nx, at.dGates, transposed.panelsX, init, at.dx);
  }
  kernels.add_rows(rows, ldz, at.dGates, at.db);
  addWeightGradients(direction, batch, span, at);
}

/** The time loop: computes dGates of every step and carries dh and dc backwards. */
function backThroughTime(
  direction: DirectionBuffers,
  batch: Batch,
  { first, last, throughTime, cellBackward }: Span,
  buffers: BackwardBuffers,
): void {
  const { weights, strides } = direction;
  const { cell, dtype, engine, na, nh } = weights;
  const { arena } = engine;
  const { kernels, precision, item } = trainingType(engine, dtype);
  const transposed = transposedOf(weights);
  const base = batch.start(first);
  const { dh, dc, none, scratch } = buffers;
  // One literal: an object spread from others is several times slower to make and to read (V8 11, 2026).
  const at: BackwardStep = {
    hPrev: 0,
    cPrev: 0,
    gates: 0,
    h: 0,
    c: 0,
    u: 0,
    dy: 0,
    dh,
    dNext: cell.projected ? none : dh,
    dc,
    dGates: 0,
    dp: 0,
    scratch,
  };
  for (let t = last - 1; t >= first; t--) {
    const row = batch.start(t);
    const m = batch.active(t);
    const previous = t === 0 ? 0 : batch.start(t - 1);
    at.hPrev = t === 0 ? direction.h0 : direction.h + previous * strides.h;
    at.cPrev = t === 0 ? direction.c0 : direction.c + previous * strides.c;
    at.gates = direction.gates + row * strides.gates;
    at.h = direction.h + row * strides.h;
    at.c = direction.c + row * strides.c;
    at.u = direction.u + row * strides.u;
    at.dy = buffers.dy + (row - base) * nh * item;
    at.dGates = buffers.dGates + (row - base) * cell.gradientBlocks * na * item;
    at.dp = buffers.dp + (row - base) * nh * item;
    cellBackward(weights, transposed, kernels, m, at);
    if (!throughTime && t > first) {
      arena.view(precision, dh, m * nh).fill(0);
      arena.view(precision, dc, m * na).fill(0);
    }
  }
}

/** Adds up the gradients of all weights but the bias, from dGates and dp of every row. */
function addWeightGradients(
  direction: DirectionBuffers,
  batch: Batch,
  { first, last }: StepRange,
  at: BackwardBuffers,
): void {
  const { weights, strides } = direction;
  const { cell, nx, na, nh } = weights;
  const dtype = trainingType(weights.engine, weights.dtype);
  const { item } = dtype;
  const base = batch.start(first);
  const rows = batch.start(last) - base;
  const columns = cell.gradientBlocks * na;
  const index = batch.ragged ? at.previous + base * Int32Array.BYTES_PER_ELEMENT : 0;
  // h before each row: m rows earlier, or, if the batch is ragged, at the row in the index.
  const shift = batch.ragged ? 0 : base;
  const h = direction.h0 + shift * strides.h;
  const gradient = { rows, columns, pointer: at.dGates, scratch: at.gradient };
  const x = direction.x + base * strides.x;
  const outputs = cell.input.length * na;
  // One literal for every input: objects of one shape keep the loop over them fast.
  const inputs: GradientInput[] = [];
  if (direction.x !== 0)
    inputs.push({ first: 0, outputs, width: nx, source: x, lds: nx, index: 0, target: at.dWx });
  let target = at.dWh;
  for (const { blocks, gradientBlock, source: of } of cell.products) {
    const [first, outputs] = [gradientBlock * na, blocks * na];
    if (of === "h") inputs.push({ first, outputs, width: nh, source: h, lds: nh, index, target });
    else {
      const source = direction.gates + base * strides.gates + (cell.q as number) * na * item;
      const lds = gateElements(cell, na);
      inputs.push({ first, outputs, width: nh, source, lds, index: 0, target });
    }
    target += outputs * nh * item;
  }
  addWeightGradient(dtype, gradient, inputs);
  if (cell.projected) {
    const source = direction.u + base * strides.u;
    addWeightGradient(dtype, { ...gradient, columns: nh, pointer: at.dp }, [
      { first: 0, outputs: nh, width: na, source, lds: na, index: 0, target: at.dWr },
    ]);
  }
  if (cell.peepholes) {
    const before = direction.c0 + shift * strides.c;
    const after = direction.c + base * strides.c;
    addPeepholeGradient(weights, rows, at, { before, after, index });
  }
}

/** dP += Σ dGates·c over the rows: c before the step for i and f, c after it for o. The index belongs to c before. */
function addPeepholeGradient(
  { engine, dtype, na }: Weights,
  rows: number,
  { dGates, dPeepholes, gradient }: BackwardBuffers,
  c: { before: number; after: number; index: number },
): void {
  const { kernels, item } = trainingType(engine, dtype);
  const [ldz, block] = [4 * na, na * item];
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    const d = dGates + r * ldz * item;
    let before = c.before + r * block;
    if (c.index !== 0) {
      const part = c.index + r * Int32Array.BYTES_PER_ELEMENT;
      kernels.gather_rows(some, na, na, na, c.before, part, gradient);
      before = gradient;
    }
    kernels.add_product_rows(some, na, ldz, na, d, before, dPeepholes);
    kernels.add_product_rows(some, na, ldz, na, d + block, before, dPeepholes + block);
    const after = c.after + r * block;
    kernels.add_product_rows(some, na, ldz, na, d + 3 * block, after, dPeepholes + 2 * block);
  }
}

/** A view of all weight gradients, in f64, which follow each other up to the scratch memory. */
const gradientView = ({ engine }: Weights, { view, dWx, gradient }: BackwardBuffers) =>
  view.at(engine.arena, "f64", dWx, (gradient - dWx) / ITEM) as Float64Array<ArrayBuffer>;

/** A view of the gradients that a backward pass sets: all of them, or db alone if the weights are trained. */
const ownGradients = (
  { engine, dtype, trained }: Weights,
  { view, dWx, db, gradient }: BackwardBuffers,
) => {
  const first = trained === undefined ? dWx : db;
  return view.at(engine.arena, dtype.precision, first, (gradient - first) / dtype.item);
};

/** The weight gradients of a layer direction in one view, and the index in it at which each starts. */
export interface GradientBlock extends Record<keyof WeightArrays, number> {
  readonly all: Float64Array<ArrayBuffer>;
}

export const gradientBlock = (weights: Weights, at: BackwardBuffers): GradientBlock => ({
  all: gradientView(weights, at),
  Wx: 0,
  Wh: (at.dWh - at.dWx) / ITEM,
  bias: (at.db - at.dWx) / ITEM,
  Wr: (at.dWr - at.dWx) / ITEM,
  peepholes: (at.dPeepholes - at.dWx) / ITEM,
});

/** Views of the weight gradients of a layer direction. */
export function gradientsOf(
  weights: Weights,
  at: BackwardBuffers,
): WeightArrays<Float64Array<ArrayBuffer>> {
  const { cell, nx, na, nh } = weights;
  const gates = cell.input.length * na;
  const { all, Wx, Wh, bias, Wr, peepholes } = gradientBlock(weights, at);
  return {
    Wx: all.subarray(Wx, Wx + gates * nx),
    Wh: all.subarray(Wh, Wh + gates * nh),
    bias: all.subarray(bias, bias + cell.bias.length * na),
    Wr: all.subarray(Wr, Wr + (cell.projected ? nh * na : 0)),
    peepholes: all.subarray(peepholes, peepholes + (cell.peepholes ? 3 * na : 0)),
  };
}
