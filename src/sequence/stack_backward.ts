import { ITEM } from "../wasm/abi.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import { buffersOf, gradientsOf, runBackward } from "./backward.js";
import { Layout, planBackward } from "./plan.js";
import { layerDirectionCount, outputOf, readsFromEnd } from "./stack.js";
import type { Tape } from "./tape.js";
import type { Track } from "./track.js";
import type { WeightArrays } from "./weights.js";

/** Where a backward pass through a stack finds and leaves what its caller sees: pointers. */
export interface StackGradients {
  /** In: the gradient of every row of the output, (N, D·nh). */
  readonly dy: number;
  /** In: the gradient of the state at each sequence's end, of every pass; out: that of the initial state. */
  readonly dh: readonly number[];
  readonly dc: readonly number[];
  /** Out: (N, nx). */
  readonly dx: number;
}

/**
 * Back-propagation through a stack, over all that a tape recorded.
 *
 * @param fill writes dy, and dh and dc where they are not zero
 * @param take copies the gradients of pass p: the views are gone afterwards
 * @param collect copies the results out: the buffers are gone afterwards
 */
export function runStackBackward<R>(
  engine: Engine,
  tape: Tape,
  fill: (at: StackGradients) => void,
  take: (p: number, gradients: WeightArrays<Float64Array<ArrayBuffer>>) => void,
  collect: (at: StackGradients) => R,
): R {
  const { stack, batch, run } = tape;
  const { shape } = stack;
  const { m, rows: N } = batch;
  const { layers, nx, na, nh } = shape;
  const D = shape.cells.length;
  const out = outputOf(shape);
  const layout = new Layout();
  const passes = layerDirectionCount(shape);
  const states = Array.from({ length: passes }, () => ({
    dh: layout.take(m * nh),
    dc: layout.take(m * na),
  }));
  const stateBytes = layout.bytes;
  // The gradients of a layer's output and input take turns in two places; three where two directions add up.
  const widest = Math.max(nx, out);
  const turns = [layout.take(N * widest), layout.take(N * widest)];
  const part = layout.take(run.chain ? 0 : N * nh);
  const mirrored = layout.take(run.chain ? 0 : N * widest);
  const previous = layout.take(batch.ragged ? N : 0, Int32Array.BYTES_PER_ELEMENT);
  const plans = stack.layerDirections.map((weights) => planBackward(weights.cell, weights, m, N));
  const pass = layout.take(
    plans.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    1,
  );
  return withScratch(engine.arena, layout.bytes, ({ pointer }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    stack.transpose();
    const { arena, kernels } = engine;
    const dh = states.map((state) => pointer + state.dh);
    const dc = states.map((state) => pointer + state.dc);
    // The states stand first.
    arena.f64(pointer, stateBytes / ITEM).fill(0);
    if (batch.ragged) arena.i32(pointer + previous, N).set(batch.previous());
    let [above, below] = turns.map((offset) => pointer + offset) as [number, number];
    fill({ dy: above, dh, dc, dx: below });
    for (let l = layers - 1; l >= 0; l--) {
      for (let d = 0; d < D; d++) {
        const p = l * D + d;
        const track = run.tracks[p] as Track;
        const plan = plans[p] as ReturnType<typeof planBackward>;
        const fromEnd = readsFromEnd(shape, d);
        const width = track.weights.nx;
        const index = fromEnd ? run.mirror : 0;
        const at = buffersOf(plan, pointer + pass, {
          dy: above,
          dh: dh[p] as number,
          dc: dc[p] as number,
          dx: below,
          previous: pointer + previous,
          addsToInput: d > 0,
        });
        if (!run.chain) {
          at.dy = pointer + part;
          kernels.gather_rows(N, nh, out, nh, above + d * nh * ITEM, index, at.dy);
        }
        if (fromEnd) {
          at.dx = pointer + mirrored;
          if (d > 0) kernels.gather_rows(N, width, width, width, below, index, at.dx);
        }
        runBackward(engine, track, batch, { first: 0, last: batch.T, throughTime: true }, at);
        if (fromEnd) kernels.gather_rows(N, width, width, width, at.dx, index, below);
        take(p, gradientsOf(engine, track, at));
      }
      [above, below] = [below, above];
    }
    return collect({ dy: below, dh, dc, dx: above });
  });
}
