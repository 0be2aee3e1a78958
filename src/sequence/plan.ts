import { gateElements } from "../cells/cell.js";
import { ITEM } from "../wasm/abi.js";
import { KeptView } from "../wasm/kept_view.js";
import { Layout } from "./layout.js";
import { outputOf, readsFromEnd, type StackShape } from "./shape.js";
import { type StackState, takeState } from "./state.js";
import { gradientElements } from "./weight_gradient.js";
import type { Weights } from "./weights.js";

/** A stack, as far as a plan looks at it. */
interface Layers {
  readonly shape: StackShape;
  readonly layerDirections: readonly Weights[];
}

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

/** What a forward pass is laid out for. */
export interface ForwardForm {
  /** Sequences. */
  readonly m: number;
  /** N. */
  readonly rows: number;
  /** What goes into the lowest layer: rows of numbers; tokens, whose input products are known, or whose rows are. */
  readonly feed: "rows" | "tokens" | "embedded";
  /**
   * Whether everything is kept for a backward pass; else buffers serve again, and states stay where they are: whoever runs
   * the pass sets h0, c0 and c of each direction.
   */
  readonly keep: boolean;
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
export class ForwardBuffers {
  readonly form: ForwardForm;
  readonly byChunks: boolean;
  /** Rows that a direction has room for. */
  readonly rows: number;
  readonly directions: readonly DirectionBuffers[];
  /** Layer by layer: what goes into each layer and, last, what comes out of the highest. */
  readonly inputs: number[];
  /** Layer by layer: index of N rows, i32. */
  mirror: number;
  /** The tokens, and layer by layer those of the mirrored rows: N, i32. */
  readonly tokens: number[];
  readonly bytes: number;
  /** Views of what goes in and of what comes out, as most passes are one chunk. */
  readonly inputView = new KeptView();
  readonly outputView = new KeptView();
  /** The plan of the backward pass, once there was one. */
  backward: BackwardPlan | undefined;
  #pointer = 0;

  constructor(
    form: ForwardForm,
    layout: Layout,
    buffers: Pick<
      ForwardBuffers,
      "byChunks" | "rows" | "directions" | "inputs" | "mirror" | "tokens"
    >,
  ) {
    this.form = form;
    this.bytes = layout.bytes;
    this.byChunks = buffers.byChunks;
    this.rows = buffers.rows;
    this.directions = buffers.directions;
    this.inputs = buffers.inputs;
    this.mirror = buffers.mirror;
    this.tokens = buffers.tokens;
  }

  /** Moves all of it to where it has `bytes` bytes. */
  moveTo(pointer: number): void {
    const by = pointer - this.#pointer;
    if (by === 0) return;
    this.#pointer = pointer;
    this.mirror += by;
    for (const pointers of [this.inputs, this.tokens])
      pointers.forEach((_, i) => {
        pointers[i] = (pointers[i] as number) + by;
      });
    for (const direction of this.directions) {
      direction.x += by;
      direction.h0 += by;
      direction.c0 += by;
      direction.h += by;
      direction.c += by;
      direction.gates += by;
      direction.u += by;
    }
  }
}

/** Lays a forward pass out, from 0 on. */
export function planForward({ shape, layerDirections }: Layers, form: ForwardForm): ForwardBuffers {
  const { m, rows: N, feed, keep } = form;
  const { dtype, layers, na, nh } = shape;
  const { item } = dtype;
  const D = shape.cells.length;
  const byChunks = D === 1 && !shape.reverse;
  const layout = new Layout(dtype);
  const least = (of: (weights: Weights) => number) =>
    layerDirections.reduce((least, weights) => Math.min(least, of(weights)), Infinity);
  const most = (of: (weights: Weights) => number) => -least((weights) => -of(weights));
  const rows = keep ? N : least((weights) => chunkRows(weights, m, N));

  const tokens = feed === "rows" ? [] : shape.cells.map(() => layout.take(N, 4));
  const mirror = byChunks ? 0 : layout.take(N, 4);
  const inputs: number[] = [];
  if (!byChunks) {
    inputs.push(feed === "rows" ? layout.take(N * shape.nx) : 0);
    for (let l = 1; l <= layers; l++) {
      // Where nothing is kept, two buffers take turns.
      const serves = keep || l < 3 ? undefined : inputs[l - 2];
      inputs.push(serves ?? layout.take(N * outputOf(shape)));
    }
  }

  const shared = keep
    ? undefined
    : {
        x: layout.take(
          rows * (byChunks ? (feed === "tokens" ? 0 : shape.nx) : most(({ nx }) => nx)),
        ),
        // Layer by layer the whole of h waits until it can be read from its end.
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
    // The initial state stands before the others, so that the state before each row is m rows earlier.
    const h0 = layout.take((m + rows) * nh);
    const h = h0 + m * nh * item;
    const c0 = layout.take(cell.hasCellState ? (m + rows) * na : 0);
    const c = c0 + m * na * item;
    const gates = cell.gateBlocks === 0 ? h : layout.take(rows * gateElements(cell, na));
    const u = cell.projected ? layout.take(rows * na) : 0;
    directions.push({ weights, x, h0, c0, h, c, gates, u, keeps: true, strides });
  });
  return new ForwardBuffers(form, layout, { byChunks, rows, directions, inputs, mirror, tokens });
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

type DirectionPlan = ReturnType<typeof planBackward>;

/**
 * Where the backward pass of one layer direction finds and leaves its numbers: the plan's offsets as pointers, and what
 * belongs to others. It sets dWx, dWh, db, dWr and dPeepholes, which stand one after the other.
 */
export interface BackwardBuffers extends Omit<DirectionPlan, "bytes"> {
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
  readonly addsToInput: boolean;
  /** A view from dWx on. */
  readonly view: KeptView<Float64Array<ArrayBuffer>>;
}

/** The plan's offsets as pointers, and what belongs to others. */
export const backwardBuffers = (
  plan: DirectionPlan,
  base: number,
  own: Omit<BackwardBuffers, keyof DirectionPlan | "view">,
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
  view: new KeptView(),
});

