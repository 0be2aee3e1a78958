import type { StackState } from "../sequence/state.js";
import type { OutputKernels } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import type { Handle } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { hashNetwork } from "./hash.js";
import { LiveStep } from "./live_step.js";
import type { Network } from "./network.js";
import { openModel, ScoringNetwork } from "./scoring_network.js";
import type { Tokenizer } from "./vocabulary.js";

/**
 * The content of a language model, which its streams share: the network, its tokenizer, and the buffers of a live step other
 * than the state. A step allocates nothing.
 */
export class LanguageNetwork extends ScoringNetwork {
  /** Bytes of a stream's state. */
  readonly stateBytes: number;
  /** Moves one stream. */
  readonly step: LiveStep;
  readonly #output: OutputKernels;
  #hash: string | undefined;
  // Views of the token and of the result. Growth detaches them; they are renewed when the arena has grown.
  #growth = -1;
  #tokenView: Int32Array | undefined;
  #resultView: Float64Array | undefined;

  /** Takes over the caller's ownership of the network. */
  constructor(network: Network, tokenizer: Tokenizer, start: number | undefined) {
    super(network, tokenizer, start);
    this.#output = outputKernels(network.engine);
    this.step = new LiveStep(network, 1);
    this.stateBytes = this.step.stateBytes;
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
    return this.step.stateAt(pointer, s);
  }

  /** Reads a token. */
  advance(pointer: number, token: number): void {
    this.#setToken(token);
    this.step.advance(1, pointer);
  }

  /** The log-probability of a token that comes next. */
  logProb(pointer: number, token: number): number {
    const { tokens, results } = this.step;
    const logits = this.step.outputs(1, pointer);
    this.#setToken(token);
    this.#output.score_rows(1, this.network.dense.outputSize, logits, tokens, results);
    return (this.#resultView as Float64Array)[0] as number;
  }

  /** The log-probabilities of all tokens that may come next. */
  logProbs(pointer: number): Float64Array {
    const { outputSize } = this.network.dense;
    const { results } = this.step;
    this.#output.log_softmax_rows(1, outputSize, this.step.outputs(1, pointer), results);
    this.#renewViews();
    return (this.#resultView as Float64Array).slice();
  }

  protected override free(): void {
    this.step.release();
    super.free();
  }

  #setToken(token: number): void {
    this.#renewViews();
    (this.#tokenView as Int32Array)[0] = token;
  }

  #renewViews(): void {
    const { arena } = this.network.engine;
    if (this.#growth === arena.growth) return;
    this.#tokenView = arena.i32(this.step.tokens, 1);
    this.#resultView = arena.f64(this.step.results, this.network.dense.outputSize);
    this.#growth = arena.growth;
  }
}

/** The content of a language model. @throws {StateError} if the model or its engine is disposed */
export const openLanguage = (where: string, model: Handle): LanguageNetwork =>
  openModel<LanguageNetwork>(where, model);
