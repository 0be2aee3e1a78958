import { gateElements, inputProducts } from "../../cells/cell.js";
import { ALL_KERNELS } from "../../cells/kernels.js";
import { createStack } from "../../layers/weights.js";
import { readsFromEnd } from "../../sequence/shape.js";
import type { Stack } from "../../sequence/stack.js";
import type { Weights } from "../../sequence/weights.js";
import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import type { Lowering, Run } from "./lowering.js";
import type { View } from "./view.js";

/** Rows whose input products are made at a time: they stay in the second-level cache until their steps are run. */
const CHUNK_BYTES = 256 * 1024;

/**
 * X (T, m, nx) → Y (T, D, m, na). The state before the first step is copied to where the time loop reads it; Y_h is a view of
 * Y. Layout 1 is permuted before and after (src/graph/operators/recurrent.ts).
 */
export function lowerRecurrent(lowering: Lowering, op: Operation<"recurrent">): void {
  const { layer, lengths } = op;
  const [X, ...states] = op.inputs as [Value, ...Value[]];
  const [Y, last, lastC] = op.outputs as [Value, Value, Value | undefined];
  const [T, m] = X.shape as [number, number];
  const D = layer.directions;
  const { na } = layer;
  const { precision } = X;
  const stack = lowering.constants.keep(layer.weights, `stack ${precision}`, () =>
    createStack(lowering.engine, { ...layer.options, precision }, layer.weights, ALL_KERNELS),
  );
  const x = lowering.dense(X);
  const given = [op.h, op.c].map((has) => (has ? states.shift() : undefined));
  const like = { precision, shape: [D, m, na] };
  // Where sequences differ in length, each ends at its own step, and its state is copied from there.
  const parts = given.map((value) => {
    const view = lowering.allocate(like);
    if (value !== undefined) lowering.copy(lowering.view(value), view);
    return { view, given: value !== undefined };
  }) as [InitialPart, InitialPart];
  const rows = chunkRows(stack, T, m);
  const gates = lowering.allocate({
    precision,
    shape: [rows * Math.max(...stack.shape.cells.map((cell) => gateElements(cell, na)))],
  });
  lowering.consumed(op.inputs);
  const y = lowering.allocate(Y);
  lowering.set(Y, y);
  const h = lengths === undefined ? undefined : lowering.allocate(like);
  lowering.set(last, h ?? lastOf(y, stack, T));
  if (lastC !== undefined) lowering.set(lastC, parts[1].view);
  if (Y.size === 0 && last.size === 0) return;
  if (T === 0) lowering.set(last, parts[0].view);
  const views = [x, gates, y, ...parts.map(({ view }) => view), ...(h === undefined ? [] : [h])];
  const { fill_map } = lowering.nn;
  const { item } = x;
  const zeroed = parts.filter((part) => !part.given).map(({ view }) => view);
  lowering.step(op.where, views, (at) => {
    const zero = zeroed.map(at);
    const call: Places = {
      stack,
      lengths,
      T,
      m,
      rows,
      x: at(x),
      gates: at(gates),
      y: at(y),
      h0: at(parts[0].view),
      c: at(parts[1].view),
      last: h === undefined ? 0 : at(h),
    };
    const directions = Array.from({ length: D }, (_, d) =>
      lengths === undefined ? direction(call, d) : raggedDirection(call, d, lowering),
    );
    const state = D * m * na;
    return () => {
      for (const pointer of zero) fill_map(item, state, 0, pointer);
      for (const run of directions) run();
    };
  });
}

interface InitialPart {
  readonly view: View;
  readonly given: boolean;
}

/** Where a call finds its numbers. */
interface Places {
  readonly stack: Stack;
  readonly lengths: readonly number[] | undefined;
  readonly T: number;
  readonly m: number;
  /** Rows of gates. */
  readonly rows: number;
  readonly x: number;
  readonly gates: number;
  readonly y: number;
  readonly h0: number;
  readonly c: number;
  readonly last: number;
}

