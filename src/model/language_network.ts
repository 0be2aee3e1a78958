import { gateElements } from "../cells/cell.js";
import { Layout } from "../sequence/layout.js";
import type { StackState } from "../sequence/state.js";
import { forwardStep, type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import type { Weights } from "../sequence/weights.js";
import { ITEM, type OutputKernels } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { contentOf, type Handle } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { hashNetwork } from "./hash.js";
import { type DenseScratch, denseScratchAt, type Network, type NetworkStack } from "./network.js";
import type { Tokenizer } from "./vocabulary.js";

/**
 * The content of a language model, which its streams share: the network, its tokenizer, and the buffers of a live step other
 * than the state. A step allocates nothing.
 */
export class LanguageNetwork extends Shared {
  readonly network: Network;
  readonly tokenizer: Tokenizer;
  /** The token before every sequence. */
  readonly start: number | undefined;
  /** Bytes of a stream's state. */
  readonly stateBytes: number;
  readonly #block: Block;
  /** Of the state of each stack, in a stream's block. */
  readonly #offsets: readonly StackState[];
  readonly #scratch: readonly StepScratch[];
  readonly #dense: DenseScratch;
  readonly #output: OutputKernels;
  readonly #token: number;
  readonly #result: number;
  #hash: string | undefined;
  // Views of the token and of the result. Growth detaches them; they are renewed when the arena has grown.
  #growth = -1;
  #tokenView: Int32Array | undefined;
  #resultView: Float64Array | undefined;

  /** Takes over the caller's ownership of the network. */
  constructor(network: Network, tokenizer: Tokenizer, start: number | undefined) {
    super();
    this.network = network;
    this.tokenizer = tokenizer;
    this.start = start;
    const { engine, dtype, dense, stacks, tables } = network;
    const state = new Layout(dtype);
    this.#output = outputKernels(engine);
    this.#offsets = network.takeStates(state, 1);
    this.stateBytes = state.bytes;
    const layout = new Layout(dtype);
    const scratch = stacks.map(({ stack }) => takeStepScratch(layout, stack.shape, 1));
    const outputs = dense.takeScratch(layout, 1);
    const token = layout.take(1, Int32Array.BYTES_PER_ELEMENT);
    const result = layout.take(dense.outputSize, ITEM);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#scratch = scratch.map((offsets, s) =>
      stepScratchAt(pointer, offsets, { fed: s === 0 && tables.length > 0 }),
    );
    this.#dense = denseScratchAt(pointer, outputs);
    this.#token = pointer + token;
    this.#result = pointer + result;
  }

  /** The hash of the network, computed at its first use. */
  get hash(): string {
    this.#hash ??= hashNetwork(this.network);
    return this.#hash;
  }

  /** A block for the state of a stream: a copy of `from`, if given. */
  newState(from?: Block): Block {
    const { arena } = this.network.engine;
    const block = arena.allocate(this.stateBytes);
    if (from !== undefined) arena.copy(from.pointer, block.pointer, this.stateBytes);
    return block;
  }

  /** Zeros a state and reads the start token into it, if there is one. Returns whether there is. */
  reset({ pointer }: Block): boolean {
    const { arena } = this.network.engine;
    arena.i32(pointer, this.stateBytes / Int32Array.BYTES_PER_ELEMENT).fill(0);
    if (this.start === undefined) return false;
    this.advance(pointer, this.start);
    return true;
  }

  /** Where the state of stack s stands in the state at `pointer`. */
  stateAt(pointer: number, s: number): StackState {
    const { h, c } = this.#offsets[s] as StackState;
    return { h: pointer + h, c: pointer + c };
  }

  /** Reads a token. */
  advance(pointer: number, token: number): void {
    const { stacks, dtype, tables, rows } = this.network;
    const { kernels } = dtype;
    this.#setToken(token);
    for (let s = 0; s < stacks.length; s++) {
      const { stack } = stacks[s] as NetworkStack;
      const { nx, na } = stack.shape;
      const scratch = this.#scratch[s] as StepScratch;
      if (scratch.fed) {
        const { cell } = stack.layerDirections[0] as Weights;
        const n = cell.bias.length * na;
        const ldz = gateElements(cell, na);
        kernels.gather_rows(1, n, n, ldz, tables[0] as number, this.#token, scratch.gates);
      } else if (s === 0) {
        kernels.gather_rows(1, nx, nx, nx, (rows as Block).pointer, this.#token, scratch.x);
      } else kernels.gather_rows(1, nx, nx, nx, this.#top(pointer, s - 1), 0, scratch.x);
      forwardStep(stack, 1, this.stateAt(pointer, s), scratch);
    }
  }

  /** The log-probability of a token that comes next. */
  logProb(pointer: number, token: number): number {
    const { dense } = this.network;
    const logits = this.#logits(pointer);
    this.#setToken(token);
    this.#output.score_rows(1, dense.outputSize, logits, this.#token, this.#result);
    return (this.#resultView as Float64Array)[0] as number;
  }

  /** The log-probabilities of all tokens that may come next. */
  logProbs(pointer: number): Float64Array {
    const { dense } = this.network;
    this.#output.log_softmax_rows(1, dense.outputSize, this.#logits(pointer), this.#result);
    this.#renewViews();
    return (this.#resultView as Float64Array).slice();
  }

  protected free(): void {
    this.#block.release();
    this.network.release();
  }

  /** The output of stack s: h of its highest layer. */
  #top(pointer: number, s: number): number {
    const { dtype, layers, nh } = (this.network.stacks[s] as NetworkStack).stack.shape;
    return this.stateAt(pointer, s).h + (layers - 1) * nh * dtype.item;
  }

  #logits(pointer: number): number {
    const { dense, stacks } = this.network;
    return dense.apply(1, this.#top(pointer, stacks.length - 1), this.#dense);
  }

  #setToken(token: number): void {
    this.#renewViews();
    (this.#tokenView as Int32Array)[0] = token;
  }

  #renewViews(): void {
    const { arena } = this.network.engine;
    if (this.#growth === arena.growth) return;
    this.#tokenView = arena.i32(this.#token, 1);
    this.#resultView = arena.f64(this.#result, this.network.dense.outputSize);
    this.#growth = arena.growth;
  }
}

/** The content of a model. @throws {StateError} if the model or its engine is disposed */
export function openLanguage(where: string, model: Handle): LanguageNetwork {
  const language = contentOf<LanguageNetwork>(where, model);
  language.network.engine.checkOpen();
  return language;
}
