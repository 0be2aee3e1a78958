import { ITEM, type Kernels } from "../wasm/abi.js";
import type { Arena } from "../wasm/arena.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import { GRADIENT_ROWS, planBackward } from "./plan.js";
import type { Tape } from "./tape.js";

/** Which steps of a tape a backward pass covers, and how. */
export interface Span {
  /** The first step. */
  first: number;
  steps: number;
  /** Whether a step's gradient is carried to the step before it; else each step's gradient is its own. */
  throughTime: boolean;
  /** Whether dW is one matrix [hidden | input] as W; else that of the hidden columns, then that of the input's. */
  joined: boolean;
}

/** Where a backward pass finds and leaves its numbers: pointers. */
export interface BackwardBuffers {
  /** In: the gradient of every step's h from outside, (steps, m, na). */
  dy: number;
  /** In, zero unless filled: the gradient of the state after the last step, (m, na); out: that of the initial state. */
  dh: number;
  dc: number;
  /** Out: (steps, m, nx). */
  dx: number;
  /** Out: the gradients of W, (G·na, na + nx) or (G·na, na) and (G·na, nx), and of the bias, (G·na). */
  dW: number;
  db: number;
  /** Scratch for the caller, `stageBytes` bytes. */
  stage: number;
}

/**
 * Back-propagation through time over a span of an f64 tape.
 *
 * @param stageBytes scratch that `fill` and `collect` want for themselves
 * @param fill writes dy, and dh and dc where they are not zero
 * @param collect copies the results out: the buffers are gone afterwards
 */
export function runBackward<R>(
  engine: Engine,
  tape: Tape,
  span: Span,
  stageBytes: number,
  fill: (at: BackwardBuffers) => void,
  collect: (at: BackwardBuffers) => R,
): R {
  const { cell } = tape.weights;
  const { nx, na, m } = tape.sizes;
  const rows = cell.gates * na;
  const plan = planBackward(cell, { nx, na, m, T: span.steps });
  return withScratch(engine.arena, plan.bytes + stageBytes, ({ pointer }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    const panels = tape.weights.transposed();
    const { arena, kernels } = engine;
    const at = {
      dy: pointer + plan.dy,
      dh: pointer + plan.dh,
      dc: pointer + plan.dc,
      dz: pointer + plan.dz,
      dx: pointer + plan.dx,
      dW: pointer + plan.dW,
      db: pointer + plan.db,
      stage: pointer + plan.bytes,
    };
    const zeros = pointer + plan.zeros;
    arena.f64(at.dh, m * na).fill(0);
    arena.f64(at.dc, m * na).fill(0);
    arena.f64(at.dW, rows * (na + nx)).fill(0);
    arena.f64(at.db, rows).fill(0);
    arena.f64(zeros, Math.max(na, nx)).fill(0);
    fill(at);
    backThroughSteps(kernels, arena, tape, panels.panelsH, span, zeros, at);

    const all = span.steps * m;
    kernels.gemm_packed(all, nx, rows, rows, 0, nx, at.dz, panels.panelsX, zeros, at.dx);
    kernels.add_rows(all, rows, at.dz, at.db);
    const h = tape.h + span.first * tape.strides.state;
    const x = tape.x + span.first * tape.strides.x;
    const { joined } = span;
    const dWx = at.dW + (joined ? na : rows * na) * ITEM;
    addWeightGradient(kernels, all, rows, at.dz, pointer + plan.gradient, [
      { width: na, source: h, target: at.dW, stride: joined ? na + nx : na },
      { width: nx, source: x, target: dWx, stride: joined ? na + nx : nx },
    ]);
    return collect(at);
  });
}

/** The time loop: dz of every step, dh and dc carried backwards. */
function backThroughSteps(
  kernels: Kernels,
  arena: Arena,
  tape: Tape,
  panelsH: number,
  { first, steps, throughTime }: Span,
  zeros: number,
  at: { dy: number; dh: number; dc: number; dz: number },
): void {
  const { cell } = tape.weights;
  const { na, m } = tape.sizes;
  const rows = cell.gates * na;
  const strides = tape.strides;
  for (let s = steps - 1; s >= 0; s--) {
    const cPrev = tape.c + (first + s) * strides.state;
    const z = tape.z + (first + s) * strides.z;
    const dy = at.dy + s * strides.state;
    const dz = at.dz + s * strides.z;
    cell.backward(kernels, m, na, z, cPrev, cPrev + strides.state, dy, at.dh, at.dc, dz);
    kernels.gemm_packed(m, na, rows, rows, 0, na, dz, panelsH, zeros, at.dh);
    if (!throughTime && s > 0) {
      arena.f64(at.dh, m * na).fill(0);
      arena.f64(at.dc, m * na).fill(0);
    }
  }
}

/** A matrix (rows, width) whose product with dᵀ is added to `target`. */
interface GradientInput {
  width: number;
  source: number;
  target: number;
  /** Row stride of the target. */
  stride: number;
}

/**
 * target += dᵀ·source for each input: d is (rows, outputs), a target (outputs, width). The sum runs over the rows in
 * ascending order; taking a few hundred at a time does not split it, as it goes on in memory.
 */
export function addWeightGradient(
  kernels: Kernels,
  rows: number,
  outputs: number,
  d: number,
  scratch: number,
  inputs: readonly GradientInput[],
): void {
  const panels = scratch + GRADIENT_ROWS * outputs * ITEM;
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    kernels.reverse_axes(some, 1, outputs, d + r * outputs * ITEM, scratch);
    for (const { width, source, target, stride } of inputs) {
      kernels.pack_panels(width, some, 1, width, source + r * width * ITEM, panels);
      kernels.gemm_packed(
        outputs,
        width,
        some,
        some,
        stride,
        stride,
        scratch,
        panels,
        target,
        target,
      );
    }
  }
}
