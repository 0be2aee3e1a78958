import { ITEM } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { backwardSteps, forwardSteps, gradientsOf, saveState } from "./direction.js";
import { feedRows, feedTokens, type Input, writeTokens } from "./input.js";
import { Layout } from "./layout.js";
import {
  backwardBuffers,
  type DirectionBuffers,
  type ForwardBuffers,
  planBackward,
  planForward,
} from "./plan.js";
import { outputOf, readsFromEnd, type StackShape } from "./shape.js";
import { type StackState, takeState } from "./state.js";
import type { WeightArrays, Weights } from "./weights.js";

/** The weights of a stack, in linear memory. */
export class Stack extends Shared {
  readonly engine: Engine;
  readonly shape: StackShape;
  /** Layer direction l·D + d is layer l in direction d. */
  readonly layerDirections: readonly Weights[];

  /** Takes over the caller's ownership of the weights. */
  constructor(engine: Engine, shape: StackShape, layerDirections: readonly Weights[]) {
    super();
    this.engine = engine;
    this.shape = shape;
    this.layerDirections = layerDirections;
  }

  /** Packs the transposed matrices of every layer direction, or, where memory does not suffice, of none. */
  transpose(): void {
    const fresh = this.layerDirections.filter((weights) => !weights.isTransposed);
    try {
      for (const weights of fresh) weights.transposed();
    } catch (error) {
      for (const weights of fresh) weights.forgetTransposed();
      throw error;
    }
  }

  protected free(): void {
    for (const weights of this.layerDirections) weights.release();
  }
}

/** Takes what the highest layer gives for steps `first` … `last` − 1: (rows, D·nh) at `pointer`. */
export type Output = (first: number, last: number, pointer: number) => void;

/** A forward pass through a stack. */
export interface ForwardCall {
  readonly batch: Batch;
  /** Where the sequences begin, in the batch's order, and where the pass leaves what each has reached. */
  readonly state: StackState;
  readonly input: Input;
  readonly output: Output;
  /** Keeps everything for a backward pass; else, by chunks, memory does not grow with T. */
  readonly tape?: StackTape | undefined;
}

/** What a forward pass left for the backward pass. */
export interface StackTape {
  readonly stack: Stack;
  readonly batch: Batch;
  readonly buffers: ForwardBuffers;
}

/** Runs a batch through a stack. */
export function forwardStack(stack: Stack, call: ForwardCall): void {
  for (const _ of forwardInChunks(stack, call));
}

/**
 * Runs a batch through a stack, and pauses after each chunk of steps. Whatever it holds is given back when it is done, or
 * left.
 */
export function* forwardInChunks(stack: Stack, call: ForwardCall): Generator<void, void, void> {
  const { engine } = stack;
  const { batch, state, input, tape } = call;
  const form = { batch, feed: input.feed, keep: false };
  const bytes = tape === undefined ? planForward(stack, form, 0).bytes : 0;
  const block = engine.arena.allocate(bytes);
  try {
    const buffers = tape?.buffers ?? planForward(stack, form, block.pointer).buffers;
    if (tape === undefined) attachState(buffers, state, batch.m);
    else copyState(buffers, state, batch.m);
    if (batch.rows === 0) return;
    if (input.feed !== "rows") writeTokens(stack, batch, buffers, input.tokens);
    if (buffers.byChunks) yield* forwardByChunks(stack, call, buffers);
    else yield* forwardLayerByLayer(stack, call, buffers);
  } finally {
    block.release();
  }
}

/** The state of layer direction p. */
function statePart({ weights }: DirectionBuffers, state: StackState, m: number, p: number) {
  const { dtype, na, nh } = weights;
  const part = p * m * dtype.item;
  return { h: state.h + part * nh, c: state.c + part * na };
}

/** Nothing is kept: h0 and the cell state are the state itself. */
function attachState({ directions }: ForwardBuffers, state: StackState, m: number): void {
  directions.forEach((direction, p) => {
    const { h, c } = statePart(direction, state, m, p);
    direction.h0 = h;
    direction.c0 = c;
    direction.c = c;
  });
}

