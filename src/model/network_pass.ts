import type { OutputKind } from "../description/description.js";
import type { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { Layout } from "../sequence/layout.js";
import { ForwardPass } from "../sequence/pass.js";
import { hasCellState, layerDirectionCount, outputOf } from "../sequence/shape.js";
import type { StackState } from "../sequence/state.js";
import { type Floats, ITEM } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { type DenseScratch, denseScratchAt } from "./dense_layers.js";
import type { Network, NetworkStack } from "./network.js";
import { Pooling } from "./pooling.js";

/** Rows of a tile of the products. */
export const TILE = 4;
/** Bytes of outputs that exist at a time. */
const OUTPUT_BYTES = 256 * 1024;

/** Where all sequences begin: the state of one, stack by stack. */
export type InitialState = readonly StackState[];

/** Some rows of a network's outputs, each of one step of one sequence, or of a whole sequence. */
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

/** Rows of the highest stack's output. */
interface Piece {
  readonly row: number;
  readonly rows: number;
  readonly pointer: number;
}

/** Finds the sequence and the step of each row of a batch. Rows must come in ascending order. */
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

export interface NetworkCall {
  readonly batch: Batch;
  /** Of the lowest stack. */
  readonly input: Input;
  readonly output: OutputKind;
  /** Zeros unless given. */
  readonly initial: InitialState | undefined;
}

/** What pools the rows of the highest stack; undefined if there is an output of every step, or the states hold the last ones. */
function poolingOf({ stacks, hiddenSize }: Network, { output, batch: { m } }: NetworkCall) {
  const { stack, addNorm } = stacks.at(-1) as NetworkStack;
  if (output === "steps" || (output === "last" && addNorm === undefined)) return undefined;
  if (output !== "last") return new Pooling(output, m, hiddenSize);
  const { shape } = stack;
  return new Pooling(output, m, outputOf(shape), shape.reverse ? 0 : shape.nh);
}

/** A batch on its way through a network, and the linear memory that it takes until `end`. */
export class NetworkPass {
  readonly #network: Network;
  readonly #call: NetworkCall;
  readonly #walk: RowWalk;
  readonly #block: Block;
  readonly #states: readonly StackState[];
  readonly #dense: DenseScratch;
  /** For one output a sequence: the rows of which they are made, (m, hiddenSize). */
  readonly #ends: number;
  readonly #pooling: Pooling | undefined;
  readonly #scratch: number;
  /** Rows of a piece of outputs. */
  readonly #most: number;
  /** The stack whose turn it is, and its pass. */
  #s = 0;
  #pass: ForwardPass | undefined;
  /** The output of the stack below, and that of this one if another follows. */
  #below: Block | undefined;
  #above: Block | undefined;
  #isOver = false;

  constructor(network: Network, call: NetworkCall) {
    const { engine, dtype, dense, hiddenSize } = network;
    const { batch, output, initial } = call;
    this.#network = network;
    this.#call = call;
    this.#walk = new RowWalk(batch);
    this.#most = Math.max(Math.floor(OUTPUT_BYTES / (dense.mostOutputs * ITEM)), TILE);
    const layout = new Layout(dtype);
    const offsets = network.takeStates(layout, batch.m);
    const ends = layout.take(output === "steps" ? 0 : batch.m * 2 * hiddenSize);
    const zeroBytes = layout.bytes;
    const scratch = layout.take(2 * this.#most, ITEM);
    const outputs = dense.takeScratch(layout, this.#most);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#states = offsets.map(({ h, c }) => ({ h: pointer + h, c: pointer + c }));
    this.#ends = pointer + ends;
    this.#pooling = poolingOf(network, call);
    this.#scratch = pointer + scratch;
    this.#dense = denseScratchAt(pointer, outputs);
    engine.arena.view(dtype.precision, pointer, zeroBytes / dtype.item).fill(0);
    initial?.forEach((from, s) => {
      this.#copyState(from, s);
    });
  }

  end(): void {
    this.#pass?.end();
    this.#below?.release();
    this.#above?.release();
    this.#block.release();
  }

  /** Runs the next chunk. Returns the pieces that it leaves for `outputs`, maybe none; undefined if no chunk was left. */
  next(): Piece[] | undefined {
    const { batch, output } = this.#call;
    const { stacks } = this.#network;
    for (; this.#s < stacks.length; this.#s++) {
      const each = stacks[this.#s] as NetworkStack;
      this.#pass ??= this.#start(each);
      if (this.#pass.next()) {
        const { first, last, pointer } = this.#pass;
        if (pointer === 0) return [];
        const row = batch.start(first);
        return this.#take(each, { row, rows: batch.start(last) - row, pointer });
      }
      this.#pass.end();
      this.#pass = undefined;
    }
    if (output === "steps" || this.#isOver) return undefined;
    this.#isOver = true;
    return this.#split(this.#sequenceOutputs());
  }

  /** Runs the linear layers over a piece. */
  outputs({ row: first, rows, pointer }: Piece): OutputRows {
    const { batch, output } = this.#call;
    const sequences = new Int32Array(rows);
    const steps = new Int32Array(rows);
    if (output !== "steps") {
      for (let r = 0; r < rows; r++) sequences[r] = batch.order?.[first + r] ?? first + r;
    } else {
      this.#walk.each(first, rows, (row, sequence, step) => {
        sequences[row - first] = sequence;
        steps[row - first] = step;
      });
    }
    const outputs = this.#network.dense.apply(rows, pointer, this.#dense);
    return { rows, pointer: outputs, sequences, steps, scratch: this.#scratch };
  }

  /** Starts the pass of a stack. Its input is the output of the stack below. */
  #start({ stack, outputSize, addNorm }: NetworkStack): ForwardPass {
    const { engine, dtype, stacks } = this.#network;
    const { batch } = this.#call;
    const { nx } = stack.shape;
    if (this.#s === 0 && addNorm?.adds) {
      this.#above = engine.arena.allocate(batch.rows * nx * dtype.item);
      this.#writeInput(this.#above.pointer, nx);
    }
    this.#below?.release();
    this.#below = this.#above;
    this.#above = undefined;
    if (this.#s + 1 < stacks.length) {
      this.#above = engine.arena.allocate(batch.rows * outputSize * dtype.item);
    }
    const input = this.#below === undefined ? this.#call.input : this.#inputFrom(this.#below, nx);
    return new ForwardPass(stack, { batch, state: this.#states[this.#s] as StackState, input });
  }

  /** Writes the input of the lowest stack, (N, nx), which is added to its output. */
  #writeInput(pointer: number, nx: number): void {
    const { batch, input } = this.#call;
    const { engine, dtype } = this.#network;
    const { rows: N, T } = batch;
    const row = nx * dtype.item;
    if (input.feed === "rows") {
      input.rows(engine.arena.view(dtype.precision, pointer, N * nx), 0, T);
    } else if (input.feed === "embedded") {
      const { gather_rows } = dtype.kernels;
      input.tokens.forEach((token, r) => {
        gather_rows(1, nx, nx, nx, input.embedding + token * row, 0, pointer + r * row);
      });
    }
  }

  /** Copies the output of a stack for the next one. That of the highest is split into pieces, or pooled. */
  #take(each: NetworkStack, chunk: Piece): Piece[] {
    const { row, rows, pointer } = chunk;
    const { dtype } = this.#network;
    const n = each.outputSize;
    if (each.addNorm !== undefined) {
      const { nx } = each.stack.shape;
      const below = (this.#below?.pointer ?? 0) + row * nx * dtype.item;
      each.addNorm.apply(rows, below, pointer, pointer);
    }
    const above = this.#above;
    // Ends of directions are merged once they are known.
    if (above !== undefined || this.#call.output !== "last") {
      this.#network.mergeDirections(each, rows, pointer);
    }
    if (above === undefined) {
      this.#pool(chunk);
      return this.#call.output === "steps" ? this.#split(chunk) : [];
    }
    const target = above.pointer + row * n * dtype.item;
    dtype.kernels.gather_rows(rows, n, n, n, pointer, 0, target);
    return [];
  }

  #pool({ row: first, rows, pointer }: Piece): void {
    const pooling = this.#pooling;
    if (pooling === undefined) return;
    const { batch } = this.#call;
    const { engine, dtype } = this.#network;
    const values = engine.arena.view(dtype.precision, pointer, rows * pooling.width);
    this.#walk.each(first, rows, (row, _, step) => {
      pooling.add(row - batch.start(step), values, row - first);
    });
  }

  /** What is pooled, or the highest layer's h at the end of each sequence, its directions merged: (m, hiddenSize). */
  #sequenceOutputs(): Piece {
    const { engine, dtype, stacks } = this.#network;
    const { m } = this.#call.batch;
    const top = stacks.at(-1) as NetworkStack;
    const { cells, layers, nh } = top.stack.shape;
    const D = cells.length;
    const pooling = this.#pooling;
    if (pooling !== undefined) {
      pooling.finish(engine.arena.view(dtype.precision, this.#ends, m * pooling.width));
    } else {
      const { h } = this.#states.at(-1) as StackState;
      for (let d = 0; d < D; d++) {
        const source = h + ((layers - 1) * D + d) * m * nh * dtype.item;
        const target = this.#ends + d * nh * dtype.item;
        dtype.kernels.gather_rows(m, nh, nh, D * nh, source, 0, target);
      }
    }
    if (this.#call.output === "last") this.#network.mergeDirections(top, m, this.#ends);
    return { row: 0, rows: m, pointer: this.#ends };
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

  /** Rows of n numbers as the input of a stack. */
  #inputFrom({ pointer }: Block, n: number): Input {
    const { batch } = this.#call;
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
    const { m } = this.#call.batch;
    const to = this.#states[s] as StackState;
    for (let p = 0; p < layerDirectionCount(shape); p++) {
      const part = p * dtype.item;
      gather_rows(m, nh, 0, nh, from.h + part * nh, 0, to.h + part * m * nh);
      if (!hasCellState(shape)) continue;
      gather_rows(m, na, 0, na, from.c + part * na, 0, to.c + part * m * na);
    }
  }
}
