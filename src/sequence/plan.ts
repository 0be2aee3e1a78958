import { gateElements } from "../cells/cell.js";
import type { Batch } from "./batch.js";
import { Layout } from "./layout.js";
import { outputOf, readsFromEnd, type StackShape } from "./shape.js";
import { gradientElements } from "./weight_gradient.js";
import type { Weights } from "./weights.js";

/** Where one layer direction finds and leaves its numbers over some steps: pointers, rows as in sequence/batch.ts. */
export interface DirectionBuffers {
  readonly weights: Weights;
  /** In: (rows, nx). */
  x: number;
  /** In: the state before the first step, (m, nh) and (m, na). A cell without a cell state looks at no c. */
  h0: number;
  c0: number;
  /** Out: (rows, nh). */
  h: number;
  /** Out: (rows, na); c0 itself where only the last cell state is wanted. */
  c: number;
  /** In: input products; out: the cell's gates. A cell without gates of its own has h here. */
  gates: number;
  /** Out: the units' output before a projection, (rows, na), or (m, na) where it is not kept. */
  u: number;
  /** Whether c and u have a place for every row. */
  readonly keeps: boolean;
  /** Bytes from row to row. */
  readonly strides: {
    readonly x: number;
    readonly h: number;
    readonly c: number;
    readonly gates: number;
    readonly u: number;
  };
}

/**
 * Every buffer of a forward pass through a stack. Two ways:
 *
 *     by chunks        one direction from the start: a chunk of steps goes up through all layers before the next one
 *                      begins, and a layer's x is the h of the layer below
 *     layer by layer   a direction that reads from the end needs the whole layer below: `inputs[l]`, (N, nx) of layer l,
 *                      stands whole, and `mirror` leads a row to the one it is read at
 *
 * A direction has x (rows, nx) · h (rows, nh) · c (rows, na) · gates · u (rows, na) where h is a projection; where all is
 * kept the initial state stands before h and c.
 */
export interface ForwardBuffers {
  readonly byChunks: boolean;
  /** Rows that a direction has room for. */
  readonly rows: number;
  readonly directions: readonly DirectionBuffers[];
  /** Layer by layer: what goes into each layer and, last, what comes out of the highest. */
  readonly inputs: readonly number[];
  /** Layer by layer: index of N rows, i32. */
  readonly mirror: number;
  /** The tokens, and layer by layer those of the mirrored rows: N, i32. */
  readonly tokens: readonly number[];
}

/** What a forward pass is laid out for. */
export interface ForwardForm {
  readonly batch: Batch;
  /** What goes into the lowest layer: rows of numbers; tokens, whose input products are known, or whose rows are. */
  readonly feed: "rows" | "tokens" | "embedded";
  /**
   * Whether everything is kept for a backward pass; else buffers serve again, and states stay where they are: h0, c0 and c
   * of the directions are left 0.
   */
  readonly keep: boolean;
}

