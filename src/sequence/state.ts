import { type EngineCore, withScratch } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { Layout } from "./layout.js";
import { hasCellState, layerDirectionCount, type StackShape } from "./shape.js";

/**
 * The state of a stack: pointers to h (L·D, m, nh) and, for a cell with a cell state, c (L·D, m, na). Part p of each belongs
 * to layer direction p.
 */
export interface StackState {
  readonly h: number;
  readonly c: number;
}

/** Lays out the state of m sequences: offsets. */
export function takeState(layout: Layout, shape: StackShape, m: number): StackState {
  const count = layerDirectionCount(shape);
  const h = layout.take(count * m * shape.nh);
  return { h, c: layout.take(hasCellState(shape) ? count * m * shape.na : 0) };
}

/**
 * Runs `work` with a copy of the state in the batch's order, by falling length, and then copies the result back in the
 * caller's order. If `work` throws, the state stays as it was.
 */
export function inBatchOrder(
  { engine, shape }: { readonly engine: EngineCore; readonly shape: StackShape },
  batch: Batch,
  state: StackState,
  work: (sorted: StackState) => void,
): void {
  const { m } = batch;
  const order = batch.order as Int32Array;
  const { dtype, na, nh } = shape;
  const { kernels, item } = dtype;
  const layout = new Layout(dtype);
  const index = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
  const places = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
  const at = takeState(layout, shape, m);
  withScratch(engine.arena, layout.bytes, ({ pointer }) => {
    const sorted = { h: pointer + at.h, c: pointer + at.c };
    const inverse = new Int32Array(m);
    order.forEach((b, place) => {
      inverse[b] = place;
    });
    engine.arena.i32(pointer + index, m).set(order);
    engine.arena.i32(pointer + places, m).set(inverse);
    const copy = (from: StackState, to: StackState, by: number): void => {
      for (let p = 0; p < layerDirectionCount(shape); p++) {
        const [h, c] = [p * m * nh * item, p * m * na * item];
        kernels.gather_rows(m, nh, nh, nh, from.h + h, pointer + by, to.h + h);
        if (!hasCellState(shape)) continue;
        kernels.gather_rows(m, na, na, na, from.c + c, pointer + by, to.c + c);
      }
    };
    copy(state, sorted, index);
    work(sorted);
    copy(sorted, state, places);
  });
}
