import { Problem } from "../problem.js";

// Binary frames of a WebSocket, little-endian. A request:
//
//   0   uint8    kind: 1 ids of tokens (int32), 2 numbers (float32)
//   1   uint8    0
//   2   uint16   width: numbers for each step; 1 for ids
//   4   uint32   request: a number of the client, which comes back
//   8   uint32   n: steps
//   12  uint32   0
//   16  uint32   n times: the stream that reads the step; it may occur again, and reads in order
//   …   n · width elements, step by step
//
// The answer to it:
//
//   0   uint8    kind: 129 (float64)
//   1   uint8    0
//   2   uint16   width: numbers for each step: 1 log-probability, or the outputs of a step
//   4   uint32   request
//   8   uint32   n
//   12  uint32   steps that failed: their numbers are NaN, and a text frame before this one says why
//   16  uint32   n times: the stream
//   …   zeros up to a multiple of 8, then n · width numbers

/** Bytes before the streams. */
const HEAD = 16;
const [IDS, NUMBERS, ANSWER] = [1, 2, 129];

/** Steps of many streams. */
export interface StepFrame {
  readonly request: number;
  readonly streams: Uint32Array;
  readonly width: number;
  /** Ids of tokens, one a step, or numbers, `width` a step. */
  readonly data: Int32Array | Float32Array;
}

/** Reads a frame. Its contents are copied: they need not be aligned in the message. @throws a `Problem` of code `invalid-request` */
export function readFrame(message: Uint8Array): StepFrame {
  const { byteLength } = message;
  if (byteLength < HEAD)
    throw new Problem(
      "invalid-request",
      `frame: expected at least ${HEAD} bytes, got ${byteLength}`,
    );
  const view = new DataView(message.buffer, message.byteOffset, byteLength);
  const kind = view.getUint8(0);
  const width = view.getUint16(2, true);
  const n = view.getUint32(8, true);
  if (kind !== IDS && kind !== NUMBERS)
    throw new Problem("invalid-request", `frame: kind: expected 1 or 2, got ${kind}`);
  if (width === 0 || (kind === IDS && width !== 1))
    throw new Problem(
      "invalid-request",
      `frame: width: expected 1 for ids, ≥ 1 for numbers, got ${width}`,
    );
  const wanted = HEAD + 4 * n * (1 + width);
  if (byteLength !== wanted)
    throw new Problem(
      "invalid-request",
      `frame: ${n} steps of width ${width} take ${wanted} bytes, got ${byteLength}`,
    );
  // Not `message.slice()`: that of a Buffer is a view.
  const bytes = Uint8Array.from(message).buffer;
  const streams = new Uint32Array(bytes, HEAD, n);
  const at = HEAD + 4 * n;
  const data = kind === IDS ? new Int32Array(bytes, at, n) : new Float32Array(bytes, at, n * width);
  return { request: view.getUint32(4, true), streams, width, data };
}

/** An answer whose numbers are filled in: NaN until then. */
export class AnswerFrame {
  readonly #frame: StepFrame;
  #bytes: Buffer | undefined;
  #values: Float64Array | undefined;
  #width = 0;
  failed = 0;

  constructor(frame: StepFrame) {
    this.#frame = frame;
  }

  /** Makes room: the width is known with the first result. */
  #open(width: number): Float64Array {
    const { streams } = this.#frame;
    const at = (HEAD + 4 * streams.length + 7) & ~7;
    const memory = new ArrayBuffer(at + 8 * streams.length * width);
    new Uint32Array(memory, HEAD, streams.length).set(streams);
    this.#bytes = Buffer.from(memory);
    this.#values = new Float64Array(memory, at).fill(Number.NaN);
    this.#width = width;
    return this.#values;
  }

  /** Puts the result of a step: a number, or as many as every other step has. */
  put(step: number, result: number | ArrayLike<number>): void {
    if (typeof result === "number") {
      (this.#values ?? this.#open(1))[step] = result;
      return;
    }
    const values = this.#values ?? this.#open(result.length);
    const width = Math.min(result.length, this.#width);
    for (let i = 0; i < width; i++) values[step * this.#width + i] = result[i] as number;
  }

  get bytes(): Buffer {
    if (this.#bytes === undefined) this.#open(1);
    const bytes = this.#bytes as Buffer;
    bytes.writeUInt8(ANSWER as number, 0);
    bytes.writeUInt16LE(this.#width, 2);
    bytes.writeUInt32LE(this.#frame.request, 4);
    bytes.writeUInt32LE(this.#frame.streams.length, 8);
    bytes.writeUInt32LE(this.failed, 12);
    return bytes;
  }
}