/** Whole steps whose gates fill a chunk; at least one. */
function chunkRows({ shape }: Stack, T: number, m: number): number {
  const row = Math.max(...shape.cells.map((cell) => gateElements(cell, shape.na)));
  const steps = Math.floor(CHUNK_BYTES / (Math.max(row * m, 1) * shape.dtype.item));
  return Math.min(Math.max(steps, 1), Math.max(T, 1)) * m;
}

/** Y at each direction's last step: (D, m, na) inside (T, D, m, na). */
function lastOf(y: View, { shape }: Stack, T: number): View {
  const [step, direction, row, unit] = y.strides as [number, number, number, number];
  const [, D, m, na] = y.shape as [number, number, number, number];
  const end = (d: number): number => (readsFromEnd(shape, d) ? 0 : T - 1) * step + d * direction;
  return {
    ...y,
    offset: y.offset + end(0),
    shape: [D, m, na],
    strides: [D === 1 ? direction : end(1) - end(0), row, unit],
  };
}

/** One direction over sequences of one length. */
function direction(call: Places, d: number): Run {
  const { stack, T, m } = call;
  const { shape, layerDirections } = stack;
  const weights = layerDirections[d] as Weights;
  const { cell, dtype, nx, na } = weights;
  const { item } = dtype;
  const D = shape.cells.length;
  const row = gateElements(cell, na);
  const steps = call.rows / Math.max(m, 1);
  const state = m * na * item;
  const [h0, c] = [call.h0 + d * state, call.c + d * state];
  const fromEnd = readsFromEnd(shape, d);
  // One object for all steps and runs: a run makes no garbage.
  const at = { hPrev: 0, cPrev: c, gates: 0, h: 0, c, u: 0 };
  return () => {
    at.hPrev = h0;
    for (let done = 0; done < T; done += steps) {
      const count = Math.min(steps, T - done);
      const first = fromEnd ? T - done - count : done;
      const x = call.x + first * m * nx * item;
      inputProducts(cell, weights, count * m, x, call.gates, row);
      for (let i = 0; i < count; i++) {
        const t = fromEnd ? count - 1 - i : i;
        at.gates = call.gates + t * m * row * item;
        at.h = call.y + ((first + t) * D + d) * state;
        at.cPrev = c;
        at.c = c;
        cell.forward(weights, m, at);
        at.hPrev = at.h;
      }
    }
  };
}

/** One direction, each sequence on its own up to its length; Y is zeros beyond it. */
function raggedDirection(call: Places, d: number, { nn }: Lowering): Run {
  const { stack, T, m } = call;
  const lengths = call.lengths as readonly number[];
  const { shape, layerDirections } = stack;
  const weights = layerDirections[d] as Weights;
  const { cell, dtype, nx, na } = weights;
  const { item } = dtype;
  const D = shape.cells.length;
  const fromEnd = readsFromEnd(shape, d);
  const at = { hPrev: 0, cPrev: 0, gates: call.gates, h: 0, c: 0, u: 0 };
  const unit = na * item;
  const row = gateElements(cell, na);
  return () => {
    for (let b = 0; b < m; b++) {
      const length = lengths[b] as number;
      const place = (d * m + b) * unit;
      at.hPrev = call.h0 + place;
      at.c = call.c + place;
      at.cPrev = at.c;
      for (let i = 0; i < length; i++) {
        const t = fromEnd ? length - 1 - i : i;
        inputProducts(cell, weights, 1, call.x + (t * m + b) * nx * item, call.gates, row);
        at.h = call.y + ((t * D + d) * m + b) * unit;
        cell.forward(weights, 1, at);
        at.hPrev = at.h;
      }
      nn.copy_bytes(unit, at.hPrev, call.last + place);
      for (let t = length; t < T; t++)
        nn.fill_map(item, na, 0, call.y + ((t * D + d) * m + b) * unit);
    }
  };
}
