import type { Batch } from "../sequence/batch.js";
import { Layout } from "../sequence/layout.js";
import type { StackShape } from "../sequence/shape.js";
import type { Network, NetworkInput } from "./network.js";
import { States } from "./states.js";

/** Sequences that run side by side at most: enough rows for the products to be at their best, few enough to stay in the caches. */
const MOST_ROWS = 64;
/** The rows of a tile of the products. */
const TILE = 4;
/** Products of numbers in one step of all of them: a few milliseconds, so that the event loop has its turn. */
const STEP_PRODUCTS = 16 * 1024 * 1024;
/** Bytes of outputs that exist at a time. */
const OUTPUT_BYTES = 256 * 1024;
const WIDE = Float64Array.BYTES_PER_ELEMENT;

/** Where sequences begin: the state of one, shared by all, as it stands in linear memory: h and c of each stack. */
export type Beginning = readonly { readonly h: number; readonly c: number }[];

/** What a network gives, some rows at a time. */
export interface GroupOutput {
  /** Of every step, in which case a row is one of the batch; or of each sequence's end, in which case it is its place. */
  readonly of: "steps" | "last";
  /** Takes what the linear layers give for some rows, before a softmax: (rows, ny), f64. */
  readonly take: (row: number, rows: number, pointer: number) => void;
}

/** Sequences that run side by side: whole tiles, fewer where the network is large. */
export function groupRows({ groups }: Network): number {
  let products = 1;
  for (const { stack } of groups) {
    for (const { cell, nx, nh, na } of stack.layerDirections) {
      products += cell.input.length * na * (nx + nh);
    }
  }
  const rows = Math.floor(STEP_PRODUCTS / products);
  return Math.min(Math.max(rows - (rows % TILE), TILE), MOST_ROWS);
}

/**
 * Places of work in order of falling length, as many as run side by side at a time: what is of like length goes together,
 * so that few rows end early.
 */
export function* groupsOf(lengths: readonly number[], rows: number): Generator<number[]> {
  const order = lengths.map((_, i) => i);
  order.sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  for (let from = 0; from < order.length; from += rows) {
    yield order.slice(from, from + rows);
  }
}

/** Runs a batch through all of a network, and pauses after each chunk, and each piece of its outputs. Outputs are handed on as they come, never kept. */
export function* runGroup(
  network: Network,
  batch: Batch,
  input: NetworkInput,
  output: GroupOutput,
  beginning?: Beginning,
): Generator<void, void, void> {
  const { engine, dtype, dense, hiddenSize } = network;
  const { m } = batch;
  const { item } = dtype;
  const layout = new Layout(dtype);
  const states = new States(layout, shapesOf(network), m);
  const stateBytes = layout.bytes;
  const { outputSize, widest } = dense;
  const piece = Math.max(Math.floor(OUTPUT_BYTES / (Math.max(widest, outputSize) * WIDE)), TILE);
  const ends = layout.take(output.of === "last" ? m * 2 * hiddenSize : 0);
  const turnsAt = [layout.take(piece * widest), layout.take(piece * widest)] as const;
  const wideAt = layout.take(dtype.precision === "f64" ? 0 : piece * outputSize, WIDE);
  const block = engine.arena.allocate(layout.bytes);
  try {
    const { pointer } = block;
    states.pointer = pointer;
    engine.arena.view(dtype.precision, pointer, stateBytes / item).fill(0);
    if (beginning !== undefined) broadcast(network, states, beginning, m);
    const turns = turnsAt.map((at) => pointer + at) as [number, number];
    function* apply(first: number, rows: number, h: number): Generator<void, void, void> {
      for (let r = 0; r < rows; r += piece) {
        const some = Math.min(rows - r, piece);
        let result = dense.apply(some, h + r * hiddenSize * item, turns);
        if (dtype.precision === "f32") {
          engine.kernels.promote(some * outputSize, result, pointer + wideAt);
          result = pointer + wideAt;
        }
        output.take(first + r, some, result);
        yield;
      }
    }
    // What a chunk leaves stands where it is until the run goes on.
    let due: Generator<void, void, void> | undefined;
    const steps = (first: number, last: number, h: number): void => {
      const row = batch.start(first);
      due = apply(row, batch.start(last) - row, h);
    };
    const take = output.of === "steps" ? steps : () => undefined;
    for (const _ of network.run(batch, states, input, take)) {
      if (due === undefined) yield;
      else yield* due;
      due = undefined;
    }
    if (output.of === "last") {
      network.ends(states, m, pointer + ends);
      yield* apply(0, m, pointer + ends);
    }
  } finally {
    block.release();
  }
}

const shapesOf = ({ groups }: Network): StackShape[] => groups.map(({ stack }) => stack.shape);

/** Sets the state of every sequence to the beginning. */
function broadcast(network: Network, states: States, from: Beginning, m: number): void {
  const { gather_rows } = network.dtype.kernels;
  const { item } = network.dtype;
  shapesOf(network).forEach(({ cells, layers, na, nh }, g) => {
    const { h, c } = states.at(g);
    const source = from[g] as Beginning[number];
    for (let p = 0; p < layers * cells.length; p++) {
      const part = p * item;
      gather_rows(m, nh, 0, nh, source.h + part * nh, 0, h + part * m * nh);
      if (!cells[0]?.hasCellState) continue;
      gather_rows(m, na, 0, na, source.c + part * na, 0, c + part * m * na);
    }
  });
}
