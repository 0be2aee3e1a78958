import { Shared } from "../wasm/arena.js";
import { contentOf, type Handle } from "../wasm/handle.js";
import type { Network } from "./network.js";
import type { Tokenizer } from "./vocabulary.js";

/** What scoring needs of a language model. */
export class ScoringNetwork extends Shared {
  readonly network: Network;
  readonly tokenizer: Tokenizer;
  /** The token before every sequence. */
  readonly start: number | undefined;

  /** Takes over the caller's ownership of the network. */
  constructor(network: Network, tokenizer: Tokenizer, start: number | undefined) {
    super();
    this.network = network;
    this.tokenizer = tokenizer;
    this.start = start;
  }

  protected free(): void {
    this.network.release();
  }
}

/** The content of a model. @throws {StateError} if the model or its engine is disposed */
export function openModel<N extends ScoringNetwork>(where: string, model: Handle): N {
  const language = contentOf<N>(where, model);
  language.network.engine.checkOpen();
  return language;
}
