import { StateError } from "../errors.js";
import { describe, isTypedArray } from "../tensor.js";
import { DISPOSE } from "./disposal.js";
import type { PoolCore } from "./pool_core.js";
import type { StreamCommand, ValueReply } from "./protocol.js";
import type { StreamRecord } from "./stream_record.js";

/** Ends the streams whose handles were collected. */
let registry: FinalizationRegistry<StreamRecord> | undefined;

let open: (where: string, stream: RemoteStream) => StreamRecord;
let coreOf: (stream: RemoteStream) => PoolCore;

/** The stream at its worker. @throws {StateError} if it is disposed */
export const recordOf = (where: string, stream: RemoteStream): StreamRecord => open(where, stream);

/** The pool of a stream. */
export const poolOf = (stream: RemoteStream): PoolCore => coreOf(stream);

/**
 * A live stream at one worker of a pool. Its methods may be called without waiting for the one before: they take effect in the
 * order of the calls. If the worker ends each of them rejects with a `StreamLostError`.
 */
export abstract class RemoteStream {
  readonly #core: PoolCore;
  #record: StreamRecord | undefined;

  static {
    coreOf = (stream) => stream.#core;
    open = (where, stream) => {
      if (stream.#record !== undefined) return stream.#record;
      throw new StateError(`${where}: the stream is disposed`);
    };
  }

  /** @internal */
  constructor(core: PoolCore, record: StreamRecord) {
    this.#core = core;
    this.#record = record;
    // Cloudflare's workerd has none before 2025.
    if (typeof FinalizationRegistry !== "function") return;
    registry ??= new FinalizationRegistry((late) => late.end());
    registry.register(this, record, this);
  }

  /** Goes back to the beginning. */
  async reset(): Promise<void> {
    await ask("reset", this, { name: "reset" });
  }

  /** The state of the stream, to be stored or replaced. */
  get state(): PoolStreamState {
    recordOf("state", this);
    return new PoolStreamState((command) => ask("state", this, command));
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
}

/** Sends a command for a stream. */
export async function ask(
  where: string,
  stream: RemoteStream,
  command: StreamCommand,
): Promise<ValueReply["value"]> {
  const record = recordOf(where, stream);
  return coreOf(stream).track(where, () => record.ask(where, command));
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

/** The records of streams of a pool. One may stand in the list several times. */
export function recordsOf(
  where: string,
  streams: readonly RemoteStream[],
  kind: abstract new (...values: never[]) => RemoteStream,
  core: PoolCore,
): StreamRecord[] {
  if (!Array.isArray(streams)) {
    throw new TypeError(`${where}: streams: expected an array, got ${describe(streams)}`);
  }
  return Array.from(streams as readonly RemoteStream[], (stream, i) => {
    if (!(stream instanceof kind)) {
      const got = describe(stream);
      throw new TypeError(`${where}: streams[${i}]: expected a stream of the pool, got ${got}`);
    }
    if (coreOf(stream) !== core) {
      throw new StateError(`${where}: streams[${i}]: a stream of another pool`);
    }
    try {
      return open(where, stream);
    } catch {
      return open(`${where}: streams[${i}]`, stream);
    }
  });
}
