import { gateElements, inputProducts } from "../cells/cell.js";
import type { Floats } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { layOut, type Run } from "./run.js";
import { outputOf, readsFromEnd, type Stack, type StateParts } from "./stack.js";
import type { Tape } from "./tape.js";
import { runSteps, saveState, type Track } from "./track.js";

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
  const bytes = tape === undefined ? layOut(stack, batch, feed, false, 0).bytes : 0;
  const block = engine.arena.allocate(bytes);
  try {
    const run = tape?.run ?? layOut(stack, batch, feed, false, block.pointer).run;
    if (tape === undefined) attachState(run, state);
    else copyState(run, state, batch.m);
    if (batch.rows === 0) return;
    if (input.feed !== "rows") writeTokens(engine, stack, batch, run, input.tokens);
    if (run.chain) yield* runChain(engine, batch, state, input, output, run);
    else yield* runInTurn(engine, stack, batch, state, input, output, run);
  } finally {
    block.release();
  }
}

/** Nothing is kept: h0 and the memory are the state itself. */
function attachState({ tracks }: Run, state: StateParts): void {
  tracks.forEach((track, p) => {
    track.h0 = state.h[p] as number;
    track.c0 = state.c[p] as number;
    track.c = track.c0;
  });
}

function copyState({ tracks }: Run, state: StateParts, m: number): void {
  tracks.forEach(({ weights, h0, c0 }, p) => {
    const { cell, dtype, na, nh } = weights;
    dtype.kernels.gather_rows(m, nh, nh, nh, state.h[p] as number, 0, h0);
    if (cell.hasCellState) dtype.kernels.gather_rows(m, na, na, na, state.c[p] as number, 0, c0);
  });
}

function writeTokens(
  engine: Engine,
  { shape }: Stack,
  batch: Batch,
  run: Run,
  tokens: Int32Array,
): void {
  shape.cells.forEach((_, d) => {
    const mirror = readsFromEnd(shape, d) ? batch.mirror() : undefined;
    const own = mirror?.map((row) => tokens[row] as number) ?? tokens;
    engine.arena.i32(run.tokens[d] as number, batch.rows).set(own);
  });
}

/** Fills z with the input products of some rows of the lowest layer, which start at row `base` of the batch. */
function feedLowest(
  track: Track,
  input: Input,
  run: Run,
  d: number,
  base: number,
  rows: number,
): void {
  const { cell, dtype, nx, na } = track.weights;
  if (input.feed === "rows") {
    feedRows(track, rows, track.x);
    return;
  }
  const tokens = (run.tokens[d] as number) + base * Int32Array.BYTES_PER_ELEMENT;
  if (input.feed === "tokens") {
    const n = cell.bias.length * na;
    const table = input.tables[d] as number;
    dtype.kernels.gather_rows(rows, n, n, gateElements(cell, na), table, tokens, track.gates);
  } else {
    dtype.kernels.gather_rows(rows, nx, nx, nx, input.embedding, tokens, track.x);
    feedRows(track, rows, track.x);
  }
}

function feedRows({ weights, gates }: Track, rows: number, x: number): void {
  const { cell, na } = weights;
  inputProducts(cell, weights, rows, x, gates, gateElements(cell, na));
}

function* runChain(
  engine: Engine,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  run: Run,
): Generator<void, void, void> {
  for (const { first, last, base, rows } of chunksOf(batch, run.rows)) {
    run.tracks.forEach((track, p) => {
      if (p > 0) feedRows(track, rows, track.x);
      else {
        if (input.feed === "rows") {
          const { dtype, nx } = track.weights;
          input.rows(engine.arena.view(dtype.precision, track.x, rows * nx), first, last);
        }
        feedLowest(track, input, run, 0, base, rows);
      }
      runSteps(track, batch, first, last);
      saveState(track, batch, first, last, state.h[p] as number, state.c[p] as number);
    });
    output(first, last, (run.tracks.at(-1) as Track).h);
    yield;
  }
}

function* runInTurn(
  engine: Engine,
  { shape }: Stack,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  run: Run,
): Generator<void, void, void> {
  const { dtype, layers, nh } = shape;
  const { kernels, item } = dtype;
  const D = shape.cells.length;
  const out = outputOf(shape);
  engine.arena.i32(run.mirror, batch.rows).set(batch.mirror());
  if (input.feed === "rows") {
    const all = engine.arena.view(dtype.precision, run.inputs[0] as number, batch.rows * shape.nx);
    input.rows(all, 0, batch.T);
  }
  for (let p = 0; p < layers * D; p++) {
    const [l, d] = [Math.floor(p / D), p % D];
    const track = run.tracks[p] as Track;
    const { cell, nx } = track.weights;
    const fromEnd = readsFromEnd(shape, d);
    const { h } = track;
    for (const { first, last, base, rows } of chunksOf(batch, run.rows)) {
      track.h = h + base * nh * item;
      if (cell.gateBlocks === 0) track.gates = track.h;
      if (l === 0 && input.feed !== "rows") feedLowest(track, input, run, d, base, rows);
      else if (fromEnd) {
        const index = run.mirror + base * Int32Array.BYTES_PER_ELEMENT;
        kernels.gather_rows(rows, nx, nx, nx, run.inputs[l] as number, index, track.x);
        feedRows(track, rows, track.x);
      } else feedRows(track, rows, track.x + base * nx * item);
      runSteps(track, batch, first, last);
      saveState(track, batch, first, last, state.h[p] as number, state.c[p] as number);
      yield;
    }
    track.h = h;
    if (cell.gateBlocks === 0) track.gates = h;
    const target = (run.inputs[l + 1] as number) + d * nh * item;
    kernels.gather_rows(batch.rows, nh, nh, out, h, fromEnd ? run.mirror : 0, target);
  }
  for (const { first, last, base } of chunksOf(batch, run.rows)) {
    output(first, last, (run.inputs[layers] as number) + base * out * item);
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
