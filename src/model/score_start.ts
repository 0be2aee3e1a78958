import type { Block } from "../wasm/arena.js";
import { contentOf } from "../wasm/handle.js";
import type { LanguageNetwork } from "./language_network.js";
import type { InitialState } from "./network_pass.js";
import type { ScoreStart } from "./score_work.js";
import type { LanguageStream } from "./stream.js";
import type { StreamContent } from "./stream_state.js";

/** Scoring that begins where a stream stands. */
export class StreamStart implements ScoreStart {
  /** The log-probabilities of the first token, where the stream has read one. */
  first: Float64Array | undefined;
  readonly #where: string;
  readonly #language: LanguageNetwork;
  readonly #from: LanguageStream;
  /** A copy of the stream's state: it may go on, or be disposed of, during a pause. */
  #state: Block | undefined;

  constructor(where: string, language: LanguageNetwork, from: LanguageStream) {
    this.#where = where;
    this.#language = language;
    this.#from = from;
  }

  open(): InitialState {
    const { block, isPrimed } = contentOf<StreamContent>(this.#where, this.#from);
    this.#state = this.#language.newState(block);
    const { pointer } = this.#state;
    if (isPrimed) this.first = this.#language.logProbs(pointer);
    return this.#language.network.stacks.map((_, s) => this.#language.stateAt(pointer, s));
  }

  close(): void {
    this.#state?.release();
  }
}
