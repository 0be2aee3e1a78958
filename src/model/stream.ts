import { StateError } from "../errors.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { openLanguage } from "./language_network.js";
import { type OpenStream, StreamContent, StreamState } from "./stream_state.js";

/** The contents of a stream and its model. @throws {StateError} if one of them is disposed */
function openStream(where: string, stream: LanguageStream) {
  const content = contentOf<StreamContent>(where, stream);
  return { content, language: openLanguage(where, content.model) };
}

/** A live stream of tokens, its state in linear memory until `dispose`. Made by `model.stream()`. */
export class LanguageStream extends Handle {
  /** @internal */
  constructor(content: StreamContent) {
    super("stream", content);
  }

  /**
   * Reads a token: an id, or the token itself if the model has a vocabulary. `vocabulary.encode` gives the ids of a text.
   *
   * @returns its log-probability given all before it, in nats; 0 for the first one, which conditions only, unless the model
   *   has a start token
   * @throws {RangeError} for a token that the model does not know: nothing is changed then
   */
  push(token: number | string): number {
    const { content, language } = openStream("push", this);
    const id = language.tokenizer.id("push", "token", token);
    const { pointer } = content.block;
    const logProb = content.isPrimed ? language.logProb(pointer, id) : 0;
    language.advance(pointer, id);
    content.isPrimed = true;
    return logProb;
  }

  /**
   * The log-probabilities of all tokens that may come next, by id, in nats.
   *
   * @throws {StateError} before the first token, unless the model has a start token
   */
  next(): Float64Array {
    const { content, language } = openStream("next", this);
    if (content.isPrimed) return language.logProbs(content.block.pointer);
    throw new StateError("next: no token was read: push one first");
  }

  /** Goes back to the beginning. */
  reset(): void {
    const { content, language } = openStream("reset", this);
    content.isPrimed = language.reset(content.block);
  }

  /** Another stream that has read the same tokens. */
  fork(): LanguageStream {
    const { content, language } = openStream("fork", this);
    const block = language.newState(content.block);
    return new LanguageStream(new StreamContent(content.model, block, content.isPrimed));
  }

  /** The state of the stream, to be stored or replaced. */
  get state(): StreamState {
    const open = (): OpenStream => {
      const { content, language } = openStream("state", this);
      return { content, step: language.step, hash: language.hash };
    };
    open();
    return new StreamState(open);
  }
}
