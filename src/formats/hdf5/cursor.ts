import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { decodeUtf8 } from "../../utf8.js";
import { lookup3 } from "./checksum.js";

/**
 * The bytes of an HDF5 file, and how many of them may still be read. The structures of a sound file do not overlap and each
 * is read once, so together they are no longer than the file; the same is true of the numbers. A file whose addresses lead
 * to more than that is refused, which bounds the work that it can cause.
 */
export class Hdf5Bytes {
  readonly where: string;
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #structures: number;
  #numbers: number;

  constructor(where: string, bytes: Uint8Array) {
    this.where = where;
    // A Node Buffer's own slices would be views.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Twice, as the names in a heap are read once with the heap and once on their own.
    this.#structures = 2 * bytes.length;
    this.#numbers = bytes.length;
  }

  /** Throws for a structure of the file that breaks a rule. */
  fail(what: string, offset: number): never {
    const message = `${this.where}: weights: ${what}, at byte ${offset}`;
    throw new ModelFormatError("hdf5", message, undefined, offset);
  }

  /** Throws for a dataset that breaks a rule. */
  failAt(path: string, code: ModelFormatCode, what: string): never {
    const message = `${this.where}: weights: ${JSON.stringify(path)}: ${what}`;
    throw new ModelFormatError(code, message, path);
  }

  /** Opens a structure of `length` bytes. */
  structure(address: number, length: number): Cursor {
    this.#locate(address, length);
    this.spend(length, address);
    return new Cursor(this, this.#view, address, address + length);
  }

  /** Opens a part of a structure that is counted already. */
  reopen(begin: number, end: number): Cursor {
    return new Cursor(this, this.#view, begin, end);
  }

  /** Counts bytes of structures that are read. */
  spend(length: number, offset: number): void {
    this.#structures -= length;
    if (this.#structures < 0) this.fail("expected structures that do not overlap", offset);
  }

  /** The bytes of numbers, a view. */
  numbers(at: number, length: number): Uint8Array {
    this.#locate(at, length);
    this.#numbers -= length;
    if (this.#numbers < 0) this.fail("expected numbers that do not overlap", at);
    return this.bytes.subarray(at, at + length);
  }

  #locate(address: number, length: number): void {
    if (address + length <= this.bytes.length) return;
    const expected = `expected a file of ≥ ${address + length} bytes`;
    this.fail(`${expected}, got ${this.bytes.length}`, address);
  }
}

/** Reads a structure from left to right, little-endian, and nothing beyond its end. */
export class Cursor {
  readonly #file: Hdf5Bytes;
  readonly #view: DataView;
  readonly #end: number;
  readonly begin: number;
  #at: number;

  constructor(file: Hdf5Bytes, view: DataView, begin: number, end: number) {
    this.#file = file;
    this.#view = view;
    this.begin = begin;
    this.#at = begin;
    this.#end = end;
  }

  /** The byte of the file that comes next. */
  get at(): number {
    return this.#at;
  }

  /** Bytes to the end. */
  get left(): number {
    return this.#end - this.#at;
  }

  fail(what: string, offset = this.begin): never {
    return this.#file.fail(what, offset);
  }

  /** Throws unless a condition holds. */
  check(holds: boolean, expected: string): void {
    if (!holds) this.fail(`expected ${expected}`);
  }

  /** Moves over `length` bytes and gives where they begin. */
  skip(length: number): number {
    const at = this.#at;
    if (length > this.left) this.fail(`expected ${length} more bytes, got ${this.left}`, at);
    this.#at = at + length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** An unsigned integer of 1 to 8 bytes, below 2^53. */
  integer(width: number): number {
    const at = this.skip(width);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#view.getUint8(at + i);
    if (!Number.isSafeInteger(value)) this.fail("expected an integer below 2^53", at);
    return value;
  }

  /** An address; undefined if all its bits are set. */
  addressOrNone(): number | undefined {
    const isNone = this.bytes(8).every((byte) => byte === 255);
    this.#at -= isNone ? 0 : 8;
    return isNone ? undefined : this.integer(8);
  }

  address(): number {
    return this.addressOrNone() ?? this.fail("expected an address", this.#at - 8);
  }

  bytes(length: number): Uint8Array {
    const at = this.skip(length);
    return this.#file.bytes.subarray(at, at + length);
  }

  /** A text of at most `length` bytes; a zero byte ends it. */
  text(length: number): string {
    return decodeUtf8(this.bytes(length)).replace(/\0.*/s, "");
  }

  /** The next bytes of a structure, as a structure of their own. */
  part(length: number): Cursor {
    const at = this.skip(length);
    return new Cursor(this.#file, this.#view, at, at + length);
  }

  /** A structure within this one, from its beginning on. */
  within(offset: number, length: number): Cursor {
    this.#file.spend(length, this.begin + offset);
    return new Cursor(this.#file, this.#view, this.begin + offset, this.begin + offset + length);
  }

  /** Throws unless the next four bytes are this text, and the byte behind them this version. */
  signature(expected: string, version?: number): void {
    const at = this.#at;
    const found = this.left < 4 ? "the end" : JSON.stringify(this.text(4));
    if (found !== JSON.stringify(expected)) this.fail(`expected ${expected}, got ${found}`, at);
    if (version !== undefined) this.version(expected, version);
  }

  /** Throws unless the next byte is one of the versions that are read. */
  version(structure: string, ...known: number[]): number {
    const at = this.#at;
    const version = this.u8();
    if (known.includes(version)) return version;
    return this.fail(`${structure}: expected version ${known.join(" or ")}, got ${version}`, at);
  }

  /** Reads the checksum that ends a structure, and throws unless the bytes before it have it. */
  checksum(): void {
    const computed = lookup3(this.#file.bytes.subarray(this.begin, this.#at));
    this.check(this.u32() === computed, "another checksum");
  }
}
