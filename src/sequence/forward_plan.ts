import { gateElements } from "../cells/cell.js";
import { KeptView } from "../wasm/kept_view.js";
import type { BackwardPlan } from "./backward_plan.js";
import { Layout } from "./layout.js";
import { outputOf, readsFromEnd } from "./shape.js";
import type { StackWeights, Weights } from "./weights.js";

/** The buffers of one layer direction over some steps: pointers, rows as in sequence/batch.ts. */
export interface DirectionBuffers {
  readonly weights: Weights;
  /** In: (rows, nx); 0 in a backward pass that leaves the gradient of W_x to its caller. */
  x: number;
  /** In: the state before the first step, (m, nh) and (m, na). A cell without a cell state ignores c0 and c. */
  h0: number;
  c0: number;
  /** Out: (rows, nh). */
  h: number;
  /** Out: (rows, na), or c0 itself if only the last cell state is needed. */
  c: number;
  /** In: input products; out: the cell's gates. It equals h for a cell without gates of its own. */
  gates: number;
  /** Out: the units' output before a projection, (rows, na), or (m, na) if it is not kept. */
  u: number;
  /** Whether c and u have a place for every row. */
  readonly keeps: boolean;
  /** Bytes from one row to the next. */
  readonly strides: {
    readonly x: number;
    readonly h: number;
    readonly c: number;
    readonly gates: number;
    readonly u: number;
  };
}

/** The sizes and the purpose of a forward pass; they determine its plan. */
export interface ForwardForm {
  /** Sequences. */
  readonly m: number;
  /** N. */
  readonly rows: number;
  /** Input of the lowest layer: rows of numbers, tokens with known input products, or tokens with known rows. */
  readonly feed: "rows" | "tokens" | "embedded";
  /**
   * Whether everything is kept for a backward pass. If not, layers share buffers, and the state is read and written in
   * place: the pass sets h0, c0 and c of each direction.
   */
  readonly keep: boolean;
}

/**
 * Every buffer of a forward pass through a stack. There are two ways through it:
 *
 *     by chunks        for one direction that reads from the start: a chunk of steps goes up through all layers before
 *                      the next chunk starts, and the x of a layer is the h of the layer below
 *     layer by layer   a direction that reads from the end needs the whole output of the layer below: `inputs[l]` is
 *                      the whole input of layer l, (N, nx), and `mirror` maps a row to the row that is read in its place
 *
 * A direction has x (rows, nx) · h (rows, nh) · c (rows, na) · gates · u (rows, na) if h is a projection. If everything is
 * kept, the initial state precedes h and c.
 */
export interface ForwardBuffers {
  readonly form: ForwardForm;
  readonly byChunks: boolean;
  /** The rows for which a direction has room. */
  readonly rows: number;
  readonly directions: readonly DirectionBuffers[];
  /** Layer by layer: the input of each layer and, last, the output of the highest. */
  readonly inputs: number[];
  /** Layer by layer: index of N rows, i32. */
  mirror: number;
  /** The tokens in the order in which each direction reads them: N, i32. */
  readonly tokens: number[];
  /** The first byte of the buffers, and their size. */
  pointer: number;
  readonly bytes: number;
  /** Views of the input and of the output: most passes are a single chunk. */
  readonly views: { readonly input: KeptView; readonly output: KeptView };
  /** The plan of the last backward pass over these buffers. */
  backward: BackwardPlan | undefined;
}

/** Moves the buffers to `pointer`, where `bytes` bytes are free. */
export function moveTo(pointer: number, buffers: ForwardBuffers): void {
  const by = pointer - buffers.pointer;
  if (by === 0) return;
  buffers.pointer = pointer;
  buffers.mirror += by;
  for (const pointers of [buffers.inputs, buffers.tokens]) {
    for (const [i, at] of pointers.entries()) pointers[i] = at + by;
  }
  for (const direction of buffers.directions) {
    direction.x += by;
    direction.h0 += by;
    direction.c0 += by;
    direction.h += by;
    direction.c += by;
    direction.gates += by;
    direction.u += by;
  }
}

