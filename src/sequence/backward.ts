import type { BackwardStep } from "../cells/cell.js";
import { gateElements } from "../cells/cell.js";
import { ITEM, type Kernels } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { GRADIENT_ROWS, type planBackward } from "./plan.js";
import { strides, type Track } from "./track.js";
import type { WeightArrays } from "./weights.js";

/** Which steps of a kept track a backward pass covers, and how. */
export interface Span {
  /** The first step. */
  readonly first: number;
  /** The step after the last. */
  readonly last: number;
  /** Whether a step's gradient is carried to the step before it; else each step's gradient is its own. */
  readonly throughTime: boolean;
}

/**
 * Where a backward pass finds and leaves its numbers: the plan's offsets as pointers, and what belongs to others. It sets
 * dWx, dWh, db, dWr and dPeepholes.
 */
export interface BackwardBuffers extends Omit<ReturnType<typeof planBackward>, "bytes"> {
  /** In: the gradient of every row of h from outside, (rows, nh). */
  dy: number;
  /** In: the gradient of the state that each sequence has at its end, (m, nh) and (m, na); out: that of the initial state. */
  dh: number;
  dc: number;
  /** In: index of N rows, i32: for each row that of h before it; unused where no batch is ragged. */
  previous: number;
  /** Out: (rows, nx). */
  dx: number;
  /** Whether the gradient of x is added to what stands in dx. */
  addsToInput: boolean;
}

/** Back-propagation through time over a span of a kept f64 track. */
export function runBackward(
  engine: Engine,
  track: Track,
  batch: Batch,
  span: Span,
  at: BackwardBuffers,
): void {
  const { weights } = track;
  const { cell, nx, na, nh } = weights;
  const { arena, kernels } = engine;
  const transposed = weights.transposed();
  const gates = cell.input.length * na;
  const ldz = cell.gradientBlocks * na;
  // The gradients stand one after the other, up to the scratch of the last.
  arena.f64(at.dWx, (at.gradient - at.dWx) / ITEM).fill(0);
  if (cell.projected) arena.f64(at.none, batch.m * na).fill(0);
  backThroughSteps(engine, track, batch, span, at);

  const base = batch.start(span.first);
  const rows = batch.start(span.last) - base;
  const [init, ldi] = at.addsToInput ? [at.dx, nx] : [weights.zeros, 0];
  kernels.gemm_packed(rows, nx, gates, ldz, ldi, nx, at.dz, transposed.panelsX, init, at.dx);
  kernels.add_rows(rows, ldz, at.dz, at.db);

  const stride = strides(track);
  const index = batch.ragged ? at.previous + base * Int32Array.BYTES_PER_ELEMENT : 0;
  const before = (initial: number, step: number): number =>
    batch.ragged ? initial : initial + base * step;
  const h = before(track.h0, stride.h);
  const inputs: GradientInput[] = [
    {
      first: 0,
      outputs: gates,
      width: nx,
      source: track.x + base * stride.x,
      lds: nx,
      index: 0,
      target: at.dWx,
    },
  ];
  let dWh = at.dWh;
  for (const { blocks, gradientBlock, source } of cell.products) {
    const outputs = blocks * na;
    const from =
      source === "h"
        ? { source: h, lds: nh, index }
        : {
            source: track.gates + base * stride.gates + (cell.q as number) * na * ITEM,
            ...{ lds: gateElements(cell, na), index: 0 },
          };
    inputs.push({ first: gradientBlock * na, outputs, width: nh, ...from, target: dWh });
    dWh += outputs * nh * ITEM;
  }
  addWeightGradient(kernels, rows, ldz, at.dz, at.gradient, inputs);
  if (cell.projected) {
    const source = track.u + base * stride.u;
    addWeightGradient(kernels, rows, nh, at.dp, at.gradient, [
      { first: 0, outputs: nh, width: na, source, lds: na, index: 0, target: at.dWr },
    ]);
  }
  if (cell.peepholes) {
    addPeepholeGradient(
      kernels,
      rows,
      na,
      at,
      before(track.c0, stride.c),
      index,
      track.c + base * stride.c,
    );
  }
}

/** The time loop: dz of every step, dh and dc carried backwards. */
function backThroughSteps(
  { arena, kernels }: Engine,
  track: Track,
  batch: Batch,
  { first, last, throughTime }: Span,
  buffers: BackwardBuffers,
): void {
  const { weights } = track;
  const { cell, na, nh } = weights;
  const transposed = weights.transposed();
  const stride = strides(track);
  const base = batch.start(first);
  const { dh, dc, none, scratch } = buffers;
  // One literal: an object that is spread from others is several times slower to make and to read (V8 11, 2026).
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
    at.hPrev = t === 0 ? track.h0 : track.h + previous * stride.h;
    at.cPrev = t === 0 ? track.c0 : track.c + previous * stride.c;
    at.gates = track.gates + row * stride.gates;
    at.h = track.h + row * stride.h;
    at.c = track.c + row * stride.c;
    at.u = track.u + row * stride.u;
    at.dy = buffers.dy + (row - base) * nh * ITEM;
    at.dGates = buffers.dz + (row - base) * cell.gradientBlocks * na * ITEM;
    at.dp = buffers.dp + (row - base) * nh * ITEM;
    cell.backward(weights, transposed, kernels, m, at);
    if (!throughTime && t > first) {
      arena.f64(dh, m * nh).fill(0);
      arena.f64(dc, m * na).fill(0);
    }
  }
}