/** Lays a forward pass out from `origin` on. */
export function planForward(
  {
    shape,
    layerDirections,
  }: { readonly shape: StackShape; readonly layerDirections: readonly Weights[] },
  { batch, feed, keep }: ForwardForm,
  origin: number,
): { buffers: ForwardBuffers; bytes: number } {
  const { dtype, layers, na, nh } = shape;
  const { item } = dtype;
  const { m, rows: N } = batch;
  const D = shape.cells.length;
  const byChunks = D === 1 && !shape.reverse;
  const layout = new Layout(dtype);
  const take = (elements: number, item?: number): number => origin + layout.take(elements, item);
  const rows = keep ? N : Math.min(...layerDirections.map((weights) => chunkRows(weights, m, N)));

  const tokens = feed === "rows" ? [] : layerDirections.slice(0, D).map(() => take(N, 4));
  const mirror = byChunks ? 0 : take(N, 4);
  const inputs: number[] = [];
  if (!byChunks) {
    inputs.push(feed === "rows" ? take(N * shape.nx) : 0);
    for (let l = 1; l <= layers; l++) {
      // Where nothing is kept, two buffers take turns.
      const serves = keep || l < 3 ? undefined : inputs[l - 2];
      inputs.push(serves ?? take(N * outputOf(shape)));
    }
  }

  const widest = (of: (weights: Weights) => number) => Math.max(...layerDirections.map(of));
  const shared = keep
    ? undefined
    : {
        x: take(rows * (byChunks ? (feed === "tokens" ? 0 : shape.nx) : widest(({ nx }) => nx))),
        // Layer by layer the whole of h waits until it can be read from its end.
        h: byChunks ? [take(rows * nh), take(layers > 1 ? rows * nh : 0)] : [take(N * nh)],
        gates: take(rows * widest(({ cell }) => cell.gateBlocks * na)),
        u: take(widest(({ cell }) => (cell.projected ? m * na : 0))),
      };
  const directions: DirectionBuffers[] = [];
  layerDirections.forEach((weights, p) => {
    const [l, d] = [Math.floor(p / D), p % D];
    const { cell, nx } = weights;
    const kept = keep ? na * item : 0;
    const strides = {
      x: nx * item,
      h: nh * item,
      c: kept,
      gates: gateElements(cell, na) * item,
      u: kept,
    };
    let x = 0;
    if (byChunks && l > 0) x = (directions[p - 1] as DirectionBuffers).h;
    else if (!byChunks && !readsFromEnd(shape, d) && (feed === "rows" || l > 0)) {
      x = inputs[l] as number;
    } else if (feed !== "tokens" || l > 0) x = shared?.x ?? take(rows * nx);
    if (shared !== undefined) {
      const h = shared.h[byChunks ? l % 2 : 0] as number;
      const gates = cell.gateBlocks === 0 ? h : shared.gates;
      const { u } = shared;
      directions.push({ weights, x, h0: 0, c0: 0, h, c: 0, gates, u, keeps: false, strides });
      return;
    }
    // The initial state stands before the others, so that the state before each row is m rows earlier.
    const h0 = take((m + rows) * nh);
    const h = h0 + m * nh * item;
    const c0 = take(cell.hasCellState ? (m + rows) * na : 0);
    const c = c0 + m * na * item;
    const gates = cell.gateBlocks === 0 ? h : take(rows * gateElements(cell, na));
    const u = cell.projected ? take(rows * na) : 0;
    directions.push({ weights, x, h0, c0, h, c, gates, u, keeps: true, strides });
  });
  const buffers = { byChunks, rows, directions, inputs, mirror, tokens };
  return { buffers, bytes: layout.bytes };
}

/** What a chunk of a pass that keeps nothing may take: it passes through the second-level cache and stays there. */
const CHUNK_BYTES = 256 * 1024;

/** Rows to run at a time where nothing is kept: whole steps, and at least one; where m is 1, whole tiles of rows. */
export function chunkRows(
  { cell, dtype, nx, na, nh }: Pick<Weights, "cell" | "dtype" | "nx" | "na" | "nh">,
  m: number,
  N: number,
): number {
  const row = (nx + nh + gateElements(cell, na)) * dtype.item;
  const rows = Math.floor(CHUNK_BYTES / row);
  const whole = m === 1 ? rows - (rows % 4) : rows;
  return Math.min(Math.max(whole, m, 1), Math.max(N, m, 1));
}

/** Lays out the backward pass of one layer direction over N rows: offsets. */
export function planBackward({ cell, nx, na, nh }: Weights, m: number, N: number) {
  const layout = new Layout();
  const gates = cell.input.length * na;
  const outputs = Math.max(cell.gradientBlocks * na, cell.projected ? nh : 0);
  return {
    /** Zeros, (m, na), where h is a projection. */
    none: layout.take(cell.projected ? m * na : 0),
    /** (m, na). */
    scratch: layout.take(m * na),
    /** The gradient of the gates, (N, gradientBlocks·na). */
    dGates: layout.take(N * cell.gradientBlocks * na),
    /** The whole gradient of a projected h, (N, nh). */
    dp: layout.take(cell.projected ? N * nh : 0),
    dWx: layout.take(gates * nx),
    dWh: layout.take(gates * nh),
    db: layout.take(cell.gradientBlocks * na),
    dWr: layout.take(cell.projected ? nh * na : 0),
    dPeepholes: layout.take(cell.peepholes ? 3 * na : 0),
    /** Scratch of the weight gradients. */
    gradient: layout.take(gradientElements(outputs, Math.max(na, nx, nh))),
    bytes: layout.bytes,
  };
}

type BackwardPlan = ReturnType<typeof planBackward>;

/**
 * Where the backward pass of one layer direction finds and leaves its numbers: the plan's offsets as pointers, and what
 * belongs to others. It sets dWx, dWh, db, dWr and dPeepholes.
 */
export interface BackwardBuffers extends Omit<BackwardPlan, "bytes"> {
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

/** The plan's offsets as pointers, and what belongs to others. */
export const backwardBuffers = (
  plan: BackwardPlan,
  base: number,
  own: Omit<BackwardBuffers, keyof BackwardPlan>,
): BackwardBuffers => ({
  none: base + plan.none,
  scratch: base + plan.scratch,
  dGates: base + plan.dGates,
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
});
