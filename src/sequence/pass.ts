import { backwardOf } from "../cells/backward.js";
import { type Floats, ITEM } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { withScratch } from "../wasm/engine.js";
import { type BackwardBuffers, BackwardPlan } from "./backward_plan.js";
import type { Batch } from "./batch.js";
import {
  backwardSteps,
  forwardSteps,
  type GradientBlock,
  gradientBlock,
  type Span,
  type StepRange,
  saveState,
} from "./direction.js";
import { type DirectionBuffers, type ForwardBuffers, moveTo } from "./forward_plan.js";
import { feedRows, feedTokens, type Input, writeTokens } from "./input.js";
import { outputOf, readsFromEnd } from "./shape.js";
import type { Stack } from "./stack.js";
import type { StackState } from "./state.js";
import { transpose } from "./transposed.js";

/** A forward pass through a stack. */
export interface ForwardCall {
  readonly batch: Batch;
  /** The state from which each sequence starts, in the batch's order; the pass replaces it by its last state. */
  readonly state: StackState;
  readonly input: Input;
  /** Keeps everything for a backward pass. Without it, memory does not grow with T if the pass goes by chunks. */
  readonly tape?: StackTape | undefined;
}

/** The record of a forward pass, for the backward pass. */
export interface StackTape {
  readonly stack: Stack;
  readonly batch: Batch;
  readonly buffers: ForwardBuffers;
}

/** A forward pass in progress. `next` runs one chunk of steps and returns false after the last; `end` frees the buffers. */
export class ForwardPass {
  /** The steps whose output the last chunk wrote at `pointer`, (rows, D·nh); 0 if the chunk had no output. */
  first = 0;
  last = 0;
  pointer = 0;
  readonly buffers: ForwardBuffers;
  readonly #stack: Stack;
  readonly #call: ForwardCall;
  readonly #isOwn: boolean;
  #block: Block | undefined;
  /** Layer by layer: the current layer direction, and its next step. */
  #p = 0;
  #step = 0;
  #isDone = false;