const keptF64 = () => new KeptView<Float64Array<ArrayBuffer>>();

/** Every buffer of a backward pass through a stack, laid out from `origin` on. */
export class BackwardPlan {
  readonly origin: number;
  readonly bytes: number;
  readonly directions: readonly BackwardBuffers[];
  /** The gradient of the state, which stands first, and its bytes. */
  readonly dState: StackState;
  readonly stateBytes: number;
  /** The gradients of a layer's output and input, in turn: (N, the larger of both). */
  readonly turns: readonly [number, number];
  /** Ragged: index of N rows, i32. */
  readonly previous: number;
  /** The place of dy, which is that of the highest output's gradient, and of dx. */
  readonly dy: number;
  readonly dx: number;
  /** Views of dState, whole and by parts, of dy and dx. */
  readonly allStates = keptF64();
  readonly stateViews = { h: keptF64(), c: keptF64() };
  readonly outputView = keptF64();
  readonly inputView = keptF64();

  constructor(
    { shape, layerDirections }: Layers,
    { byChunks, form }: ForwardBuffers,
    origin: number,
  ) {
    const { m, rows: N } = form;
    const { layers, nx, nh, na } = shape;
    const D = shape.cells.length;
    const layout = new Layout();
    const take = (elements: number, item?: number) => origin + layout.take(elements, item);
    const { h, c } = takeState(layout, shape, m);
    const dState = { h: origin + h, c: origin + c };
    this.stateBytes = layout.bytes;
    const widest = Math.max(nx, outputOf(shape));
    const turns = [take(N * widest), take(N * widest)] as const;
    // Layer by layer: the gradients of one direction's h, and of the rows as it reads them.
    const part = take(byChunks ? 0 : N * nh);
    const mirrored = take(byChunks ? 0 : N * widest);
    const previous = take(N, Int32Array.BYTES_PER_ELEMENT);
    const plans = layerDirections.map((weights) => planBackward(weights, m, N));
    this.origin = origin;
    this.bytes = layout.bytes + plans.reduce((most, { bytes }) => Math.max(most, bytes), 0);
    this.dState = dState;
    this.turns = turns;
    this.dy = turns[0];
    this.dx = turns[layers % 2] as number;
    this.previous = previous;
    this.directions = plans.map((plan, p) => {
      const [l, d] = [Math.floor(p / D), p % D];
      const isFlipped = (layers - 1 - l) % 2;
      return backwardBuffers(plan, origin + layout.bytes, {
        dy: byChunks ? (turns[isFlipped] as number) : part,
        dh: dState.h + p * m * nh * ITEM,
        dc: dState.c + p * m * na * ITEM,
        dx: readsFromEnd(shape, d) ? mirrored : (turns[1 - isFlipped] as number),
        previous,
        addsToInput: d > 0,
      });
    });
  }
}
