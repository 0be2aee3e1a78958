import { gateElements, inputProducts } from "../cells/cell.js";
import type { Floats } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { type DirectionBuffers, runSteps, saveState } from "./direction.js";
import { type ForwardBuffers, planForward } from "./run.js";
import { outputOf, readsFromEnd, type Stack, type StateParts } from "./shape.js";
import type { Tape } from "./tape.js";

/** What goes into the lowest layer. */
export type Input =
  | {
      readonly feed: "rows";
      /** Writes the rows of steps `first` … `last` − 1, (rows, nx). */
      readonly rows: (target: Floats, first: number, last: number) => void;
    }
  | {
      readonly feed: "tokens";
      /** The token of every row. */
      readonly tokens: Int32Array;
      /** For each direction a table of input products, (tokens, blocks of the bias · na). */
      readonly tables: readonly number[];
    }
  | {
      readonly feed: "embedded";
      /** The token of every row. */
      readonly tokens: Int32Array;
      /** The tokens' rows, (tokens, nx). */
      readonly embedding: number;
    };

/** Takes what the highest layer gives for steps `first` … `last` − 1: (rows, D·nh) at `pointer`. */
export type Output = (first: number, last: number, pointer: number) => void;

/** Runs a batch through a stack: {@link stackChunks} without a pause. */
export function runStack(...call: Parameters<typeof stackChunks>): void {
  for (const _ of stackChunks(...call));
}

/**
 * Runs a batch through a stack, and pauses after each chunk of steps. Whatever it holds is given back when it is done, or
 * left.
 *
 * @param state where each pass begins, and where it leaves what each sequence has reached
 * @param tape keeps everything for a backward pass; else memory does not grow with T in a chain
 */
export function* stackChunks(
  engine: Engine,
  stack: Stack,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  tape?: Tape,
): Generator<void, void, void> {
  const { feed } = input;
  const bytes = tape === undefined ? planForward(stack, batch, feed, false, 0).bytes : 0;
  const block = engine.arena.allocate(bytes);
  try {
    const buffers = tape?.buffers ?? planForward(stack, batch, feed, false, block.pointer).buffers;
    if (tape === undefined) attachState(buffers, state);
    else copyState(buffers, state, batch.m);
    if (batch.rows === 0) return;
    if (input.feed !== "rows") writeTokens(engine, stack, batch, buffers, input.tokens);
    if (buffers.byChunks) yield* forwardByChunks(engine, batch, state, input, output, buffers);
    else yield* forwardLayerByLayer(engine, stack, batch, state, input, output, buffers);
  } finally {
    block.release();
  }
}

/** Nothing is kept: h0 and the memory are the state itself. */
function attachState({ directions }: ForwardBuffers, state: StateParts): void {
  directions.forEach((direction, p) => {
    direction.h0 = state.h[p] as number;
    direction.c0 = state.c[p] as number;
    direction.c = direction.c0;
  });
}

function copyState({ directions }: ForwardBuffers, state: StateParts, m: number): void {
  directions.forEach(({ weights, h0, c0 }, p) => {
    const { cell, dtype, na, nh } = weights;
    dtype.kernels.gather_rows(m, nh, nh, nh, state.h[p] as number, 0, h0);
    if (cell.hasCellState) dtype.kernels.gather_rows(m, na, na, na, state.c[p] as number, 0, c0);
  });
}

function writeTokens(
  engine: Engine,
  { shape }: Stack,
  batch: Batch,
  buffers: ForwardBuffers,
  tokens: Int32Array,
): void {
  shape.cells.forEach((_, d) => {
    const mirror = readsFromEnd(shape, d) ? batch.mirror() : undefined;
    const own = mirror?.map((row) => tokens[row] as number) ?? tokens;
    engine.arena.i32(buffers.tokens[d] as number, batch.rows).set(own);
  });
}