  /** @param options `isPausing`: whether others may allocate memory before the pass ends. Default true. */
  constructor(stack: Stack, call: ForwardCall, { isPausing = true } = {}) {
    const { batch, state, input, tape } = call;
    this.#stack = stack;
    this.#call = call;
    this.#isOwn = tape === undefined;
    if (tape === undefined) {
      const { arena } = stack.engine;
      this.buffers = stack.plan(batch, input.feed, false);
      const { bytes } = this.buffers;
      if (isPausing) this.#block = arena.allocate(bytes);
      moveTo(this.#block?.pointer ?? arena.lend(bytes), this.buffers);
      attachState(this.buffers, state, batch.m);
    } else {
      this.buffers = tape.buffers;
      copyState(this.buffers, state, batch.m);
    }
    this.#isDone = batch.rows === 0;
  }

  /** Runs the next chunk. Returns false if there is none. */
  next(): boolean {
    if (this.#isDone) return false;
    if (this.buffers.byChunks) this.#nextChunk();
    else if (this.#p < this.buffers.directions.length) this.#nextOfLayer();
    else this.#nextOutput();
    return true;
  }

  end(): void {
    this.#block?.release();
    // A pass that was abandoned may have moved its buffers.
    if (this.#isDone && this.#isOwn) this.#stack.giveBack(this.buffers);
  }

  /** Runs a chunk through all layers. */
  #nextChunk(): void {
    const { batch, state, input } = this.#call;
    const { buffers } = this;
    const { directions } = buffers;
    const chunk = chunkFrom(batch, this.last, buffers.rows);
    const { base, rows } = chunk;
    if (input.feed !== "rows" && base === 0) writeTokens(this.#stack, batch, buffers, input.tokens);
    for (let p = 0; p < directions.length; p++) {
      const direction = directions[p] as DirectionBuffers;
      if (p === 0 && input.feed !== "rows") {
        const tokens = (buffers.tokens[0] as number) + base * Int32Array.BYTES_PER_ELEMENT;
        feedTokens(direction, input, { d: 0, tokens, rows });
      } else {
        if (p === 0) this.#writeRows(direction.x, chunk);
        feedRows(direction, rows, direction.x);
      }
      forwardSteps(direction, batch, chunk);
      saveState(direction, batch, chunk, statePart(direction, state, batch.m, p));
    }
    this.#give(chunk, (directions[directions.length - 1] as DirectionBuffers).h);
  }

  /** Runs a chunk through one layer direction. */
  #nextOfLayer(): void {
    const { engine, shape } = this.#stack;
    const { batch, state, input } = this.#call;
    const { buffers } = this;
    const { inputs, mirror } = buffers;
    const { kernels, item } = shape.dtype;
    const D = shape.cells.length;
    const p = this.#p;
    const [l, d] = [Math.floor(p / D), p % D];
    if (p === 0 && this.#step === 0) {
      engine.arena.i32(mirror, batch.rows).set(batch.mirror());
      if (input.feed !== "rows") writeTokens(this.#stack, batch, buffers, input.tokens);
      else this.#writeRows(inputs[0] as number, { first: 0, last: batch.T, rows: batch.rows });
    }
    const direction = buffers.directions[p] as DirectionBuffers;
    const { cell, nx, nh } = direction.weights;
    const isFromEnd = readsFromEnd(shape, d);
    const chunk = chunkFrom(batch, this.#step, buffers.rows);
    const { base, rows } = chunk;
    const offset = base * Int32Array.BYTES_PER_ELEMENT;
    const { h } = direction;
    direction.h = h + base * nh * item;
    if (cell.gateBlocks === 0) direction.gates = direction.h;
    if (l === 0 && input.feed !== "rows") {
      feedTokens(direction, input, { d, tokens: (buffers.tokens[d] as number) + offset, rows });
    } else if (isFromEnd) {
      kernels.gather_rows(rows, nx, nx, nx, inputs[l] as number, mirror + offset, direction.x);
      feedRows(direction, rows, direction.x);
    } else feedRows(direction, rows, direction.x + base * nx * item);
    forwardSteps(direction, batch, chunk);
    saveState(direction, batch, chunk, statePart(direction, state, batch.m, p));
    direction.h = h;
    if (cell.gateBlocks === 0) direction.gates = h;
    this.#step = chunk.last;
    if (chunk.last < batch.T) return;
    const target = (inputs[l + 1] as number) + d * nh * item;
    kernels.gather_rows(batch.rows, nh, nh, D * nh, h, isFromEnd ? mirror : 0, target);
    this.#p++;
    this.#step = 0;
  }

  /** Offers a chunk of the highest layer's output. */
  #nextOutput(): void {
    const { shape } = this.#stack;
    const chunk = chunkFrom(this.#call.batch, this.last, this.buffers.rows);
    const row = outputOf(shape) * shape.dtype.item;
    this.#give(chunk, (this.buffers.inputs[shape.layers] as number) + chunk.base * row);
  }

  #give({ first, last }: Chunk, pointer: number): void {
    this.first = first;
    this.last = last;
    this.pointer = pointer;
    this.#isDone = last === this.#call.batch.T;
  }

  #writeRows(pointer: number, { first, last, rows }: Omit<Chunk, "base">): void {
    const { engine, shape } = this.#stack;
    const { input } = this.#call;
    if (input.feed !== "rows") return;
    const { views } = this.buffers;
    input.rows(
      views.input.at(engine.arena, shape.dtype.precision, pointer, rows * shape.nx),
      first,
      last,
    );
  }
}

/** Receives the output of the highest layer for steps `first` … `last` − 1, (rows, D·nh), in a view to be copied at once. */
export type Output = (rows: Floats, first: number, last: number) => void;

/** Runs a batch through a stack. */
export function forwardStack(stack: Stack, call: ForwardCall, output: Output): void {
  const pass = new ForwardPass(stack, call, { isPausing: false });
  try {
    const { engine, shape } = stack;
    const { batch } = call;
    while (pass.next()) {
      const { first, last, pointer, buffers } = pass;
      if (pointer === 0) continue;
      const length = (batch.start(last) - batch.start(first)) * outputOf(shape);
      const { precision } = shape.dtype;
      output(buffers.views.output.at(engine.arena, precision, pointer, length), first, last);
    }
  } finally {
    pass.end();
  }
}

/** Whole steps: `rows` rows from row `base` on. */
interface Chunk extends StepRange {
  readonly base: number;
  readonly rows: number;
}

/** The chunk that starts at step `first` and has at most `most` rows, or a single step. */
function chunkFrom(batch: Batch, first: number, most: number): Chunk {
  const last = batch.lastStep(first, most);
  const base = batch.start(first);
  return { first, last, base, rows: batch.start(last) - base };
}

/** The state of layer direction p. */
function statePart({ weights }: DirectionBuffers, state: StackState, m: number, p: number) {
  const { dtype, na, nh } = weights;
  const part = p * m * dtype.item;
  return { h: state.h + part * nh, c: state.c + part * na };
}

/** For a pass that keeps nothing: it reads and writes the state in place. */
function attachState({ directions }: ForwardBuffers, state: StackState, m: number): void {
  for (let p = 0; p < directions.length; p++) {
    const direction = directions[p] as DirectionBuffers;
    const { h, c } = statePart(direction, state, m, p);
    direction.h0 = h;
    direction.c0 = c;
    direction.c = c;
  }
}

function copyState({ directions }: ForwardBuffers, state: StackState, m: number): void {
  for (let p = 0; p < directions.length; p++) {
    const direction = directions[p] as DirectionBuffers;
    const { cell, dtype, na, nh } = direction.weights;
    const { gather_rows } = dtype.kernels;
    const { h, c } = statePart(direction, state, m, p);
    gather_rows(m, nh, nh, nh, h, 0, direction.h0);
    if (cell.hasCellState) gather_rows(m, na, na, na, c, 0, direction.c0);
  }
}

/** The caller's side of a backward pass. */
export interface BackwardCall<R> {
  /** Writes dy, (N, D·nh), and dState, the gradient of the state at each sequence's end, unless it is zero. */
  readonly fill: (at: BackwardPlan) => void;
  /** Copies the weight gradients of layer direction p, whose buffers the next one reuses. */
  readonly take: (p: number, gradients: GradientBlock) => void;
  /** Copies dx, (N, nx), and dState, now the gradient of the initial state, before the buffers are freed. */
  readonly collect: (at: BackwardPlan) => R;
}

/** Back-propagation through a stack, over everything that a tape recorded. */
export function backwardStack<R>(
  { stack, batch, buffers }: StackTape,
  { fill, take, collect }: BackwardCall<R>,
): R {
  const { engine, shape } = stack;
  const { rows: N } = batch;
  const { layers, nh } = shape;
  const D = shape.cells.length;
  const out = outputOf(shape);
  const steps = shape.cells.map((cell) => ({
    first: 0,
    last: batch.T,
    throughTime: true,
    cellBackward: backwardOf(engine, shape.dtype, cell),
  }));
  buffers.backward ??= new BackwardPlan(stack, buffers, 0);
  return withScratch(engine.arena, buffers.backward.bytes, ({ pointer }) => {
    // Allocates last: if memory does not suffice, nothing is left behind. No view of memory exists yet.
    transpose(stack);
    const { arena } = engine;
    const { kernels } = shape.dtype;
    let plan = buffers.backward as BackwardPlan;
    if (plan.origin !== pointer) plan = new BackwardPlan(stack, buffers, pointer);
    buffers.backward = plan;
    plan.views.dState.at(arena, "f64", pointer, plan.stateBytes / ITEM).fill(0);
    if (batch.ragged) arena.i32(plan.previous, N).set(batch.previous());
    fill(plan);
    let [above, below] = plan.turns;
    for (let l = layers - 1; l >= 0; l--) {
      for (let d = 0; d < D; d++) {
        const p = l * D + d;
        const direction = buffers.directions[p] as DirectionBuffers;
        const at = plan.directions[p] as BackwardBuffers;
        const n = direction.weights.nx;
        const isFromEnd = readsFromEnd(shape, d);
        const index = isFromEnd ? buffers.mirror : 0;
        if (!buffers.byChunks) {
          kernels.gather_rows(N, nh, out, nh, above + d * nh * ITEM, index, at.dy);
        }
        if (isFromEnd && d > 0) kernels.gather_rows(N, n, n, n, below, index, at.dx);
        backwardSteps(direction, batch, steps[d] as Span, at);
        if (isFromEnd) kernels.gather_rows(N, n, n, n, at.dx, index, below);
        take(p, gradientBlock(direction.weights, at));
      }
      [above, below] = [below, above];
    }
    return collect(plan);
  });
}