function copyState({ directions }: ForwardBuffers, state: StackState, m: number): void {
  directions.forEach((direction, p) => {
    const { cell, dtype, na, nh } = direction.weights;
    const { gather_rows } = dtype.kernels;
    const { h, c } = statePart(direction, state, m, p);
    gather_rows(m, nh, nh, nh, h, 0, direction.h0);
    if (cell.hasCellState) gather_rows(m, na, na, na, c, 0, direction.c0);
  });
}

function* forwardByChunks(
  { engine }: Stack,
  { batch, state, input, output }: ForwardCall,
  buffers: ForwardBuffers,
): Generator<void, void, void> {
  const { directions } = buffers;
  for (const chunk of chunksOf(batch, buffers.rows)) {
    const { first, last, base, rows } = chunk;
    directions.forEach((direction, p) => {
      if (p === 0 && input.feed !== "rows") {
        const tokens = (buffers.tokens[0] as number) + base * Int32Array.BYTES_PER_ELEMENT;
        feedTokens(direction, input, { d: 0, tokens, rows });
      } else {
        if (p === 0 && input.feed === "rows") {
          const { dtype, nx } = direction.weights;
          input.rows(engine.arena.view(dtype.precision, direction.x, rows * nx), first, last);
        }
        feedRows(direction, rows, direction.x);
      }
      forwardSteps(direction, batch, chunk);
      saveState(direction, batch, chunk, statePart(direction, state, batch.m, p));
    });
    output(first, last, (directions.at(-1) as DirectionBuffers).h);
    yield;
  }
}

function* forwardLayerByLayer(
  { engine, shape }: Stack,
  { batch, state, input, output }: ForwardCall,
  buffers: ForwardBuffers,
): Generator<void, void, void> {
  const { dtype, layers, nh } = shape;
  const { kernels, item } = dtype;
  const { inputs, mirror } = buffers;
  const D = shape.cells.length;
  const out = outputOf(shape);
  engine.arena.i32(mirror, batch.rows).set(batch.mirror());
  if (input.feed === "rows") {
    const all = engine.arena.view(dtype.precision, inputs[0] as number, batch.rows * shape.nx);
    input.rows(all, 0, batch.T);
  }
  for (const [p, direction] of buffers.directions.entries()) {
    const [l, d] = [Math.floor(p / D), p % D];
    const { cell, nx } = direction.weights;
    const fromEnd = readsFromEnd(shape, d);
    const { h } = direction;
    for (const chunk of chunksOf(batch, buffers.rows)) {
      const { base, rows } = chunk;
      const offset = base * Int32Array.BYTES_PER_ELEMENT;
      direction.h = h + base * nh * item;
      if (cell.gateBlocks === 0) direction.gates = direction.h;
      if (l === 0 && input.feed !== "rows") {
        feedTokens(direction, input, { d, tokens: (buffers.tokens[d] as number) + offset, rows });
      } else if (fromEnd) {
        kernels.gather_rows(rows, nx, nx, nx, inputs[l] as number, mirror + offset, direction.x);
        feedRows(direction, rows, direction.x);
      } else feedRows(direction, rows, direction.x + base * nx * item);
      forwardSteps(direction, batch, chunk);
      saveState(direction, batch, chunk, statePart(direction, state, batch.m, p));
      yield;
    }
    direction.h = h;
    if (cell.gateBlocks === 0) direction.gates = h;
    const target = (inputs[l + 1] as number) + d * nh * item;
    kernels.gather_rows(batch.rows, nh, nh, out, h, fromEnd ? mirror : 0, target);
  }
  for (const { first, last, base } of chunksOf(batch, buffers.rows)) {
    output(first, last, (inputs[layers] as number) + base * out * item);
    yield;
  }
}

/** Goes through a batch, as many whole steps at a time as have at most `most` rows. */
function* chunksOf(batch: Batch, most: number) {
  for (let first = 0; first < batch.T; ) {
    const last = batch.lastStep(first, most);
    const base = batch.start(first);
    yield { first, last, base, rows: batch.start(last) - base };
    first = last;
  }
}

