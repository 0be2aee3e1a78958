import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { checkObject, checkTensor, describe, isNumbers } from "../../tensor.js";
import { encodeUtf8 } from "../../utf8.js";
import { BF16, F16, toHalves } from "../halves.js";
import { isDtype, LIMITS, METADATA, type StoredDtype, WIDTHS } from "./header.js";
import { hasLoneSurrogate } from "./header_text.js";

/** A tensor to be written. */
export interface StorableTensor {
  /** Default: the type of the data, F64 or F32. */
  readonly dtype?: StoredDtype | undefined;
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array;
}

/** Values by name: a map, pairs, or an object. */
export type Named<V> = Iterable<readonly [string, V]> | Readonly<Record<string, V>>;

interface Item extends StorableTensor {
  readonly name: string;
  readonly dtype: StoredDtype;
}

const where = "writeSafetensors";

function fail(code: ModelFormatCode, what: string, tensor?: string): never {
  throw new ModelFormatError(code, `${where}: ${what}`, tensor);
}

function* pairs<V>(operand: string, named: Named<V>): Iterable<readonly [string, V]> {
  checkObject(where, operand, named);
  const seen = new Set<string>();
  const given = Symbol.iterator in named ? (named as Iterable<readonly [string, V]>) : undefined;
  for (const pair of given ?? Object.entries(named as Record<string, V>)) {
    const [name, value] = Array.isArray(pair) ? (pair as [string, V]) : [undefined, undefined];
    if (typeof name !== "string") {
      throw new TypeError(`${where}: ${operand}: expected names and values, got ${describe(pair)}`);
    }
    const shown = JSON.stringify(name.slice(0, 64));
    const tensor = operand === "tensors" ? name : undefined;
    if (seen.has(name))
      fail("duplicate-key", `${operand}: expected one ${shown}, got another`, tensor);
    if (hasLoneSurrogate(name)) {
      fail("name", `${operand}: ${shown}: expected a well-formed string, got half a pair`, tensor);
    }
    seen.add(name);
    yield [name, value as V];
  }
}

function checkItem(name: string, value: StorableTensor): Item {
  const shown = JSON.stringify(name.slice(0, 64));
  if (name === METADATA) fail("name", `tensors: expected another name than ${METADATA}`, name);
  if (name.length > LIMITS.name) {
    fail(
      "name-too-long",
      `${shown}…: expected ≤ ${LIMITS.name} characters, got ${name.length}`,
      name,
    );
  }
  checkTensor(where, shown, value, isNumbers(value?.data, Float32Array) ? Float32Array : undefined);
  const { shape, data, dtype = isNumbers(data, Float32Array) ? "F32" : "F64" } = value;
  if (shape.length > LIMITS.rank) {
    fail("rank-too-high", `${shown}: expected rank ≤ ${LIMITS.rank}, got ${shape.length}`, name);
  }
  if (!isDtype(dtype)) {
    const expected = Object.keys(WIDTHS).join(", ");
    fail("dtype", `${shown}: dtype: expected one of ${expected}, got ${String(dtype)}`, name);
  }
  // From the left, as readers multiply: a later extent of 0 does not undo an overflow.
  let product = 1;
  for (const factor of [...shape, WIDTHS[dtype]]) {
    product *= factor;
    if (!Number.isSafeInteger(product)) {
      fail("shape-overflow", `${shown}: shape: expected fewer than 2^53 bytes`, name);
    }
  }
  return { name, dtype, shape, data };
}

/** Compares by code point, the order of the UTF-8 bytes. `<` would compare halves of surrogate pairs. */
function compareNames(a: string, b: string): number {
  // Inside a pair that is equal, the second halves are equal, too.
  for (let i = 0; ; i++) {
    const [left, right] = [a.codePointAt(i) ?? -1, b.codePointAt(i) ?? -1];
    if (left !== right || left < 0) return left - right;
  }
}

/** The bytes of the numbers as the file has them: the tensor's own memory if it holds them. */
function encode({ dtype, data }: Item): Uint8Array {
  if (dtype === "F16" || dtype === "BF16") {
    return new Uint8Array(toHalves(data, dtype === "F16" ? F16 : BF16).buffer);
  }
  const Numbers = dtype === "F64" ? Float64Array : Float32Array;
  const own = isNumbers(data, Numbers) ? data : Numbers.from(data);
  return new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
}

function headerOf(items: readonly Item[], metadata: readonly (readonly [string, string])[]) {
  const quote = JSON.stringify;
  const members: string[] = [];
  if (metadata.length > 0) {
    const notes = metadata.map(([key, value]) => `${quote(key)}:${quote(value)}`);
    members.push(`${quote(METADATA)}:{${notes.join(",")}}`);
  }
  let begin = 0;
  for (const { name, dtype, shape, data } of items) {
    const end = begin + data.length * WIDTHS[dtype];
    members.push(
      `${quote(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const text = encodeUtf8(`{${members.join(",")}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > LIMITS.header) {
    fail("header-too-long", `expected a header of ≤ ${LIMITS.header} bytes, got ${length}`);
  }
  return { text, length, dataBytes: begin };
}

/**
 * Writes a safetensors file. Equal tensors and metadata give equal bytes, in whatever order they come: the widest numbers
 * go first, then names decide. If the dtype is narrower than the data, numbers are rounded to nearest, ties to even, and
 * become ±∞ if they are too large. NaN and ±∞ are written as they are.
 *
 * @param tensors by name; any `{ shape, data }`, such as a tensor of this package or of `readSafetensors`
 * @param metadata strings by name
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ShapeError} if a tensor's data do not fill its shape
 * @throws {ModelFormatError} if no reader would accept the file: a limit is exceeded, a name occurs twice or has no UTF-8 form
 */
export function writeSafetensors(
  tensors: Named<StorableTensor>,
  metadata: Named<string> = {},
): Uint8Array {
  const items: Item[] = [];
  for (const [name, value] of pairs("tensors", tensors)) {
    if (items.length === LIMITS.tensors) {
      fail("too-many-tensors", `expected ≤ ${LIMITS.tensors} tensors, got more`, name);
    }
    items.push(checkItem(name, value));
  }
  items.sort((a, b) => WIDTHS[b.dtype] - WIDTHS[a.dtype] || compareNames(a.name, b.name));
  const notes: (readonly [string, string])[] = [];
  for (const [key, value] of pairs("metadata", metadata)) {
    if (typeof value !== "string") {
      const shown = JSON.stringify(key.slice(0, 64));
      throw new TypeError(
        `${where}: metadata: ${shown}: expected a string, got ${describe(value)}`,
      );
    }
    if (hasLoneSurrogate(value)) fail("metadata", "metadata: expected well-formed strings");
    if (notes.length === LIMITS.metadata) {
      fail("too-many-metadata", `metadata: expected ≤ ${LIMITS.metadata} keys, got more`);
    }
    notes.push([key, value]);
  }
  notes.sort(([a], [b]) => compareNames(a, b));

  const { text, length, dataBytes } = headerOf(items, notes);
  const file = new Uint8Array(8 + length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length);
  file.set(text, 8);
  let place = 8 + length;
  for (const item of items) {
    const bytes = encode(item);
    file.set(bytes, place);
    place += bytes.length;
  }
  return file;
}
