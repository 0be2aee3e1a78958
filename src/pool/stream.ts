import type { Tokenizer } from "../model/vocabulary.js";
import type { PoolCore } from "./pool_core.js";
import { pushOne } from "./push_call.js";
import { checkPushOptions, type PoolPushOptions } from "./push_options.js";
import { ask, poolOf, RemoteStream, recordOf } from "./remote_stream.js";
import type { StreamRecord } from "./stream_record.js";

/**
 * A live stream of tokens, as `LanguageStream`, at one worker of a pool. Its methods may be called without waiting for the
 * one before: they take effect in the order of the calls. If the worker ends each of them rejects with a `StreamLostError`.
 * Made by `pool.stream()`.
 */
export class PoolStream extends RemoteStream {
  readonly #tokenizer: Tokenizer;

  /** @internal */
  constructor(core: PoolCore, record: StreamRecord, tokenizer: Tokenizer) {
    super(core, record);
    this.#tokenizer = tokenizer;
  }

  /**
   * Reads a token: an id, or the token itself if the model has a vocabulary. Pushes of one turn of the event loop travel
   * together, and are computed together.
   *
   * @returns its log-probability given all before it, in nats; 0 for the first one, which conditions only, unless the model
   *   has a start token
   * @throws {RangeError} for a token that the model does not know: nothing is changed then
   * @throws {AbortedError} if `signal` aborts: the stream has not read the token unless a worker had it
   */
  async push(token: number | string, options: PoolPushOptions = {}): Promise<number> {
    checkPushOptions("push", options);
    const id = this.#tokenizer.id("push", "token", token);
    const { signal } = options;
    return pushOne(poolOf(this), recordOf("push", this), id, {
      signal,
      read: ({ numbers }, row) => numbers[row] as number,
    });
  }

  /**
   * The log-probabilities of all tokens that may come next, by id, in nats.
   *
   * @throws {StateError} before the first token, unless the model has a start token
   */
  async next(): Promise<Float64Array> {
    return (await ask("next", this, { name: "next" })) as Float64Array;
  }

  /** Another stream that has read the same tokens, at the same worker. */
  fork(): PoolStream {
    return new PoolStream(poolOf(this), recordOf("fork", this).fork(), this.#tokenizer);
  }
}
