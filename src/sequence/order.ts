import { type Engine, withScratch } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { Layout } from "./plan.js";
import { layerDirectionCount, type StackShape, type StateParts } from "./stack.js";

/**
 * Runs `work` with a state whose sequences go in the batch's order, by falling length, and puts what it leaves there back
 * in the caller's order. What throws leaves the state as it was.
 */
export function inBatchOrder(
  engine: Engine,
  shape: StackShape,
  batch: Batch,
  state: StateParts,
  work: (sorted: StateParts) => void,
): void {
  const { order, m } = batch;
  if (order === undefined) {
    work(state);
    return;
  }
  const { dtype, na, nh } = shape;
  const hasMemory = shape.cells[0]?.hasCellState ?? false;
  const layout = new Layout(dtype);
  const index = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
  const places = layout.take(m, Int32Array.BYTES_PER_ELEMENT);
  const h = Array.from({ length: layerDirectionCount(shape) }, () => layout.take(m * nh));
  const c = h.map(() => layout.take(hasMemory ? m * na : 0));
  withScratch(engine.arena, layout.bytes, ({ pointer }) => {
    const { gather_rows } = dtype.kernels;
    const sorted = { h: h.map((at) => pointer + at), c: c.map((at) => pointer + at) };
    const inverse = new Int32Array(m);
    order.forEach((b, place) => {
      inverse[b] = place;
    });
    engine.arena.i32(pointer + index, m).set(order);
    engine.arena.i32(pointer + places, m).set(inverse);
    const copy = (from: StateParts, to: StateParts, by: number): void => {
      for (let p = 0; p < h.length; p++) {
        gather_rows(m, nh, nh, nh, from.h[p] as number, pointer + by, to.h[p] as number);
        if (!hasMemory) continue;
        gather_rows(m, na, na, na, from.c[p] as number, pointer + by, to.c[p] as number);
      }
    };
    copy(state, sorted, index);
    work(sorted);
    copy(sorted, state, places);
  });
}