/** A matrix (rows, width), whose product with some columns of d, transposed, is added to `target`. */
interface GradientInput {
  /** The columns of d. */
  readonly first: number;
  readonly outputs: number;
  readonly width: number;
  readonly source: number;
  /** Row stride of the source. */
  readonly lds: number;
  /** Index of the source's rows, i32; 0: one after the other. */
  readonly index: number;
  /** (outputs, width). */
  readonly target: number;
}

/**
 * target += dᵀ·source for each input: d is (rows, columns). The sum runs over the rows in ascending order; taking a few
 * hundred at a time does not split it, as it goes on in memory.
 */
export function addWeightGradient(
  kernels: Kernels,
  rows: number,
  columns: number,
  d: number,
  scratch: number,
  inputs: readonly GradientInput[],
): void {
  const gathered = scratch + GRADIENT_ROWS * columns * ITEM;
  const widest = inputs.reduce((most, { width }) => Math.max(most, width), 0);
  const panels = gathered + GRADIENT_ROWS * widest * ITEM;
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    kernels.reverse_axes(some, 1, columns, d + r * columns * ITEM, scratch);
    for (const { first, outputs, width, source, lds, index, target } of inputs) {
      let [from, ld] = [source + r * lds * ITEM, lds];
      if (index !== 0) {
        const part = index + r * Int32Array.BYTES_PER_ELEMENT;
        kernels.gather_rows(some, width, lds, width, source, part, gathered);
        [from, ld] = [gathered, width];
      }
      kernels.pack_panels(width, some, 1, ld, from, panels);
      const a = scratch + first * some * ITEM;
      kernels.gemm_packed(outputs, width, some, some, width, width, a, panels, target, target);
    }
  }
}

/** dP += Σ dz·c over the rows: c before the step for i and f, after it for o. */
function addPeepholeGradient(
  kernels: Kernels,
  rows: number,
  na: number,
  { dz, dPeepholes, gradient }: BackwardBuffers,
  cPrev: number,
  index: number,
  c: number,
): void {
  const [ldz, block] = [4 * na, na * ITEM];
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    const d = dz + r * ldz * ITEM;
    let before = cPrev + r * block;
    if (index !== 0) {
      const part = index + r * Int32Array.BYTES_PER_ELEMENT;
      kernels.gather_rows(some, na, na, na, cPrev, part, gradient);
      before = gradient;
    }
    kernels.add_product_rows(some, na, ldz, na, d, before, dPeepholes);
    kernels.add_product_rows(some, na, ldz, na, d + block, before, dPeepholes + block);
    const after = c + r * block;
    kernels.add_product_rows(some, na, ldz, na, d + 3 * block, after, dPeepholes + 2 * block);
  }
}

/** The plan's offsets as pointers, and what belongs to others. */
export function buffersOf(
  plan: ReturnType<typeof planBackward>,
  base: number,
  own: Omit<BackwardBuffers, keyof ReturnType<typeof planBackward>>,
): BackwardBuffers {
  return {
    none: base + plan.none,
    scratch: base + plan.scratch,
    dz: base + plan.dz,
    dp: base + plan.dp,
    dWx: base + plan.dWx,
    dWh: base + plan.dWh,
    db: base + plan.db,
    dWr: base + plan.dWr,
    dPeepholes: base + plan.dPeepholes,
    gradient: base + plan.gradient,
    dy: own.dy,
    dh: own.dh,
    dc: own.dc,
    dx: own.dx,
    previous: own.previous,
    addsToInput: own.addsToInput,
  };
}

/** Fresh views of the gradients of a pass, shaped as its weights. */
export function gradientsOf(
  { arena }: Engine,
  { weights }: Track,
  at: BackwardBuffers,
): WeightArrays<Float64Array<ArrayBuffer>> {
  const { cell, nx, na, nh } = weights;
  const gates = cell.input.length * na;
  return {
    Wx: arena.f64(at.dWx, gates * nx),
    Wh: arena.f64(at.dWh, gates * nh),
    bias: arena.f64(at.db, cell.bias.length * na),
    Wr: arena.f64(at.dWr, cell.projected ? nh * na : 0),
    peepholes: arena.f64(at.dPeepholes, cell.peepholes ? 3 * na : 0),
  };
}
