import { inflateSync } from "fflate";
import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";

const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;

/** What no archive may exceed. */
export const ZIP_LIMITS = { entries: 10_000, ratio: 200 };

/** A file of an archive as its directory has it. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes, packed and as declared. */
  readonly packed: number;
  readonly size: number;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  /** Where its local header stands. */
  readonly at: number;
}

type Fail = (code: ModelFormatCode, what: string, offset?: number) => never;

const failing =
  (where: string): Fail =>
  (code, what, offset) => {
    const place = offset === undefined ? "" : `, at byte ${offset}`;
    throw new ModelFormatError(code, `${where}: zip: ${what}${place}`, undefined, offset);
  };

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where the end of the directory stands: the last thing in the file but for a comment of ≤ 65,535 bytes. */
function findEnd(view: DataView, fail: Fail): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) !== END) continue;
    if (view.getUint16(at + 20, true) === last - at) return at;
  }
  return fail("zip", "expected a zip archive, found no end of a directory");
}

/** The files of an archive, by name. Nothing is unpacked. */
export function readZipDirectory(where: string, bytes: Uint8Array): Map<string, ZipEntry> {
  const fail = failing(where);
  const view = viewOf(bytes);
  const end = findEnd(view, fail);
  const count = view.getUint16(end + 10, true);
  const start = view.getUint32(end + 16, true);
  if (start === 0xffffffff || count === 0xffff) {
    fail("zip", "expected an archive of < 4 GiB, got zip64", end);
  }
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    fail("zip", "expected one archive in one file, got a part", end);
  }
  if (count > ZIP_LIMITS.entries) {
    fail("zip", `expected ≤ ${ZIP_LIMITS.entries} files, got ${count}`, end);
  }
  const entries = new Map<string, ZipEntry>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL) {
      fail("zip", `expected ${count} entries in the directory, found ${i}`, at);
    }
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const [nameBytes = 0] = lengths;
    const next = lengths.reduce((sum, length) => sum + length, at + CENTRAL_BYTES);
    if (next > end) fail("zip", "an entry reaches beyond the directory", at);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if (entries.has(name)) fail("duplicate-key", `${JSON.stringify(name)} stands twice`, at);
    entries.set(name, {
      name,
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      at: view.getUint32(at + 42, true),
    });
    at = next;
  }
  if (at !== end) fail("zip", `expected the directory to end at byte ${end}, got ${at}`, at);
  return entries;
}

/**
 * The bytes of one file of the archive, a view of the archive if they are stored. The sizes that the directory declares are
 * held against the limits before anything is unpacked; the file must have that size and the directory's CRC.
 */
export function readZipEntry(
  where: string,
  bytes: Uint8Array,
  entry: ZipEntry,
  limit: number,
): Uint8Array {
  const fail = failing(where);
  const { at, packed, size, method } = entry;
  const shown = JSON.stringify(entry.name.slice(0, 64));
  if ((entry.flags & 1) !== 0) fail("zip", `${shown}: expected no encryption`, at);
  if (method !== 0 && method !== 8) {
    fail("zip", `${shown}: expected a stored or deflated file, got method ${method}`, at);
  }
  if (size > limit) {
    fail("too-large", `${shown}: expected a file of ≤ ${limit} bytes, got ${size}`, at);
  }
  if (size > packed * ZIP_LIMITS.ratio) {
    const found = `${packed} bytes that declare ${size}`;
    fail("zip-ratio", `${shown}: expected a ratio of ≤ ${ZIP_LIMITS.ratio}, got ${found}`, at);
  }
  const view = viewOf(bytes);
  if (at + LOCAL_BYTES > bytes.length || view.getUint32(at, true) !== LOCAL) {
    fail("zip", `${shown}: found no file where the directory has it`, at);
  }
  const start = at + LOCAL_BYTES + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (start + packed > bytes.length) {
    fail("zip", `${shown}: expected ${packed} bytes, the archive ends before them`, start);
  }
  if (method === 0 && packed !== size) {
    fail("zip", `${shown}: expected ${size} stored bytes, got ${packed}`, at);
  }
  const data = bytes.subarray(start, start + packed);
  const own = method === 0 ? data : inflate(data, size);
  if (own === undefined) return fail("zip", `${shown}: expected ${size} deflated bytes`, start);
  if (crc32(own) !== entry.crc) {
    fail("zip", `${shown}: expected the CRC of the directory, got another`, start);
  }
  return own;
}

/** Exactly `size` bytes, or undefined. fflate drops what does not fit, so there is room for one byte more. */
function inflate(data: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const out = inflateSync(data, { out: new Uint8Array(size + 1) });
    return out.length === size ? out.subarray(0, size) : undefined;
  } catch {
    return undefined;
  }
}

let table: Uint32Array | undefined;

function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 255] as number);
  }
  return ~crc >>> 0;
}
