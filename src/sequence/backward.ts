import { ITEM, type Kernels } from "../wasm/abi.js";
import type { Arena } from "../wasm/arena.js";
import { GRADIENT_ROWS } from "./plan.js";
import type { Tape } from "./tape.js";

/** Where a backward pass finds and leaves its numbers: pointers, as `planBackward` lays them out. */
export interface BackwardBuffers {
  /** In: the gradient of every step's h from outside, (steps, m, na). */
  dy: number;
  /** In: the gradient of the state after the last step, (m, na); out: that of the state before the first. */
  dh: number;
  dc: number;
  /** Out: the gradient of the pre-activations, (steps, m, G·na). */
  dz: number;
  /** Out: (steps, m, nx). */
  dx: number;
  /** In/out, added to: as W (G·na, na + nx) and the bias (G·na). */
  dW: number;
  db: number;
  /** max(na, nx) zeros. */
  zeros: number;
  /** Scratch of the weight gradient. */
  gradient: number;
}

/**
 * Back-propagation through time over the steps `first` … `first + steps − 1` of a tape.
 *
 * With `throughTime` false nothing is carried from a step to the one before it: each step's gradient is its own.
 * `transposed` are the weights' transposed panels, packed beforehand because packing may allocate.
 */
export function runBackward(
  kernels: Kernels,
  arena: Arena,
  tape: Tape,
  transposed: { panelsH: number; panelsX: number },
  first: number,
  steps: number,
  at: BackwardBuffers,
  throughTime: boolean,
): void {
  const { cell } = tape.weights;
  const { nx, na, m } = tape.sizes;
  const rows = cell.gates * na;
  const strides = tape.strides;
  for (let s = steps - 1; s >= 0; s--) {
    const state = (first + s) * strides.state;
    const z = tape.z + (first + s) * strides.z;
    const dy = at.dy + s * strides.state;
    const dz = at.dz + s * strides.z;
    cell.backward(kernels, m, na, z, tape.h + state, tape.c + state, dy, at.dh, at.dc, dz);
    kernels.gemm_packed(m, na, rows, rows, 0, na, dz, transposed.panelsH, at.zeros, at.dh);
    if (!throughTime && s > 0) {
      arena.f64(at.dh, m * na).fill(0);
      arena.f64(at.dc, m * na).fill(0);
    }
  }
  const all = steps * m;
  kernels.gemm_packed(all, nx, rows, rows, 0, nx, at.dz, transposed.panelsX, at.zeros, at.dx);
  kernels.add_rows(all, rows, at.dz, at.db);
  const h = tape.h + first * strides.state;
  const x = tape.x + first * strides.x;
  addWeightGradient(kernels, all, rows, at.dz, na + nx, at.gradient, [
    { width: na, source: h, target: at.dW },
    { width: nx, source: x, target: at.dW + na * ITEM },
  ]);
}

/** A matrix (rows, width) whose product with dᵀ is added to `target`. */
interface GradientInput {
  width: number;
  source: number;
  target: number;
}

/**
 * target += dᵀ·source for each input: d is (rows, outputs), a target (outputs, width) with row stride `stride`. The sum
 * runs over the rows in ascending order; taking a few hundred at a time does not split it, as it goes on in memory.
 */
export function addWeightGradient(
  kernels: Kernels,
  rows: number,
  outputs: number,
  d: number,
  stride: number,
  scratch: number,
  inputs: readonly GradientInput[],
): void {
  const panels = scratch + GRADIENT_ROWS * outputs * ITEM;
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    kernels.reverse_axes(some, 1, outputs, d + r * outputs * ITEM, scratch);
    for (const { width, source, target } of inputs) {
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
