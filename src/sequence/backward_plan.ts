import { ITEM, LAYOUTS } from "../wasm/abi.js";
import { KeptView } from "../wasm/kept_view.js";
import { Layout } from "./layout.js";
import { outputOf, readsFromEnd } from "./shape.js";
import { type StackState, takeState } from "./state.js";
import { gradientElements } from "./weight_gradient.js";
import type { StackWeights, Weights } from "./weights.js";

const keptView = () => new KeptView<Float64Array<ArrayBuffer>>();

/**
 * Lays out the backward pass of one layer direction over N rows, from `origin` on: pointers. The pass sets dWx, dWh, db, dWr
 * and dPeepholes, which follow each other. If the weights are trained, it sets db alone and adds to the others, which are in
 * memory of the trainer.
 */
export function planBackward(weights: Weights, m: number, N: number, origin = 0) {
  const { cell, dtype, nx, na, nh, trained } = weights;
  const layout = new Layout(dtype, origin);
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
    dWx: trained?.dWx ?? layout.take(gates * nx),
    dWh: trained?.dWh ?? layout.take(gates * nh),
    db: layout.take(cell.gradientBlocks * na),
    dWr: trained?.dWr ?? layout.take(cell.projected ? nh * na : 0),
    dPeepholes: trained?.dPeepholes ?? layout.take(cell.peepholes ? 3 * na : 0),
    /** Scratch of the weight gradients. */
    gradient: layout.take(gradientElements(dtype, outputs, Math.max(na, nx, nh))),
    bytes: layout.bytes,
    /** A view of all weight gradients. */
    view: new KeptView(),
    // The buffers of others, whose pointers the caller sets.
    /** In: the gradient of every row of h from outside, (rows, nh). */
    dy: 0,
    /** In: the gradient of the state at the end of each sequence, (m, nh) and (m, na); out: that of the initial state. */
    dh: 0,
    dc: 0,
    /** In: for each row the row of the h before it, N, i32; unused unless the batch is ragged. */
    previous: 0,
    /** Out: (rows, nx); 0 if nobody needs it. */
    dx: 0,
    /** Whether the gradient of x is added to dx instead of replacing it. */
    addsToInput: false,
  };
}

export type BackwardBuffers = ReturnType<typeof planBackward>;

/** Every buffer of a backward pass through a stack, in f64, laid out from `origin` on. */
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
  readonly views = {
    dState: keptView(),
    h: keptView(),
    c: keptView(),
    dy: keptView(),
    dx: keptView(),
  };

  /** @param forward the buffers of the forward pass */
  constructor(
    { shape, layerDirections }: StackWeights,
    forward: { readonly byChunks: boolean; readonly form: { m: number; rows: number } },
    origin: number,
  ) {
    const { byChunks, form } = forward;
    const { m, rows: N } = form;
    const { layers, nx, nh, na } = shape;
    const D = shape.cells.length;
    const layout = new Layout(LAYOUTS.f64, origin);
    this.origin = origin;
    this.dState = takeState(layout, shape, m);
    this.stateBytes = layout.bytes;
    const widest = Math.max(nx, outputOf(shape));
    this.turns = [layout.take(N * widest), layout.take(N * widest)];
    this.dy = this.turns[0];
    this.dx = this.turns[layers % 2] as number;
    // Layer by layer: the gradients of the h of one direction, and of the rows in the order in which it reads them.
    const part = layout.take(byChunks ? 0 : N * nh);
    const mirrored = layout.take(byChunks ? 0 : N * widest);
    this.previous = layout.take(N, Int32Array.BYTES_PER_ELEMENT);
    const shared = origin + layout.bytes;
    this.directions = layerDirections.map((weights, p) => {
      const [l, d] = [Math.floor(p / D), p % D];
      const turn = (layers - 1 - l) % 2;
      const at = planBackward(weights, m, N, shared);
      at.dy = byChunks ? (this.turns[turn] as number) : part;
      at.dh = this.dState.h + p * m * nh * ITEM;
      at.dc = this.dState.c + p * m * na * ITEM;
      at.dx = readsFromEnd(shape, d) ? mirrored : (this.turns[1 - turn] as number);
      at.previous = this.previous;
      at.addsToInput = d > 0;
      return at;
    });
    this.bytes = layout.bytes + this.directions.reduce((most, at) => Math.max(most, at.bytes), 0);
  }
}
