import { ModelFormatError } from "../description/format_error.js";
import { StateError } from "../errors.js";
import { describe, isTypedArray } from "../tensor.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Handle } from "../wasm/handle.js";
import { Hash } from "./hash.js";
import type { LiveStep } from "./live_step.js";

/** The state of a stream in linear memory. */
export class StreamContent extends Shared {
  readonly model: Handle;
  readonly block: Block;
  /** Whether a token was read. */
  isPrimed: boolean;
  /** The last call of many streams that had it: it may stand in the list once. */
  call = 0;

  /** Takes over the caller's ownership of the block. */
  constructor(model: Handle, block: Block, isPrimed: boolean) {
    super();
    this.model = model;
    this.block = block;
    this.isPrimed = isPrimed;
  }

  protected free(): void {
    this.block.release();
  }
}

// The bytes of a stream's state, little-endian:
//
//   "RCRS" · u16 version · u16 1 if a token was read, else 0 · hash of the model, 16 characters · u32 byte length of the
//   numbers · the numbers, h and c of each stack as in linear memory · hash of all before, 16 characters
const MAGIC = "RCRS";
const VERSION = 1;
const HEADER = 28;
const HASH = 16;

/** What the bytes of a state are made of. */
export interface OpenStream {
  readonly content: StreamContent;
  readonly step: LiveStep;
  /** Of the model. */
  readonly hash: string;
}

/** The state of a stream. It ends with its stream. */
export class StreamState {
  readonly #open: () => OpenStream;

  /** @internal */
  constructor(open: () => OpenStream) {
    this.#open = open;
  }

  /** A copy that can be stored. `fromBytes` of any stream of the same model reads it. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const { content, step, hash } = this.#open();
    const { stateBytes } = step;
    const all = new Uint8Array(HEADER + stateBytes + HASH);
    const view = new DataView(all.buffer);
    writeText(all, 0, MAGIC);
    view.setUint16(4, VERSION, true);
    view.setUint16(6, content.isPrimed ? 1 : 0, true);
    writeText(all, 8, hash);
    view.setUint32(24, stateBytes, true);
    all.set(new Uint8Array(numbersOf(content, step).slice().buffer), HEADER);
    writeText(all, all.length - HASH, digest(all.subarray(0, -HASH)));
    return all;
  }

  /**
   * Puts the stream in a stored state.
   *
   * @throws {ModelFormatError} for bytes that are no state: nothing is changed then
   * @throws {StateError} for a state of another model
   */
  fromBytes(bytes: Uint8Array): void {
    const where = "fromBytes";
    if (!isTypedArray(bytes, "Uint8Array")) {
      throw new TypeError(`${where}: bytes: expected Uint8Array, got ${describe(bytes)}`);
    }
    const { content, step, hash: own } = this.#open();
    const expected = HEADER + step.stateBytes + HASH;
    if (bytes.length < HEADER + HASH || readText(bytes, 0, 4) !== MAGIC) {
      throw new ModelFormatError(
        "state",
        `${where}: expected the state of a stream, got other bytes`,
      );
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
    if (hash !== own) {
      throw new StateError(
        `${where}: the state of another model: expected that of ${own}, got ${hash}`,
      );
    }
    if (all.length !== expected || view.getUint32(24, true) !== step.stateBytes) {
      const message = `${where}: expected ${expected} bytes, got ${all.length}`;
      throw new ModelFormatError("state", message, undefined, 24);
    }
    numbersOf(content, step).set(new Int32Array(all.slice(HEADER, -HASH).buffer));
    content.isPrimed = view.getUint16(6, true) !== 0;
  }
}

/** The words of a state in linear memory. */
const numbersOf = ({ block }: StreamContent, { network, stateBytes }: LiveStep) =>
  network.engine.arena.i32(block.pointer, stateBytes / Int32Array.BYTES_PER_ELEMENT);

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