/** Fills z with the input products of some rows of the lowest layer, which start at row `base` of the batch. */
function feedLowest(
  direction: DirectionBuffers,
  input: Input,
  buffers: ForwardBuffers,
  d: number,
  base: number,
  rows: number,
): void {
  const { cell, dtype, nx, na } = direction.weights;
  if (input.feed === "rows") {
    feedRows(direction, rows, direction.x);
    return;
  }
  const tokens = (buffers.tokens[d] as number) + base * Int32Array.BYTES_PER_ELEMENT;
  if (input.feed === "tokens") {
    const n = cell.bias.length * na;
    const table = input.tables[d] as number;
    dtype.kernels.gather_rows(rows, n, n, gateElements(cell, na), table, tokens, direction.gates);
  } else {
    dtype.kernels.gather_rows(rows, nx, nx, nx, input.embedding, tokens, direction.x);
    feedRows(direction, rows, direction.x);
  }
}

function feedRows({ weights, gates }: DirectionBuffers, rows: number, x: number): void {
  const { cell, na } = weights;
  inputProducts(cell, weights, rows, x, gates, gateElements(cell, na));
}

function* forwardByChunks(
  engine: Engine,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  buffers: ForwardBuffers,
): Generator<void, void, void> {
  for (const { first, last, base, rows } of chunksOf(batch, buffers.rows)) {
    buffers.directions.forEach((direction, p) => {
      if (p > 0) feedRows(direction, rows, direction.x);
      else {
        if (input.feed === "rows") {
          const { dtype, nx } = direction.weights;
          input.rows(engine.arena.view(dtype.precision, direction.x, rows * nx), first, last);
        }
        feedLowest(direction, input, buffers, 0, base, rows);
      }
      runSteps(direction, batch, first, last);
      saveState(direction, batch, first, last, state.h[p] as number, state.c[p] as number);
    });
    output(first, last, (buffers.directions.at(-1) as DirectionBuffers).h);
    yield;
  }
}

function* forwardLayerByLayer(
  engine: Engine,
  { shape }: Stack,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  buffers: ForwardBuffers,
): Generator<void, void, void> {
  const { dtype, layers, nh } = shape;
  const { kernels, item } = dtype;
  const D = shape.cells.length;
  const out = outputOf(shape);
  engine.arena.i32(buffers.mirror, batch.rows).set(batch.mirror());
  if (input.feed === "rows") {
    const all = engine.arena.view(
      dtype.precision,
      buffers.inputs[0] as number,
      batch.rows * shape.nx,
    );
    input.rows(all, 0, batch.T);
  }
  for (let p = 0; p < layers * D; p++) {
    const [l, d] = [Math.floor(p / D), p % D];
    const direction = buffers.directions[p] as DirectionBuffers;
    const { cell, nx } = direction.weights;
    const fromEnd = readsFromEnd(shape, d);
    const { h } = direction;
    for (const { first, last, base, rows } of chunksOf(batch, buffers.rows)) {
      direction.h = h + base * nh * item;
      if (cell.gateBlocks === 0) direction.gates = direction.h;
      if (l === 0 && input.feed !== "rows") feedLowest(direction, input, buffers, d, base, rows);
      else if (fromEnd) {
        const index = buffers.mirror + base * Int32Array.BYTES_PER_ELEMENT;
        kernels.gather_rows(rows, nx, nx, nx, buffers.inputs[l] as number, index, direction.x);
        feedRows(direction, rows, direction.x);
      } else feedRows(direction, rows, direction.x + base * nx * item);
      runSteps(direction, batch, first, last);
      saveState(direction, batch, first, last, state.h[p] as number, state.c[p] as number);
      yield;
    }
    direction.h = h;
    if (cell.gateBlocks === 0) direction.gates = h;
    const target = (buffers.inputs[l + 1] as number) + d * nh * item;
    kernels.gather_rows(batch.rows, nh, nh, out, h, fromEnd ? buffers.mirror : 0, target);
  }
  for (const { first, last, base } of chunksOf(batch, buffers.rows)) {
    output(first, last, (buffers.inputs[layers] as number) + base * out * item);
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
