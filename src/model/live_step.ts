import { gateElements } from "../cells/cell.js";
import { Layout } from "../sequence/layout.js";
import type { StackState } from "../sequence/state.js";
import { forwardStep, type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import type { Weights } from "../sequence/weights.js";
import { ITEM } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type DenseScratch, denseScratchAt } from "./dense_layers.js";
import type { Network, NetworkStack } from "./network.js";

/** The buffers of one live step of up to `most` sequences, other than their state. A step allocates nothing. */
export class LiveStep extends Shared {
  readonly network: Network;
  /** Bytes of the state of `most` sequences, stack by stack. */
  readonly stateBytes: number;
  /** In: the token of each sequence, i32. */
  readonly tokens: number;
  /** For results: (most, ny), f64. */
  readonly results: number;
  /** Of the state of each stack, in a block. */
  readonly #offsets: readonly StackState[];
  /** Of the output of the highest stack, if it is not h. */
  readonly #output: number;
  readonly #block: Block;
  readonly #scratch: readonly StepScratch[];
  readonly #dense: DenseScratch;

  /** The network has to outlive it. */
  constructor(network: Network, most: number) {
    super();
    this.network = network;
    const { engine, dtype, dense, stacks, tables } = network;
    const state = new Layout(dtype);
    this.#offsets = network.takeStates(state, most);
    this.#output = network.takeOutput(state, most);
    this.stateBytes = state.bytes;
    const layout = new Layout(dtype);
    const scratch = stacks.map(({ stack }) => takeStepScratch(layout, stack.shape, most));
    const outputs = dense.takeScratch(layout, most);
    const tokens = layout.take(most, Int32Array.BYTES_PER_ELEMENT);
    const results = layout.take(most * dense.outputSize, ITEM);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#scratch = scratch.map((offsets, s) =>
      stepScratchAt(pointer, offsets, { fed: s === 0 && tables.length > 0 }),
    );
    this.#dense = denseScratchAt(pointer, outputs);
    this.tokens = pointer + tokens;
    this.results = pointer + results;
  }

  /** In: features, (most, nx). */
  get x(): number {
    return (this.#scratch[0] as StepScratch).x;
  }

  /** Where the state of stack s stands in the state at `pointer`. */
  stateAt(pointer: number, s: number): StackState {
    const { h, c } = this.#offsets[s] as StackState;
    return { h: pointer + h, c: pointer + c };
  }

  /** Moves the states of m sequences at `pointer` by a step: over `tokens`, or `x`. */
  advance(m: number, pointer: number): void {
    const { stacks, dtype, tables, rows } = this.network;
    const { gather_rows } = dtype.kernels;
    for (let s = 0; s < stacks.length; s++) {
      const { stack, addNorm } = stacks[s] as NetworkStack;
      const { nx, na } = stack.shape;
      const scratch = this.#scratch[s] as StepScratch;
      if (scratch.fed) {
        const { cell } = stack.layerDirections[0] as Weights;
        const n = cell.bias.length * na;
        const ldz = gateElements(cell, na);
        gather_rows(m, n, n, ldz, tables[0] as number, this.tokens, scratch.gates);
      } else if (s > 0) {
        // The stack below has written its output there if it is not h.
        const { addNorm: below } = stacks[s - 1] as NetworkStack;
        if (!below) gather_rows(m, nx, nx, nx, this.#hidden(m, pointer, s - 1), 0, scratch.x);
      } else if (rows !== undefined) {
        gather_rows(m, nx, nx, nx, rows.pointer, this.tokens, scratch.x);
      }
      forwardStep(stack, m, this.stateAt(pointer, s), scratch);
      if (addNorm === undefined) continue;
      const y = this.#scratch[s + 1]?.x ?? pointer + this.#output;
      addNorm.apply(m, scratch.x, this.#hidden(m, pointer, s), y);
    }
  }

  /** The output of the highest stack, (m, nh), in the states at `pointer`. */
  top(m: number, pointer: number): number {
    const s = this.network.stacks.length - 1;
    const { addNorm } = this.network.stacks[s] as NetworkStack;
    return addNorm === undefined ? this.#hidden(m, pointer, s) : pointer + this.#output;
  }

  /** A pointer to the outputs for the states at `pointer`, without a softmax: (m, ny), f64. */
  outputs(m: number, pointer: number): number {
    return this.network.dense.apply(m, this.top(m, pointer), this.#dense);
  }

  /** h of the highest layer of stack s, (m, nh). */
  #hidden(m: number, pointer: number, s: number): number {
    const { dtype, layers, nh } = (this.network.stacks[s] as NetworkStack).stack.shape;
    return this.stateAt(pointer, s).h + (layers - 1) * m * nh * dtype.item;
  }

  protected free(): void {
    this.#block.release();
  }
}
