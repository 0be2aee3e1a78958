import { hasCellState } from "../sequence/shape.js";
import type { StackState } from "../sequence/state.js";
import type { Floats } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { LiveStep } from "./live_step.js";
import type { Network, NetworkStack } from "./network.js";

/** Streams that are computed together: with their gates and states they stay in the second-level cache. */
export const LIVE_ROWS = 64;
/** Bytes by which blocks are aligned. As an index of rows of this size, a block's pointer fits `gather_rows`. */
const LINE = 64;

/**
 * Live steps of up to 64 streams at a time. Their states are gathered, moved together and put back; a row has the bits that
 * it has alone. A step allocates nothing.
 */
export class LiveBatch extends Shared {
  readonly step: LiveStep;
  readonly #one: LiveStep;
  readonly #gathered: Block;
  readonly #index: Block;
  #growth = -1;
  #lines: Int32Array = new Int32Array(0);
  /** Views of what goes in and comes out, up to date after `gather` and `renew`. */
  tokens: Int32Array = this.#lines;
  results: Float64Array = new Float64Array(0);
  x: Floats = new Float64Array(0);
  /** Room for the ids of a call, at least as many as `room` was asked for last. */
  ids: Int32Array = this.#lines;

  constructor(network: Network, one: LiveStep) {
    super();
    this.#one = one;
    this.step = new LiveStep(network, LIVE_ROWS);
    const { arena } = network.engine;
    this.#gathered = arena.allocate(this.step.stateBytes);
    this.#index = arena.allocate(LIVE_ROWS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Where the states of the streams stand that were gathered last. */
  get pointer(): number {
    return this.#gathered.pointer;
  }

  /** Makes room for the ids of `count` tokens. */
  room(count: number): Int32Array {
    if (this.ids.length < count) this.ids = new Int32Array(count);
    return this.ids;
  }

  /** Says where the state of one of the streams stands that are to be gathered. */
  place(row: number, pointer: number): void {
    this.#lines[row] = pointer / LINE;
  }

  /** Makes views anew if memory has grown. */
  renew(): void {
    const { engine, dtype, dense, inputKind, inputSize } = this.step.network;
    const { arena } = engine;
    if (this.#growth === arena.growth) return;
    this.#lines = arena.i32(this.#index.pointer, LIVE_ROWS);
    this.tokens = arena.i32(this.step.tokens, LIVE_ROWS);
    this.results = arena.f64(this.step.results, LIVE_ROWS * dense.outputSize);
    const features = inputKind === "features" ? LIVE_ROWS * inputSize : 0;
    this.x = arena.view(dtype.precision, this.step.x, features);
    this.#growth = arena.growth;
  }

  /** Gathers the states of the first m streams that were placed. */
  gather(m: number): void {
    const { stacks } = this.step.network;
    for (let s = 0; s < stacks.length; s++) {
      const { layers } = (stacks[s] as NetworkStack).stack.shape;
      for (let l = 0; l < layers; l++) this.#gatherLayer(m, s, l);
    }
    if ((stacks[stacks.length - 1] as NetworkStack).addNorm !== undefined) this.gatherTop(m);
  }

  /** Gathers only what the outputs are computed from: the output of the highest stack. */
  gatherTop(m: number): void {
    const { dtype, hiddenSize: n } = this.step.network;
    const from = this.#one.top(1, 0);
    const to = this.step.top(m, this.pointer);
    dtype.kernels.gather_rows(m, n, LINE / dtype.item, n, from, this.#index.pointer, to);
  }

  /** Puts the states back. */
  scatter(m: number): void {
    const { stacks } = this.step.network;
    for (let s = 0; s < stacks.length; s++) {
      const { shape } = (stacks[s] as NetworkStack).stack;
      const { layers, na, nh, dtype } = shape;
      const { gather_rows } = dtype.kernels;
      const cells = hasCellState(shape);
      const from = this.step.stateAt(this.pointer, s);
      for (let r = 0; r < m; r++) {
        const to = this.#one.stateAt((this.#lines[r] as number) * LINE, s);
        for (let l = 0; l < layers; l++) {
          const [row, part] = [(l * m + r) * dtype.item, l * dtype.item];
          gather_rows(1, nh, nh, nh, from.h + row * nh, 0, to.h + part * nh);
          if (cells) gather_rows(1, na, na, na, from.c + row * na, 0, to.c + part * na);
        }
      }
    }
    if ((stacks[stacks.length - 1] as NetworkStack).addNorm !== undefined) this.#scatterTop(m);
  }

  protected free(): void {
    this.#index.release();
    this.#gathered.release();
    this.step.release();
  }

  #scatterTop(m: number): void {
    const { dtype, hiddenSize: n } = this.step.network;
    const { gather_rows } = dtype.kernels;
    const from = this.step.top(m, this.pointer);
    for (let r = 0; r < m; r++) {
      const to = this.#one.top(1, (this.#lines[r] as number) * LINE);
      gather_rows(1, n, n, n, from + r * n * dtype.item, 0, to);
    }
  }

  #gatherLayer(m: number, s: number, l: number): void {
    const { shape } = (this.step.network.stacks[s] as NetworkStack).stack;
    const { na, nh, dtype } = shape;
    const { gather_rows } = dtype.kernels;
    const from: StackState = this.#one.stateAt(0, s);
    const to = this.step.stateAt(this.pointer, s);
    const ld = LINE / dtype.item;
    const index = this.#index.pointer;
    const part = l * dtype.item;
    gather_rows(m, nh, ld, nh, from.h + part * nh, index, to.h + m * part * nh);
    if (!hasCellState(shape)) return;
    gather_rows(m, na, ld, na, from.c + part * na, index, to.c + m * part * na);
  }
}

const batches = new WeakMap<LiveStep, LiveBatch>();

/** The batch of a network whose streams are moved by `one`, made at its first use. It ends with the network. */
export function liveBatchOf(one: LiveStep): LiveBatch {
  let batch = batches.get(one);
  if (batch === undefined) {
    batch = one.network.own(new LiveBatch(one.network, one));
    batches.set(one, batch);
  }
  batch.renew();
  return batch;
}
