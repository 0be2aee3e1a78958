import { backwardOf } from "../../cells/backward.js";
import { gateElements } from "../../cells/cell.js";
import { planBackward } from "../../sequence/backward_plan.js";
import type { Batch } from "../../sequence/batch.js";
import { backwardSteps, forwardSteps, saveState } from "../../sequence/direction.js";
import type { DirectionBuffers } from "../../sequence/forward_plan.js";
import { feedRows } from "../../sequence/input.js";
import type { Layout } from "../../sequence/layout.js";
import type { StackState } from "../../sequence/state.js";
import type { Weights } from "../../sequence/weights.js";
import { trainingType } from "../../wasm/kernel_sets.js";
import type { Chunk, PassContext, PassForm, Segment } from "./layer.js";
import { tokensOf } from "./token_rows.js";
import type { TokenTable } from "./token_table.js";

/** The gradients that a direction reads and writes, in the order in which it reads rows. */
interface Gradients {
  readonly dy: number;
  /** 0 if nobody needs it. */
  readonly dx: number;
  /** Whether the gradient of x is added to dx. */
  readonly adds: boolean;
  readonly scratch: number;
}

/** One direction of a recurrent layer in a pass. */
export interface DirectionPass {
  readonly scratchBytes: number;
  /** Its output, (rows, nh), in the order in which it reads rows: a pointer. */
  readonly h: number;
  begin(context: PassContext): void;
  forward(context: PassContext, x: number): void;
  backward(context: PassContext, gradients: Gradients): void;
  end(scratch: number): void;
  keepState(context: PassContext): void;
}

/** What a direction is. */
interface DirectionParts {
  readonly weights: Weights;
  readonly table: TokenTable | undefined;
  /** Its layer, counted through all stacks, and which direction of it. */
  readonly layer: number;
  readonly d: number;
  readonly isFromEnd: boolean;
  addBiasGradients(db: number): void;
}

/**
 * Lays out one direction of a layer. Its buffers hold the rows of a segment; `boundary` s is the state before segment s, so
 * that a segment can be computed again:
 *
 *     start (m rows) | h, c of the segment's rows        boundary 0 | boundary 1 | … | state at the end
 */
export function planDirection(
  layout: Layout,
  { m, rows: capacity, chunkRows, segments }: PassForm,
  { weights, table, layer, d, isFromEnd, addBiasGradients }: DirectionParts,
): DirectionPass {
  const { cell, engine, dtype, na, nh, nx } = weights;
  const { arena } = engine;
  const { kernels, precision, item } = trainingType(engine, dtype);
  const own = ownBuffers(layout, { weights, m, capacity, isMirrored: isFromEnd && !table });
  const { direction, shifted } = own;
  const boundaries = Array.from({ length: segments + 1 }, () => takeState(layout, weights, m));
  const boundary = (s: number): StackState => boundaries[s] as StackState;
  const dh = layout.take(m * nh);
  const dc = layout.take(m * na);
  const mirroredTokens = layout.take(
    isFromEnd && table ? capacity : 0,
    Int32Array.BYTES_PER_ELEMENT,
  );
  const cellBackward = backwardOf(engine, dtype, cell);
  let [origin, back] = [0, planBackward(weights, m, chunkRows)];
  /** Copies `count` rows of a state. */
  const copy = (count: number, from: StackState, to: StackState, index = 0): void => {
    kernels.gather_rows(count, nh, nh, nh, from.h, index, to.h);
    if (cell.hasCellState) kernels.gather_rows(count, na, na, na, from.c, index, to.c);
  };
  const tokens = (context: PassContext): number => {
    if (!isFromEnd) return tokensOf(context);
    const { batch, tokens: given, mirror } = context;
    const ids = arena.i32(given, batch.rows);
    const order = arena.i32(mirror, batch.rows);
    arena.i32(mirroredTokens, batch.rows).forEach((_, row, target) => {
      target[row] = ids[order[row] as number] as number;
    });
    return mirroredTokens;
  };
  const kept = ({ states }: PassContext): StackState | undefined => {
    const all = states?.of(layer);
    return all && { h: all.h + d * m * nh * item, c: all.c + d * m * na * item };
  };

  return {
    scratchBytes: Math.max(back.bytes, table?.scratchBytes ?? 0),
    h: direction.h,
    begin(context) {
      table?.begin();
      const start = boundary(0);
      const state = context.carry ? kept(context) : undefined;
      if (state === undefined) {
        arena.view(precision, start.h, m * nh).fill(0);
        if (cell.hasCellState) arena.view(precision, start.c, m * na).fill(0);
      } else copy(m, state, start, context.order);
      arena.view(precision, dh, m * nh).fill(0);
      arena.view(precision, dc, m * na).fill(0);
    },
    forward(context, x) {
      const { batch, segment, mirror } = context;
      const { index, first, last, rows } = segment;
      enter(own, batch, segment);
      copy(activeBefore(batch, first), boundary(index), { h: direction.h0, c: direction.c0 });
      // A sequence that ended before keeps its state.
      copy(m, boundary(index), boundary(index + 1));
      if (table !== undefined) table.feed(direction, rows, tokens(context));
      else {
        if (isFromEnd) kernels.gather_rows(rows, nx, nx, nx, x, mirror, direction.x);
        else direction.x = x;
        feedRows(direction, rows, direction.x);
      }
      forwardSteps(direction, batch, { first, last });
      saveState(direction, batch, { first, last }, boundary(index + 1));
    },
    backward(context, { dy, dx, adds, scratch }) {
      const { batch, segment, previous } = context;
      enter(own, batch, segment);
      const from = table === undefined ? undefined : tokens(context);
      if (from !== undefined) shifted.x = 0;
      if (origin !== scratch)
        [origin, back] = [scratch, planBackward(weights, m, chunkRows, scratch)];
      back.dh = dh;
      back.dc = dc;
      back.previous = previous;
      back.addsToInput = adds;
      const { chunks } = segment;
      for (let i = chunks.length - 1; i >= 0; i--) {
        const { first, last, base, rows } = chunks[i] as Chunk;
        back.dy = dy + base * nh * item;
        back.dx = dx === 0 ? 0 : dx + base * nx * item;
        backwardSteps(shifted, batch, { first, last, throughTime: true, cellBackward }, back);
        addBiasGradients(back.db);
        if (from === undefined) continue;
        table?.gather(back.dGates, rows, from + base * Int32Array.BYTES_PER_ELEMENT);
      }
    },
    end(scratch) {
      table?.end(scratch);
    },
    keepState(context) {
      const state = kept(context);
      if (state !== undefined) copy(m, boundary(segments), state, context.places);
    },
  };
}

