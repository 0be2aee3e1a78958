import { inputProducts, rowElements } from "../cells/cell.js";
import type { Floats } from "../wasm/abi.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { layOut, type Run } from "./run.js";
import { outputOf, readsFromEnd, type Stack, type StateParts } from "./stack.js";
import type { Tape } from "./tape.js";
import { runSteps, saveState, type Track } from "./track.js";

/** What goes into the lowest layer. */
export type Input =
  | {
      /** Writes the rows of steps `first` … `last` − 1, (rows, nx). */
      readonly rows: (target: Floats, first: number, last: number) => void;
    }
  | {
      /** The token of every row. */
      readonly tokens: Int32Array;
      /** For each direction a table of input products, (tokens, blocks of the bias · na). */
      readonly tables: readonly number[];
    };

/** Takes what the highest layer gives for steps `first` … `last` − 1: (rows, D·nh) at `pointer`. */
export type Output = (first: number, last: number, pointer: number) => void;

/**
 * Runs a batch through a stack.
 *
 * @param state where each pass begins, and where it leaves what each sequence has reached
 * @param tape keeps everything for a backward pass; else memory does not grow with T in a chain
 */
export function runStack(
  engine: Engine,
  stack: Stack,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  tape?: Tape,
): void {
  const run = (run: Run): void => {
    if (batch.rows === 0) return;
    if (tape === undefined) attachState(run, state);
    else copyState(run, state, batch.m);
    if ("tokens" in input) writeTokens(engine, stack, batch, run, input.tokens);
    if (run.chain) runChain(engine, batch, state, input, output, run);
    else runInTurn(engine, stack, batch, state, input, output, run);
  };
  if (tape !== undefined) return run(tape.run);
  const feed = "tokens" in input ? "tokens" : "rows";
  const { bytes } = layOut(stack, batch, feed, false, 0);
  withScratch(engine.arena, bytes, ({ pointer }) => {
    run(layOut(stack, batch, feed, false, pointer).run);
  });
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
    const { cell, width, na, nh } = weights;
    width.kernels.gather_rows(m, nh, nh, nh, state.h[p] as number, 0, h0);
    if (cell.hasMemory) width.kernels.gather_rows(m, na, na, na, state.c[p] as number, 0, c0);
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

/** Tokens: copies their rows of the table of input products to z. */
function feedTokens(
  { weights, z }: Track,
  input: Extract<Input, { tables: unknown }>,
  run: Run,
  d: number,
  base: number,
  rows: number,
): void {
  const { cell, width, na } = weights;
  const n = cell.bias.length * na;
  const tokens = (run.tokens[d] as number) + base * Int32Array.BYTES_PER_ELEMENT;
  const table = input.tables[d] as number;
  width.kernels.gather_rows(rows, n, n, rowElements(cell, na), table, tokens, z);
}

function feedRows({ weights, z }: Track, rows: number, x: number): void {
  const { cell, na } = weights;
  inputProducts(cell, weights, rows, x, z, rowElements(cell, na));
}

function runChain(
  engine: Engine,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  run: Run,
): void {
  forEachChunk(batch, run.rows, (first, last, base, rows) => {
    run.tracks.forEach((track, p) => {
      if (p > 0) feedRows(track, rows, track.x);
      else if ("tokens" in input) feedTokens(track, input, run, 0, base, rows);
      else {
        const { width, nx } = track.weights;
        input.rows(engine.arena.view(width.precision, track.x, rows * nx), first, last);
        feedRows(track, rows, track.x);
      }
      runSteps(track, batch, first, last);
      saveState(track, batch, first, last, state.h[p] as number, state.c[p] as number);
    });
    output(first, last, (run.tracks.at(-1) as Track).h);
  });
}

function runInTurn(
  engine: Engine,
  { shape }: Stack,
  batch: Batch,
  state: StateParts,
  input: Input,
  output: Output,
  run: Run,
): void {
  const { width, layers, nh } = shape;
  const D = shape.cells.length;
  const out = outputOf(shape);
  engine.arena.i32(run.mirror, batch.rows).set(batch.mirror());
  if (!("tokens" in input)) {
    const all = engine.arena.view(width.precision, run.inputs[0] as number, batch.rows * shape.nx);
    input.rows(all, 0, batch.T);
  }
  for (let p = 0; p < layers * D; p++) {
    const [l, d] = [Math.floor(p / D), p % D];
    const track = run.tracks[p] as Track;
    const { cell, nx } = track.weights;
    const fromEnd = readsFromEnd(shape, d);
    const { h } = track;
    forEachChunk(batch, run.rows, (first, last, base, rows) => {
      track.h = h + base * nh * width.item;
      if (cell.row === 0) track.z = track.h;
      if (l === 0 && "tokens" in input) feedTokens(track, input, run, d, base, rows);
      else if (fromEnd) {
        const index = run.mirror + base * Int32Array.BYTES_PER_ELEMENT;
        width.kernels.gather_rows(rows, nx, nx, nx, run.inputs[l] as number, index, track.x);
        feedRows(track, rows, track.x);
      } else feedRows(track, rows, track.x + base * nx * width.item);
      runSteps(track, batch, first, last);
      saveState(track, batch, first, last, state.h[p] as number, state.c[p] as number);
    });
    const target = (run.inputs[l + 1] as number) + d * nh * width.item;
    width.kernels.gather_rows(batch.rows, nh, nh, out, h, fromEnd ? run.mirror : 0, target);
  }
  forEachChunk(batch, run.rows, (first, last, base) => {
    output(first, last, (run.inputs[layers] as number) + base * out * width.item);
  });
}

/** Goes through a batch, as many whole steps at a time as have at most `most` rows. */
function forEachChunk(
  batch: Batch,
  most: number,
  visit: (first: number, last: number, base: number, rows: number) => void,
): void {
  for (let first = 0; first < batch.T; ) {
    const last = batch.lastStep(first, most);
    const base = batch.start(first);
    visit(first, last, base, batch.start(last) - base);
    first = last;
  }
}
