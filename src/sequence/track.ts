import type { ForwardStep } from "../cells/cell.js";
import { gateElements } from "../cells/cell.js";
import type { Batch } from "./batch.js";
import type { Weights } from "./weights.js";

/** Where one layer and direction finds and leaves its numbers over a run of steps: pointers, rows as in sequence/batch.ts. */
export interface Track {
  readonly weights: Weights;
  /** In: (rows, nx). */
  x: number;
  /** In: the state before the first step, (m, nh) and (m, na). A cell without memory looks at no c. */
  h0: number;
  c0: number;
  /** Out: (rows, nh). */
  h: number;
  /** Out: (rows, na); c0 itself where only the last memory is wanted. */
  c: number;
  /** In: input products; out: the cell's rows. A cell without a row of its own has h here. */
  gates: number;
  /** Out: the units' output before a projection, (rows, na), or (m, na) where it is not kept. */
  u: number;
  /** Whether c and u have a place for every row. */
  readonly keeps: boolean;
}

/** Bytes from row to row. */
export function strides({ weights, keeps }: Track) {
  const { cell, dtype, nx, na, nh } = weights;
  const { item } = dtype;
  const kept = keeps ? na * item : 0;
  return {
    x: nx * item,
    h: nh * item,
    c: kept,
    gates: gateElements(cell, na) * item,
    u: kept,
  };
}

/**
 * The time loop over steps `first` … `last` − 1 of a batch. The track's first row is that of step `first`, its input
 * products are in gates.
 */
export function runSteps(track: Track, batch: Batch, first: number, last: number): void {
  const { weights } = track;
  const { cell } = weights;
  const stride = strides(track);
  const base = batch.start(first);
  const at: ForwardStep = { hPrev: track.h0, cPrev: track.c0, gates: 0, h: 0, c: 0, u: 0 };
  for (let t = first; t < last; t++) {
    const row = batch.start(t) - base;
    at.gates = track.gates + row * stride.gates;
    at.h = track.h + row * stride.h;
    at.c = track.c + row * stride.c;
    at.u = track.u + row * stride.u;
    cell.forward(weights, batch.active(t), at);
    at.hPrev = at.h;
    at.cPrev = at.c;
  }
}

/** Copies the state that each sequence has reached by the end of the run to `h` (m, nh) and `c` (m, na). */
export function saveState(
  track: Track,
  batch: Batch,
  first: number,
  last: number,
  h: number,
  c: number,
): void {
  const { cell, dtype, na, nh } = track.weights;
  const { gather_rows } = dtype.kernels;
  const stride = strides(track);
  const base = batch.start(first);
  for (let t = first; t < last; t++) {
    const left = t + 1 === last ? 0 : batch.active(t + 1);
    const ended = batch.active(t) - left;
    if (ended === 0) continue;
    const row = batch.start(t) - base + left;
    gather_rows(ended, nh, nh, nh, track.h + row * stride.h, 0, h + left * stride.h);
    if (!cell.hasCellState || !track.keeps) continue;
    gather_rows(ended, na, na, na, track.c + row * stride.c, 0, c + left * stride.c);
  }
}