/** Where a backward pass through a stack finds and leaves what its caller sees: pointers. */
export interface StackGradients {
  /** In: the gradient of every row of the output, (N, D·nh). */
  readonly dy: number;
  /** In: the gradient of the state at each sequence's end; out: that of the initial state. */
  readonly dState: StackState;
  /** Out: (N, nx). */
  readonly dx: number;
}

/** What a backward pass takes from its caller, and gives to it. */
export interface BackwardCall<R> {
  /** Writes dy, and dState where it is not zero. */
  readonly fill: (at: StackGradients) => void;
  /** Copies the gradients of layer direction p: the views are gone afterwards. */
  readonly take: (p: number, gradients: WeightArrays<Float64Array<ArrayBuffer>>) => void;
  /** Copies the results out: the buffers are gone afterwards. */
  readonly collect: (at: StackGradients) => R;
}

/** Back-propagation through a stack, over all that a tape recorded. */
export function backwardStack<R>(
  { stack, batch, buffers }: StackTape,
  { fill, take, collect }: BackwardCall<R>,
): R {
  const { engine, shape } = stack;
  const { m, rows: N } = batch;
  const { layers, nx, nh } = shape;
  const D = shape.cells.length;
  const out = outputOf(shape);
  const layout = new Layout();
  const stateAt = takeState(layout, shape, m);
  const stateBytes = layout.bytes;
  // The gradients of a layer's output and input take turns in two places; three where two directions add up.
  const widest = Math.max(nx, out);
  const turns = [layout.take(N * widest), layout.take(N * widest)];
  const part = layout.take(buffers.byChunks ? 0 : N * nh);
  const mirrored = layout.take(buffers.byChunks ? 0 : N * widest);
  const previous = layout.take(batch.ragged ? N : 0, Int32Array.BYTES_PER_ELEMENT);
  const plans = stack.layerDirections.map((weights) => planBackward(weights, m, N));
  const own = layout.take(
    plans.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    1,
  );
  return withScratch(engine.arena, layout.bytes, ({ pointer }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    stack.transpose();
    const { arena, kernels } = engine;
    const dState = { h: pointer + stateAt.h, c: pointer + stateAt.c };
    // The states stand first.
    arena.f64(pointer, stateBytes / ITEM).fill(0);
    if (batch.ragged) arena.i32(pointer + previous, N).set(batch.previous());
    let [above, below] = turns.map((offset) => pointer + offset) as [number, number];
    fill({ dy: above, dState, dx: below });
    for (let l = layers - 1; l >= 0; l--) {
      for (let d = 0; d < D; d++) {
        const p = l * D + d;
        const direction = buffers.directions[p] as DirectionBuffers;
        const fromEnd = readsFromEnd(shape, d);
        const n = direction.weights.nx;
        const index = fromEnd ? buffers.mirror : 0;
        const { h: dh, c: dc } = statePart(direction, dState, m, p);
        const at = backwardBuffers(plans[p] as ReturnType<typeof planBackward>, pointer + own, {
          dy: above,
          dh,
          dc,
          dx: below,
          previous: pointer + previous,
          addsToInput: d > 0,
        });
        if (!buffers.byChunks) {
          at.dy = pointer + part;
          kernels.gather_rows(N, nh, out, nh, above + d * nh * ITEM, index, at.dy);
        }
        if (fromEnd) {
          at.dx = pointer + mirrored;
          if (d > 0) kernels.gather_rows(N, n, n, n, below, index, at.dx);
        }
        backwardSteps(direction, batch, { first: 0, last: batch.T, throughTime: true }, at);
        if (fromEnd) kernels.gather_rows(N, n, n, n, at.dx, index, below);
        take(p, gradientsOf(direction.weights, at));
      }
      [above, below] = [below, above];
    }
    return collect({ dy: below, dState, dx: above });
  });
}
