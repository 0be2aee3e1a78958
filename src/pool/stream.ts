import { StateError } from "../errors.js";
import type { Tokenizer } from "../model/vocabulary.js";
import { describe, isTypedArray } from "../tensor.js";
import { DISPOSE } from "./disposal.js";
import type { StreamCommand, ValueReply } from "./protocol.js";
import type { StreamRecord } from "./stream_record.js";

/** What a stream needs of its pool. */
export interface StreamHost {
  readonly tokenizer: Tokenizer;
  /** Runs a call that counts as open until it is settled. Rejects if the pool is closed, or its queue full. */
  track<R>(where: string, call: () => Promise<R>): Promise<R>;
}

/** Ends the streams whose handles were collected. */
let registry: FinalizationRegistry<StreamRecord> | undefined;

let open: (where: string, stream: PoolStream) => StreamRecord;
let hostOf: (stream: PoolStream) => StreamHost;

/** The stream at its worker. @throws {StateError} if it is disposed */
export const recordOf = (where: string, stream: PoolStream): StreamRecord => open(where, stream);

/** Whether a stream belongs to a pool. */
export const isOf = (host: StreamHost, stream: PoolStream): boolean => hostOf(stream) === host;

/**
 * A live stream of tokens, as `LanguageStream`, at one worker of a pool. Its methods may be called without waiting for the
 * one before: they take effect in the order of the calls. If the worker ends each of them rejects with a `StreamLostError`.
 * Made by `pool.stream()`.
 */
export class PoolStream {
  readonly #host: StreamHost;
  #record: StreamRecord | undefined;

  static {
    hostOf = (stream) => stream.#host;
    open = (where, stream) => {
      if (stream.#record !== undefined) return stream.#record;
      throw new StateError(`${where}: the stream is disposed`);
    };
  }

  /** @internal */
  constructor(host: StreamHost, record: StreamRecord) {
    this.#host = host;
    this.#record = record;
    // Cloudflare's workerd has none before 2025.
    if (typeof FinalizationRegistry !== "function") return;
    registry ??= new FinalizationRegistry((late) => late.end());
    registry.register(this, record, this);
  }

  /**
   * Reads a token: an id, or the token itself if the model has a vocabulary.
   *
   * @returns its log-probability given all before it, in nats; 0 for the first one, which conditions only, unless the model
   *   has a start token
   * @throws {RangeError} for a token that the model does not know: nothing is changed then
   */
  async push(token: number | string): Promise<number> {
    const id = this.#host.tokenizer.id("push", "token", token);
    return (await this.#ask("push", { name: "push", token: id })) as number;
  }

  /**
   * The log-probabilities of all tokens that may come next, by id, in nats.
   *
   * @throws {StateError} before the first token, unless the model has a start token
   */
  async next(): Promise<Float64Array> {
    return (await this.#ask("next", { name: "next" })) as Float64Array;
  }

  /** Goes back to the beginning. */
  async reset(): Promise<void> {
    await this.#ask("reset", { name: "reset" });
  }

  /** Another stream that has read the same tokens, at the same worker. */
  fork(): PoolStream {
    return new PoolStream(this.#host, recordOf("fork", this).fork());
  }

  /** The state of the stream, to be stored or replaced. */
  get state(): PoolStreamState {
    recordOf("state", this);
    return new PoolStreamState((command) => this.#ask("state", command));
  }

  /** Frees the memory of the stream. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    const record = this.#record;
    this.#record = undefined;
    registry?.unregister(this);
    record?.end();
  }

  /** Calls `dispose` at the end of a `using` block. */
  [DISPOSE](): void {
    this.dispose();
  }

  async #ask(where: string, command: StreamCommand): Promise<ValueReply["value"]> {
    const record = recordOf(where, this);
    return this.#host.track(where, () => record.ask(where, command));
  }
}

/** The state of a pool's stream, as `StreamState`. It ends with its stream. */
export class PoolStreamState {
  readonly #ask: (command: StreamCommand) => Promise<ValueReply["value"]>;

  /** @internal */
  constructor(ask: (command: StreamCommand) => Promise<ValueReply["value"]>) {
    this.#ask = ask;
  }

  /** A copy that can be stored. `fromBytes` of any stream of the same model reads it, in a pool or without one. */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#ask({ name: "toBytes" })) as Uint8Array<ArrayBuffer>;
  }

  /**
   * Puts the stream in a stored state.
   *
   * @throws {ModelFormatError} for bytes that are no state: nothing is changed then
   * @throws {StateError} for a state of another model
   */
  async fromBytes(bytes: Uint8Array): Promise<void> {
    if (!isTypedArray(bytes, "Uint8Array")) {
      throw new TypeError(`fromBytes: bytes: expected Uint8Array, got ${describe(bytes)}`);
    }
    await this.#ask({ name: "fromBytes", bytes: Uint8Array.from(bytes) });
  }
}
