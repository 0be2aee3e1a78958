import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { checkObject, describe } from "../../tensor.js";
import { allFinite } from "../finite.js";
import { fromBF16, fromF16 } from "../halves.js";
import { type Entry, LIMITS, parseHeader, type StoredDtype } from "./header.js";

/** A tensor of a file. */
export interface StoredTensor {
  /** How the file keeps its numbers. */
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** In C order; `Float64Array` for F64, else `Float32Array`, which holds every F16 and BF16 exactly. */
  readonly data: Float64Array | Float32Array;
}

export interface ReadSafetensorsOptions {
  /** What to do about NaN and ±∞ among the weights. Default: `"reject"`. */
  nonFinite?: "reject" | "allow" | undefined;
  /** Bytes that the tensors may take in all, as read. Default: 2³¹. */
  maximumBytes?: number | undefined;
}

export interface SafetensorsFile {
  /** By name, in the order of their bytes in the file. */
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Map<string, string>;
}

function fail(code: ModelFormatCode, what: string, offset?: number, tensor?: string): never {
  const place = tensor === undefined ? "" : `${JSON.stringify(tensor)}: `;
  throw new ModelFormatError(code, `readSafetensors: ${place}${what}`, tensor, offset);
}

/** A copy that begins where any typed array may begin; also of a Node `Buffer`, whose own `slice` is a view. */
function copy(bytes: Uint8Array, begin: number, end: number): Uint8Array<ArrayBuffer> {
  const own = new Uint8Array(end - begin);
  own.set(bytes.subarray(begin, end));
  return own;
}

/** The header's text. */
function headerText(bytes: Uint8Array): { text: string; dataStart: number } {
  if (bytes.length < 8) {
    fail("file-too-short", `expected a file of ≥ 8 bytes, got ${bytes.length}`, 0);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(LIMITS.header)) {
    fail("header-too-long", `expected a header of ≤ ${LIMITS.header} bytes, got ${length}`, 0);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    const found = `${bytes.length - 8} after its length`;
    fail("header-outside-file", `expected a header of ${length} bytes, got ${found}`, 0);
  }
  if (length === 0n || bytes[8] !== 0x7b) {
    const found = length === 0n ? "an empty one" : `byte ${bytes[8]}`;
    fail("header-start", `expected a header that begins with {, got ${found}`, 8);
  }
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(copy(bytes, 8, dataStart)), dataStart };
  } catch {
    return fail("header-utf8", "expected a header in UTF-8, got other bytes", 8);
  }
}

function readNumbers(bytes: Uint8Array, { dtype, begin, end }: Entry, dataStart: number) {
  const { buffer } = copy(bytes, dataStart + begin, dataStart + end);
  if (dtype === "F64") return new Float64Array(buffer);
  if (dtype === "F32") return new Float32Array(buffer);
  return dtype === "F16" ? fromF16(new Uint16Array(buffer)) : fromBF16(new Uint16Array(buffer));
}

function checkFinite(data: Float64Array | Float32Array, entry: Entry, dataStart: number): void {
  if (allFinite(data)) return;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (Number.isFinite(value)) continue;
    const offset = dataStart + entry.begin + (i * (entry.end - entry.begin)) / data.length;
    const what = `element ${i}: expected a finite number, got ${value} (nonFinite: "allow" lets it pass)`;
    fail("not-finite", what, offset, entry.name);
  }
}

/**
 * Reads a safetensors file: F64, F32, F16 and BF16. Every rule is checked before a tensor is made; the result shares no
 * memory with the file.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the file breaks a rule: `code` says which (docs/formats.md), `tensor` and `offset` where
 */
export function readSafetensors(
  file: Uint8Array | ArrayBuffer,
  options: ReadSafetensorsOptions = {},
): SafetensorsFile {
  if (!(file instanceof Uint8Array) && !(file instanceof ArrayBuffer)) {
    throw new TypeError(
      `readSafetensors: file: expected Uint8Array or ArrayBuffer, got ${describe(file)}`,
    );
  }
  checkObject("readSafetensors", "options", options);
  const { nonFinite = "reject", maximumBytes = 2 ** 31 } = options;
  if (nonFinite !== "reject" && nonFinite !== "allow") {
    throw new TypeError(
      `readSafetensors: nonFinite: expected "reject" or "allow", got ${String(nonFinite)}`,
    );
  }
  if (typeof maximumBytes !== "number" || !(maximumBytes >= 0)) {
    throw new TypeError(
      `readSafetensors: maximumBytes: expected a number ≥ 0, got ${String(maximumBytes)}`,
    );
  }
  const bytes = file instanceof ArrayBuffer ? new Uint8Array(file) : file;
  const { text, dataStart } = headerText(bytes);
  const { entries, metadata } = parseHeader(text, 8, bytes.length - dataStart);
  let needed = 0;
  for (const { dtype, size } of entries) needed += size * (dtype === "F64" ? 8 : 4);
  if (needed > maximumBytes) {
    fail("too-large", `expected tensors of ≤ ${maximumBytes} bytes (maximumBytes), got ${needed}`);
  }
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) {
    const data = readNumbers(bytes, entry, dataStart);
    if (nonFinite === "reject") checkFinite(data, entry, dataStart);
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data });
  }
  return { tensors, metadata };
}
