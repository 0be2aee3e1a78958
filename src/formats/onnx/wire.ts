import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { decodeUtf8 } from "../../utf8.js";

/** The wire types of a field's value. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const KINDS = new Map([
  [VARINT, "a varint"],
  [FIXED64, "8 bytes"],
  [BYTES, "a length and bytes"],
  [FIXED32, "4 bytes"],
]);

/** A range of the file's bytes. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** A short text of ASCII, such as a name, without a decoder; undefined for other texts. */
function asciiText(bytes: Uint8Array, { begin, end }: Span): string | undefined {
  if (end - begin > 128) return undefined;
  for (let i = begin; i < end; i++) if ((bytes[i] as number) > 127) return undefined;
  // In one call: letter by letter a tree of strings would be left behind, 32 bytes a letter (Node 20, 2026).
  return Reflect.apply(String.fromCharCode, undefined, bytes.subarray(begin, end));
}

/**
 * Reads one protobuf message, field by field: `next` returns the number of the next field, and one of the reading methods
 * takes its value. Nothing is copied. A length that exceeds its message is an error.
 */
export class Wire {
  /** The public function that was called, for errors. */
  readonly where: string;
  readonly #bytes: Uint8Array;
  /** Made for the first number that needs it: most messages have none. */
  #view: DataView | undefined;
  readonly #begin: number;
  readonly #end: number;
  #at: number;
  #type = VARINT;
  #field = 0;
  #fieldAt = 0;

  constructor(where: string, bytes: Uint8Array, begin = 0, end = bytes.length) {
    this.where = where;
    this.#bytes = bytes;
    this.#begin = begin;
    this.#at = begin;
    this.#end = end;
  }

  /** The byte of the file at which the message begins. */
  get begin(): number {
    return this.#begin;
  }

  /** The byte after its last. */
  get end(): number {
    return this.#end;
  }

  fail(code: ModelFormatCode, what: string, offset = this.#fieldAt, tensor?: string): never {
    const place = tensor === undefined ? "" : `${JSON.stringify(tensor)}: `;
    const message = `${this.where}: ${place}${what}, at byte ${offset}`;
    throw new ModelFormatError(code, message, tensor, offset);
  }

  get #numbers(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view;
  }

  /** The number of the field that comes next, 0 at the end of the message. */
  next(): number {
    if (this.#at === this.#end) return 0;
    this.#fieldAt = this.#at;
    const tag = this.#varint();
    if (tag < 8 || tag >= 2 ** 32) {
      const got = Math.floor(tag / 8);
      this.fail("wire-type", `expected a field from 1 to 2^29 − 1, got ${got}`);
    }
    this.#field = tag >>> 3;
    this.#type = tag & 7;
    // Groups, types 3 and 4, are older than ONNX.
    if (this.#type > FIXED32 || this.#type === 3 || this.#type === 4) {
      this.fail("wire-type", `field ${this.#field}: expected type 0, 1, 2 or 5, got ${this.#type}`);
    }
    return this.#field;
  }

  /** The wire type of the field's value. */
  get type(): number {
    return this.#type;
  }

  /** Skips the value. */
  skip(): void {
    if (this.#type === VARINT) this.#varint();
    else if (this.#type === BYTES) this.span();
    else this.#take(this.#type === FIXED64 ? 8 : 4);
  }

  /** An int64, int32 or enum: exact if it is a safe integer, else the nearest number. */
  integer(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#numbers.getFloat32(this.#take(4), true);
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#numbers.getFloat64(this.#take(8), true);
  }

  /** The place of the value's bytes. */
  span(): Span {
    this.#expect(BYTES);
    const length = this.#varint();
    if (length < 0 || length > this.#end - this.#at) {
      const found = `${length < 0 ? "more than 2^63" : length}`;
      const left = this.#end - this.#at;
      this.fail("truncated", `field ${this.#field}: expected ≤ ${left} bytes, got ${found}`);
    }
    const begin = this.#take(length);
    return { begin, end: begin + length };
  }

  message(): Wire {
    const { begin, end } = this.span();
    return new Wire(this.where, this.#bytes, begin, end);
  }

  /** Strict UTF-8 of at most `most` bytes. */
  text(most: number): string {
    const at = this.#fieldAt;
    const span = this.span();
    const { begin, end } = span;
    if (end - begin > most) {
      this.fail("name-too-long", `a string: expected ≤ ${most} bytes, got ${end - begin}`, at);
    }
    const short = asciiText(this.#bytes, span);
    if (short !== undefined) return short;
    const bytes = this.#bytes.subarray(begin, end);
    try {
      return decodeUtf8(bytes, { fatal: true, ignoreBOM: true });
    } catch {
      return this.fail("utf8", "a string: expected UTF-8, got other bytes", at);
    }
  }

  /** A repeated number, packed (a length, then numbers) or single. Calls `visit` once for each. */
  numbers(type: typeof VARINT | typeof FIXED32 | typeof FIXED64, visit: (n: number) => void): void {
    if (this.#type !== BYTES) {
      this.#expect(type);
      visit(this.#number(type));
      return;
    }
    const { begin, end } = this.span();
    const packed = new Wire(this.where, this.#bytes, begin, end);
    packed.#fieldAt = this.#fieldAt;
    packed.#field = this.#field;
    while (packed.#at < end) visit(packed.#number(type));
  }

  #number(type: number): number {
    if (type === VARINT) return this.#varint();
    const at = this.#take(type === FIXED64 ? 8 : 4);
    const view = this.#numbers;
    return type === FIXED64 ? view.getFloat64(at, true) : view.getFloat32(at, true);
  }

  #expect(type: number): void {
    if (this.#type === type) return;
    const [wanted, got] = [KINDS.get(type), KINDS.get(this.#type)];
    this.fail("wire-type", `field ${this.#field}: expected ${wanted}, got ${got}`);
  }

  /** Skips `length` bytes and returns the place where they begin. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) {
      const left = this.#end - at;
      this.fail("truncated", `field ${this.#field}: expected ${length} more bytes, got ${left}`);
    }
    this.#at = at + length;
    return at;
  }

  /** Reads at most 10 bytes of 7 bits, the lowest first: 64 bits, two's complement. */
  #varint(): number {
    const start = this.#at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.#at === this.#end) this.fail("truncated", "a varint has no end", start);
      const byte = this.#bytes[this.#at++] as number;
      const bits = byte & 127;
      if (i < 4) low += bits * 2 ** (7 * i);
      else if (i === 4) {
        low += (bits & 15) * 2 ** 28;
        high = bits >> 4;
      } else high += bits * 2 ** (7 * i - 32);
      if (byte < 128) {
        if (i === 9 && byte > 1) break;
        return (high >= 2 ** 31 ? high - 2 ** 32 : high) * 2 ** 32 + low;
      }
    }
    return this.fail("varint", "a varint: expected ≤ 10 bytes and 64 bits, got more", start);
  }
}
