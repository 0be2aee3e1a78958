import { ModelFormatError } from "../description/format_error.js";
import { StateError } from "../errors.js";
import { checkInstance, describe } from "../tensor.js";
import type { Block } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";
import { Hash } from "./hash.js";
import type { Stepper } from "./stepper.js";

/** What streams share. */
export interface StreamModel {
  readonly engine: Engine;
  readonly stepper: Stepper;
  readonly hash: string;
  /** Throws unless the model is alive. */
  open(where: string): void;
  tokenId(where: string, token: number | string): number;
  /** Zeros a state, and reads the start token if there is one: whether there is. */
  begin(pointer: number): boolean;
  allocate(): Block;
}

// What a stream's state is as bytes, little-endian:
//
//   "RCRS" · u16 version · u16 whether a token was read · the model's hash, 16 characters · u32 bytes of the numbers ·
//   the numbers, h and c stack by stack as in linear memory · hash of all before, 16 characters
const MAGIC = "RCRS";
const VERSION = 1;
const HEADER = 28;
const HASH = 16;

/** The state of a stream: what is left of all that it read. */
export class StreamState {
  readonly #stream: LanguageStream;

  /** @internal */
  constructor(stream: LanguageStream) {
    this.#stream = stream;
  }

  /** A copy that can be stored, and read again by `fromBytes` of any stream of the same model. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const { model, bytes, primed } = this.#stream.content();
    const all = new Uint8Array(HEADER + bytes.length + HASH);
    const view = new DataView(all.buffer);
    writeText(all, 0, MAGIC);
    view.setUint16(4, VERSION, true);
    view.setUint16(6, primed ? 1 : 0, true);
    writeText(all, 8, model.hash);
    view.setUint32(24, bytes.length, true);
    all.set(bytes, HEADER);
    writeText(all, HEADER + bytes.length, digest(all.subarray(0, -HASH)));
    return all;
  }

  /**
   * Puts the stream where another one was.
   *
   * @throws {ModelFormatError} for bytes that are no state: nothing is changed then
   * @throws {StateError} for a state of another model
   */
  fromBytes(bytes: Uint8Array): void {
    const where = "fromBytes";
    checkInstance(where, "bytes", Uint8Array, "Uint8Array", bytes);
    const { model, bytes: own } = this.#stream.content();
    const expected = HEADER + own.length + HASH;
    if (bytes.length < HEADER + HASH || readText(bytes, 0, 4) !== MAGIC) {
      throw new ModelFormatError("state", `${where}: these bytes are no state of a stream`);
    }
    const all = Uint8Array.from(bytes);
    const view = new DataView(all.buffer);
    const version = view.getUint16(4, true);
    if (version !== VERSION) {
      const message = `${where}: expected version ${VERSION}, got ${version}`;
      throw new ModelFormatError("state-version", message, undefined, 4);
    }
    if (readText(all, all.length - HASH, HASH) !== digest(all.subarray(0, -HASH))) {
      throw new ModelFormatError("state", `${where}: the state is damaged: its check sum differs`);
    }
    const hash = readText(all, 8, HASH);
    if (hash !== model.hash) {
      throw new StateError(
        `${where}: the state of another model: expected that of ${model.hash}, got ${hash}`,
      );
    }
    if (all.length !== expected || view.getUint32(24, true) !== own.length) {
      const message = `${where}: expected ${expected} bytes, got ${all.length}`;
      throw new ModelFormatError("state", message, undefined, 24);
    }
    this.#stream.restore(all.subarray(HEADER, -HASH), view.getUint16(6, true) !== 0);
  }
}

function writeText(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

const readText = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

function digest(bytes: Uint8Array<ArrayBuffer>): string {
  const hash = new Hash();
  hash.numbers(bytes);
  return hash.digits();
}

/**
 * A live stream of tokens, its state in linear memory until `dispose`. Made by `model.stream()`; there may be thousands.
 */
export class LanguageStream extends Disposable {
  readonly #model: StreamModel;
  readonly #block: Block;
  #primed: boolean;
  #disposed = false;

  /** Takes over the caller's ownership of the block. @internal */
  constructor(model: StreamModel, block: Block, primed: boolean) {
    super();
    this.#model = model;
    this.#block = block;
    this.#primed = primed;
    watch(this, block);
  }

  /**
   * Takes a token in: an id, or as the vocabulary calls it.
   *
   * @returns its log-probability given all before it, in nats; 0 for the first, which conditions, unless the model has a
   *   start token
   * @throws {RangeError} for a token that the model does not know: nothing is changed then
   */
  push(token: number | string): number {
    const pointer = this.#open("push");
    const id = this.#model.tokenId("push", token);
    const { stepper } = this.#model;
    const logProb = this.#primed ? stepper.logProb(pointer, id) : 0;
    stepper.advance(pointer, id);
    this.#primed = true;
    return logProb;
  }

  /**
   * The log-probabilities of all tokens that may come next, by id, in nats.
   *
   * @throws {StateError} before the first token, unless the model has a start token
   */
  next(): Float64Array {
    const pointer = this.#open("next");
    if (!this.#primed) throw new StateError("next: no token was read: push one first");
    return this.#model.stepper.logProbs(pointer);
  }

  /** Back to the beginning. */
  reset(): void {
    this.#primed = this.#model.begin(this.#open("reset"));
  }

  /** Another stream that has read the same. */
  fork(): LanguageStream {
    const pointer = this.#open("fork");
    const { arena } = this.#model.engine;
    const block = this.#model.allocate();
    arena.copy(pointer, block.pointer, this.#model.stepper.stateBytes);
    return new LanguageStream(this.#model, block, this.#primed);
  }

  get state(): StreamState {
    this.#open("state");
    return new StreamState(this);
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    unwatch(this);
    this.#block.release();
    this.#disposed = true;
  }

  /** The numbers of the state. @internal */
  content(): { model: StreamModel; bytes: Uint8Array<ArrayBuffer>; primed: boolean } {
    const pointer = this.#open("state");
    const { stepper, engine } = this.#model;
    const words = engine.arena.i32(pointer, stepper.stateBytes / Int32Array.BYTES_PER_ELEMENT);
    return {
      model: this.#model,
      bytes: new Uint8Array(words.slice().buffer),
      primed: this.#primed,
    };
  }

  /** @internal */
  restore(bytes: Uint8Array, primed: boolean): void {
    const pointer = this.#open("state");
    const words = new Int32Array(Uint8Array.from(bytes).buffer);
    this.#model.engine.arena.i32(pointer, words.length).set(words);
    this.#primed = primed;
  }

  /** Where sequences that go on from here begin. @internal */
  at(where: string, model: StreamModel): { pointer: number; primed: boolean } {
    const pointer = this.#open(where);
    if (model !== this.#model) throw new StateError(`${where}: from: a stream of another model`);
    return { pointer, primed: this.#primed };
  }

  #open(where: string): number {
    if (this.#disposed) throw new StateError(`${where}: the stream is disposed`);
    this.#model.open(where);
    return this.#block.pointer;
  }
}

/** Throws unless `from` is a stream. */
export function checkStream(where: string, from: LanguageStream): void {
  if (from instanceof LanguageStream) return;
  throw new TypeError(`${where}: from: expected a stream, got ${describe(from)}`);
}
