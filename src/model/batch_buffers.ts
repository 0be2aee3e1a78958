import type { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { Layout } from "../sequence/layout.js";
import { hasCellState, layerDirectionCount } from "../sequence/shape.js";
import { forwardInChunks, type Output } from "../sequence/stack.js";
import type { StackState } from "../sequence/state.js";
import { type Floats, ITEM } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { type DenseScratch, denseScratchAt, type Network, type NetworkStack } from "./network.js";

/** Rows of a tile of the products. */
const TILE = 4;
/** Bytes of outputs that exist at a time. */
const OUTPUT_BYTES = 256 * 1024;

/** Where all sequences begin: the state of one, stack by stack. */
export type InitialState = readonly StackState[];

/** Some rows of a network's outputs, each of one step of one sequence, or of its end. */
export interface OutputRows {
  readonly rows: number;
  /** (rows, ny), f64, before a softmax. */
  readonly pointer: number;
  /** The sequence of each row, by its place in the batch, and the step. */
  readonly sequences: Int32Array;
  readonly steps: Int32Array;
  /** Linear memory that the taker may use, (rows, 2), f64. */
  readonly scratch: number;
}

/** Finds the sequence and the step of the rows of a batch, which are asked for in ascending order. */
export class RowWalk {
  readonly #batch: Batch;
  #step = 0;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  each(first: number, rows: number, visit: (row: number, sequence: number, step: number) => void) {
    const { order } = this.#batch;
    for (let row = first; row < first + rows; row++) {
      while (row >= this.#batch.start(this.#step + 1)) this.#step++;
      const place = row - this.#batch.start(this.#step);
      visit(row, order?.[place] ?? place, this.#step);
    }
  }
}

/** Rows of the highest stack's output. */
interface Piece {
  readonly row: number;
  readonly rows: number;
  readonly pointer: number;
}

/** The linear memory of a batch on its way through a network. */
export class BatchBuffers {
  readonly #network: Network;
  readonly #output: "steps" | "last";
  readonly #batch: Batch;
  readonly #walk: RowWalk;
  readonly #block: Block;
  readonly #states: readonly StackState[];
  readonly #dense: DenseScratch;
  readonly #ends: number;
  readonly #scratch: number;
  /** Rows of a piece. */
  readonly #most: number;
  /** The output of the stack below the one that runs, and of that one. */
  #below: Block | undefined;
  #above: Block | undefined;
  /** The rows that the last chunk has left. */
  #chunk: Piece | undefined;

  /** @param initial zeros unless given */
  constructor(
    network: Network,
    output: "steps" | "last",
    batch: Batch,
    initial: InitialState | undefined,
  ) {
    const { engine, dtype, dense, hiddenSize } = network;
    this.#network = network;
    this.#output = output;
    this.#batch = batch;
    this.#walk = new RowWalk(batch);
    this.#most = Math.max(Math.floor(OUTPUT_BYTES / (dense.mostOutputs * ITEM)), TILE);
    const layout = new Layout(dtype);
    const offsets = network.takeStates(layout, batch.m);
    const stateBytes = layout.bytes;
    const ends = layout.take(output === "last" ? batch.m * 2 * hiddenSize : 0);
    const scratch = layout.take(2 * this.#most, ITEM);
    const outputs = dense.takeScratch(layout, this.#most);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#states = offsets.map(({ h, c }) => ({ h: pointer + h, c: pointer + c }));
    this.#ends = pointer + ends;
    this.#scratch = pointer + scratch;
    this.#dense = denseScratchAt(pointer, outputs);
    engine.arena.view(dtype.precision, pointer, stateBytes / dtype.item).fill(0);
    initial?.forEach((from, s) => {
      this.#copyState(from, s);
    });
  }

  release(): void {
    this.#below?.release();
    this.#above?.release();
    this.#block.release();
  }

  /** Runs stack s chunk by chunk, the lowest first. `input` is that of the lowest. */
  forward(s: number, input: Input): Generator<void, void, void> {
    const { engine, dtype, stacks } = this.#network;
    const { gather_rows } = dtype.kernels;
    const batch = this.#batch;
    const each = stacks[s] as NetworkStack;
    const n = each.outputSize;
    this.#below?.release();
    this.#below = this.#above;
    const above =
      s + 1 < stacks.length ? engine.arena.allocate(batch.rows * n * dtype.item) : undefined;
    this.#above = above;
    const output: Output = (first, last, pointer) => {
      const row = batch.start(first);
      const rows = batch.start(last) - row;
      this.#network.mergeDirections(each, rows, pointer);
      if (above === undefined) this.#chunk = { row, rows, pointer };
      else gather_rows(rows, n, n, n, pointer, 0, above.pointer + row * n * dtype.item);
    };
    const from = this.#below === undefined ? input : this.#rowsOf(this.#below, each.stack.shape.nx);
    const state = this.#states[s] as StackState;
    return forwardInChunks(each.stack, { batch, state, input: from, output });
  }

  /** The outputs of the last chunk; none if it is not of the highest stack, or only the ends are asked for. */
  pieces(): Piece[] {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    return chunk === undefined || this.#output === "last" ? [] : this.#split(chunk);
  }

  /** The outputs of the sequences' ends, if they are asked for. */
  ends(): Piece[] {
    if (this.#output === "steps") return [];
    const { dtype, stacks } = this.#network;
    const { m } = this.#batch;
    const top = stacks.at(-1) as NetworkStack;
    const { cells, layers, nh } = top.stack.shape;
    const D = cells.length;
    const { h } = this.#states.at(-1) as StackState;
    for (let d = 0; d < D; d++) {
      const source = h + ((layers - 1) * D + d) * m * nh * dtype.item;
      const target = this.#ends + d * nh * dtype.item;
      dtype.kernels.gather_rows(m, nh, nh, D * nh, source, 0, target);
    }
    this.#network.mergeDirections(top, m, this.#ends);
    return this.#split({ row: 0, rows: m, pointer: this.#ends });
  }

  /** Runs the linear layers over a piece. */
  outputs({ row: first, rows, pointer }: Piece): OutputRows {
    const { order } = this.#batch;
    const sequences = new Int32Array(rows);
    const steps = new Int32Array(rows);
    if (this.#output === "last") {
      for (let r = 0; r < rows; r++) sequences[r] = order?.[first + r] ?? first + r;
    } else {
      this.#walk.each(first, rows, (row, sequence, step) => {
        sequences[row - first] = sequence;
        steps[row - first] = step;
      });
    }
    const outputs = this.#network.dense.apply(rows, pointer, this.#dense);
    return { rows, pointer: outputs, sequences, steps, scratch: this.#scratch };
  }

  #split({ row, rows, pointer }: Piece): Piece[] {
    const { hiddenSize, dtype } = this.#network;
    const most = this.#most;
    return Array.from({ length: Math.ceil(rows / most) }, (_, k) => ({
      row: row + k * most,
      rows: Math.min(rows - k * most, most),
      pointer: pointer + k * most * hiddenSize * dtype.item,
    }));
  }

  /** The output of a stack as input of the next. */
  #rowsOf({ pointer }: Block, n: number): Input {
    const batch = this.#batch;
    const { engine, dtype } = this.#network;
    const rows = (target: Floats, first: number, last: number): void => {
      const row = batch.start(first);
      const length = (batch.start(last) - row) * n;
      target.set(engine.arena.view(dtype.precision, pointer + row * n * dtype.item, length));
    };
    return { feed: "rows", rows };
  }

  /** Starts every sequence from the state of one. */
  #copyState(from: StackState, s: number): void {
    const { dtype, stacks } = this.#network;
    const { gather_rows } = dtype.kernels;
    const { shape } = (stacks[s] as NetworkStack).stack;
    const { na, nh } = shape;
    const { m } = this.#batch;
    const to = this.#states[s] as StackState;
    for (let p = 0; p < layerDirectionCount(shape); p++) {
      const part = p * dtype.item;
      gather_rows(m, nh, 0, nh, from.h + part * nh, 0, to.h + part * m * nh);
      if (!hasCellState(shape)) continue;
      gather_rows(m, na, 0, na, from.c + part * na, 0, to.c + part * m * na);
    }
  }
}