/** Lays out a forward pass, from pointer 0 on. */
export function planForward(
  { shape, layerDirections }: StackWeights,
  form: ForwardForm,
): ForwardBuffers {
  const { m, rows: N, feed, keep } = form;
  const { dtype, layers, na, nh } = shape;
  const D = shape.cells.length;
  const byChunks = D === 1 && !shape.reverse;
  const layout = new Layout(dtype);
  const most = (of: (weights: Weights) => number) =>
    layerDirections.reduce((most, weights) => Math.max(most, of(weights)), 0);
  const chunks = layerDirections.map((weights) => chunkRows(weights, m, N));
  const rows = keep ? N : chunks.reduce((least, each) => Math.min(least, each));

  const tokens = feed === "rows" ? [] : shape.cells.map(() => layout.take(N, 4));
  const mirror = byChunks ? 0 : layout.take(N, 4);
  const inputs: number[] = [];
  if (!byChunks) {
    inputs.push(feed === "rows" ? layout.take(N * shape.nx) : 0);
    for (let l = 1; l <= layers; l++) {
      // If nothing is kept, the layers alternate between two buffers.
      const earlier = keep || l < 3 ? undefined : inputs[l - 2];
      inputs.push(earlier ?? layout.take(N * outputOf(shape)));
    }
  }

  const widest = byChunks ? (feed === "tokens" ? 0 : shape.nx) : most(({ nx }) => nx);
  const shared = keep
    ? undefined
    : {
        x: layout.take(rows * widest),
        // Layer by layer, the whole of h is needed before it can be read from its end.
        h: byChunks
          ? [layout.take(rows * nh), layout.take(layers > 1 ? rows * nh : 0)]
          : [layout.take(N * nh)],
        gates: layout.take(rows * most(({ cell }) => cell.gateBlocks * na)),
        u: layout.take(most(({ cell }) => (cell.projected ? m * na : 0))),
      };
  const directions: DirectionBuffers[] = [];
  layerDirections.forEach((weights, p) => {
    const [l, d] = [Math.floor(p / D), p % D];
    const { cell, nx } = weights;
    const { item } = dtype;
    const kept = keep ? na * item : 0;
    const gateBytes = gateElements(cell, na) * item;
    const strides = { x: nx * item, h: nh * item, c: kept, gates: gateBytes, u: kept };
    let x = 0;
    if (byChunks && l > 0) x = (directions[p - 1] as DirectionBuffers).h;
    else if (!byChunks && !readsFromEnd(shape, d) && (feed === "rows" || l > 0)) {
      x = inputs[l] as number;
    } else if (feed !== "tokens" || l > 0) x = shared?.x ?? layout.take(rows * nx);
    if (shared !== undefined) {
      const h = shared.h[byChunks ? l % 2 : 0] as number;
      const gates = cell.gateBlocks === 0 ? h : shared.gates;
      const { u } = shared;
      directions.push({ weights, x, h0: 0, c0: 0, h, c: 0, gates, u, keeps: false, strides });
      return;
    }
    // The initial state comes first, so that the state before each row is m rows earlier.
    const h0 = layout.take((m + rows) * nh);
    const h = h0 + m * nh * item;
    const c0 = layout.take(cell.hasCellState ? (m + rows) * na : 0);
    const c = c0 + m * na * item;
    const gates = cell.gateBlocks === 0 ? h : layout.take(rows * gateElements(cell, na));
    const u = cell.projected ? layout.take(rows * na) : 0;
    directions.push({ weights, x, h0, c0, h, c, gates, u, keeps: true, strides });
  });
  return {
    form,
    byChunks,
    rows,
    directions,
    inputs,
    mirror,
    tokens,
    pointer: 0,
    bytes: layout.bytes,
    views: { input: new KeptView(), output: new KeptView() },
    backward: undefined,
  };
}

/** The bytes of a chunk of a pass that keeps nothing: it fits into the second-level cache. */
const CHUNK_BYTES = 256 * 1024;

/** The rows of a chunk of a pass that keeps nothing: whole steps, at least one; if m is 1, whole tiles of four rows. */
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
