import { ITEM } from "../wasm/abi.js";
import { KeptView } from "../wasm/kept_view.js";
import { Layout } from "./layout.js";
import { outputOf, readsFromEnd } from "./shape.js";
import { type StackState, takeState } from "./state.js";
import { gradientElements } from "./weight_gradient.js";
import type { StackWeights, Weights } from "./weights.js";

type F64View = KeptView<Float64Array<ArrayBuffer>>;

/** Lays out the backward pass of one layer direction over N rows: offsets. */
export function planBackward({ cell, nx, na, nh }: Weights, m: number, N: number) {
  const layout = new Layout();
  const gates = cell.input.length * na;
  const outputs = Math.max(cell.gradientBlocks * na, cell.projected ? nh : 0);
  return {
    /** Zeros, (m, na), if h is a projection. */
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
 * The buffers of the backward pass of one layer direction: pointers. It sets dWx, dWh, db, dWr and dPeepholes, which follow
 * each other.
 */
export interface BackwardBuffers extends Omit<DirectionPlan, "bytes"> {
  /** In: the gradient of every row of h from outside, (rows, nh). */
  dy: number;
  /** In: the gradient of the state at the end of each sequence, (m, nh) and (m, na); out: that of the initial state. */
  dh: number;
  dc: number;
  /** In: for each row the row of the h before it, N, i32; unused unless the batch is ragged. */
  previous: number;
  /** Out: (rows, nx). */
  dx: number;
  /** Whether the gradient of x is added to dx instead of replacing it. */
  readonly addsToInput: boolean;
  /** A view of all weight gradients. */
  readonly view: F64View;
}

/** Turns the offsets of a plan into pointers and adds the pointers to the buffers of others. */
export const backwardBuffers = (
  plan: DirectionPlan,
  base: number,
  others: Omit<BackwardBuffers, keyof DirectionPlan | "view">,
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
  dy: others.dy,
  dh: others.dh,
  dc: others.dc,
  dx: others.dx,
  previous: others.previous,
  addsToInput: others.addsToInput,
  view: new KeptView(),
});

/** The sizes of a backward pass: those of the forward pass before it. */
interface BackwardForm {
  readonly form: { readonly m: number; readonly rows: number };
  readonly byChunks: boolean;
}

/** Every buffer of a backward pass through a stack, laid out from `origin` on. */
export class BackwardPlan {
  readonly origin: number;
  readonly bytes: number;
  readonly directions: readonly BackwardBuffers[];
  /** The gradient of the state. It comes first. */
  readonly dState: StackState;
  readonly stateBytes: number;
  /** The gradients of the output and of the input of a layer, alternately: (N, the larger of both). */
  readonly turns: readonly [number, number];
  /** The gradient of the highest layer's output, (N, D·nh), and of the lowest layer's input, (N, nx). */
  readonly dy: number;
  readonly dx: number;
  /** For a ragged batch: index of N rows, i32. */
  readonly previous: number;
  readonly views: { readonly [name in "dState" | "h" | "c" | "dy" | "dx"]: F64View } = {
    dState: new KeptView(),
    h: new KeptView(),
    c: new KeptView(),
    dy: new KeptView(),
    dx: new KeptView(),
  };

  constructor({ shape, layerDirections }: StackWeights, of: BackwardForm, origin: number) {
    const { m, rows: N } = of.form;
    const { layers, nx, nh, na } = shape;
    const D = shape.cells.length;
    const layout = new Layout();
    const take = (elements: number, item?: number) => origin + layout.take(elements, item);
    const { h, c } = takeState(layout, shape, m);
    const dState = { h: origin + h, c: origin + c };
    this.stateBytes = layout.bytes;
    const widest = Math.max(nx, outputOf(shape));
    const turns = [take(N * widest), take(N * widest)] as const;
    // Layer by layer: the gradients of the h of one direction, and of the rows in the order in which it reads them.
    const part = take(of.byChunks ? 0 : N * nh);
    const mirrored = take(of.byChunks ? 0 : N * widest);
    const previous = take(N, Int32Array.BYTES_PER_ELEMENT);
    const plans = layerDirections.map((weights) => planBackward(weights, m, N));
    this.origin = origin;
    // The layer directions share their own buffers.
    this.bytes = layout.bytes + plans.reduce((most, { bytes }) => Math.max(most, bytes), 0);
    this.dState = dState;
    this.turns = turns;
    this.dy = turns[0];
    this.dx = turns[layers % 2] as number;
    this.previous = previous;
    this.directions = plans.map((plan, p) => {
      const [l, d] = [Math.floor(p / D), p % D];
      const turn = (layers - 1 - l) % 2;
      return backwardBuffers(plan, origin + layout.bytes, {
        dy: of.byChunks ? (turns[turn] as number) : part,
        dh: dState.h + p * m * nh * ITEM,
        dc: dState.c + p * m * na * ITEM,
        dx: readsFromEnd(shape, d) ? mirrored : (turns[1 - turn] as number),
        previous,
        addsToInput: d > 0,
      });
    });
  }
}
