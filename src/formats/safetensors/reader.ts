import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { decodeUtf8 } from "../../utf8.js";
import { type Bytes, bytesOf } from "../bytes.js";
import { recognise } from "../file_kinds.js";
import { checkFinite } from "../finite.js";
import { fromBF16, fromF16 } from "../halves.js";
import { checkReadOptions, READ_OPTIONS, type ReadOptions } from "../options.js";
import { type Entry, LIMITS, parseHeader, type StoredDtype, WIDTHS } from "./header.js";

/** A tensor of a file. */
export interface StoredTensor {
  /** The type of the numbers in the file. */
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** In C order: `Float64Array` for F64, otherwise `Float32Array`, which represents every F16 and BF16 exactly. */
  readonly data: Float64Array | Float32Array;
}

/** Options of {@link readSafetensors}. */
export type ReadSafetensorsOptions = ReadOptions;

/** The content of a safetensors file. */
export interface SafetensorsFile {
  /** By name, in the order of their bytes in the file. */
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Map<string, string>;
}

const where = "readSafetensors";

function fail(code: ModelFormatCode, what: string, offset?: number, tensor?: string): never {
  const place = tensor === undefined ? "" : `${JSON.stringify(tensor)}: `;
  throw new ModelFormatError(code, `${where}: ${place}${what}`, tensor, offset);
}

/** The header's text, and the byte at which the data begin. */
function headerText(bytes: Uint8Array): { text: string; dataStart: number } {
  const refuse = (code: ModelFormatCode, expected: string, got: string, offset: number): never => {
    const kind = recognise(bytes, /safetensors/);
    if (kind === undefined) return fail(code, `expected ${expected}, got ${got}`, offset);
    return fail("other-format", `expected a safetensors file, got ${kind}`, 0);
  };
  if (bytes.length < 8) {
    refuse("file-too-short", "a file of ≥ 8 bytes", String(bytes.length), 0);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(LIMITS.header)) {
    refuse("header-too-long", `a header of ≤ ${LIMITS.header} bytes`, String(length), 0);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    const found = `${bytes.length - 8} after its length`;
    refuse("header-outside-file", `a header of ${length} bytes`, found, 0);
  }
  if (length === 0n || bytes[8] !== 0x7b) {
    const found = length === 0n ? "an empty one" : `byte ${bytes[8]}`;
    refuse("header-start", "a header that begins with {", found, 8);
  }
  try {
    const header = bytes.subarray(8, dataStart);
    return { text: decodeUtf8(header, { fatal: true, ignoreBOM: true }), dataStart };
  } catch {
    return fail("header-utf8", "expected a header in UTF-8, got other bytes", 8);
  }
}

function readNumbers(bytes: Uint8Array, { dtype, begin, end }: Entry, dataStart: number) {
  // A copy begins where any typed array may begin.
  const { buffer } = bytes.slice(dataStart + begin, dataStart + end);
  if (dtype === "F64") return new Float64Array(buffer);
  if (dtype === "F32") return new Float32Array(buffer);
  return dtype === "F16" ? fromF16(new Uint16Array(buffer)) : fromBF16(new Uint16Array(buffer));
}

/**
 * Reads a safetensors file: F64, F32, F16 and BF16. Every rule is checked before a tensor is made. The result shares no
 * memory with the file.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the file breaks a rule: `code` names it (docs/formats.md), `tensor` and `offset` give the place
 */
export function readSafetensors(
  file: Bytes,
  options: ReadSafetensorsOptions = {},
): SafetensorsFile {
  const { nonFinite, maximumBytes } = checkReadOptions(where, options, READ_OPTIONS);
  const bytes = bytesOf(where, "file", file);
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
    if (nonFinite === "reject") {
      const { name, begin, dtype } = entry;
      checkFinite(where, name, data, (i) => dataStart + begin + i * WIDTHS[dtype]);
    }
    tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data });
  }
  return { tensors, metadata };
}