/** The sequences whose state a step reads. */
const activeBefore = (batch: Batch, first: number): number =>
  first === 0 ? batch.m : batch.active(first - 1);

const takeState = (layout: Layout, { cell, na, nh }: Weights, m: number): StackState => ({
  h: layout.take(m * nh),
  c: layout.take(cell.hasCellState ? m * na : 0),
});

/** The buffers of a direction, and the same with pointers from which rows count as in the whole batch. */
interface OwnBuffers {
  readonly direction: DirectionBuffers;
  readonly shifted: DirectionBuffers;
}

function ownBuffers(
  layout: Layout,
  of: { weights: Weights; m: number; capacity: number; isMirrored: boolean },
): OwnBuffers {
  const { weights, m, capacity, isMirrored } = of;
  const { cell, na, nh, nx } = weights;
  const { item } = weights.dtype;
  const h0 = layout.take((m + capacity) * nh);
  const c0 = layout.take(cell.hasCellState ? (m + capacity) * na : 0);
  const h = h0 + m * nh * item;
  const gates = gateElements(cell, na);
  const direction: DirectionBuffers = {
    weights,
    x: isMirrored ? layout.take(capacity * nx) : 0,
    h0,
    c0,
    h,
    c: c0 + m * na * item,
    gates: cell.gateBlocks === 0 ? h : layout.take(capacity * gates),
    u: layout.take(cell.projected ? capacity * na : 0),
    keeps: true,
    strides: { x: nx * item, h: nh * item, c: na * item, gates: gates * item, u: na * item },
  };
  return { direction, shifted: { ...direction } };
}

/** Sets what depends on the segment: the state before it stands right before its first row, as a step before would. */
function enter({ direction, shifted }: OwnBuffers, batch: Batch, { first, base }: Segment): void {
  const { strides, h, c, x, gates, u } = direction;
  const before = activeBefore(batch, first);
  direction.h0 = h - before * strides.h;
  direction.c0 = c - before * strides.c;
  shifted.h = h - base * strides.h;
  shifted.c = c - base * strides.c;
  shifted.h0 = shifted.h - batch.m * strides.h;
  shifted.c0 = shifted.c - batch.m * strides.c;
  shifted.x = x - base * strides.x;
  shifted.gates = gates - base * strides.gates;
  shifted.u = u - base * strides.u;
}
