import { inflateSync } from "fflate";
import { adler32, fletcher32 } from "./checksum.js";
import type { Cursor, Hdf5Bytes } from "./cursor.js";
import { treeLeaves } from "./links.js";

const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
/** The most bytes that one deflated byte can become: two bits repeat 258 bytes. */
const DEFLATE_RATIO = 1032;

type Fail = (what: string) => never;

/** How a dataset's numbers are cut into chunks. */
export interface Chunking {
  readonly shape: readonly number[];
  /** The extents of a chunk. */
  readonly chunk: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  /** The address of the tree that lists them, if any were written. */
  readonly tree: number | undefined;
  /** HDF5's numbers of the filters, in the order in which they were applied. */
  readonly filters: readonly number[];
}

interface StoredChunk {
  readonly offsets: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** A bit for each filter that was not applied to this chunk. */
  readonly mask: number;
}

const product = (extents: readonly number[]): number => extents.reduce((size, n) => size * n, 1);

/** Reads a filter pipeline message. */
export function readFilters(message: Cursor, fail: Fail): number[] {
  const version = message.version("filters", 1, 2);
  const count = message.u8();
  if (version === 1) message.skip(6);
  const filters: number[] = [];
  for (let i = 0; i < count; i++) {
    const id = message.u16();
    if (id !== DEFLATE && id !== SHUFFLE && id !== FLETCHER32) {
      fail(`expected the filters deflate, shuffle or Fletcher-32, got filter ${id}`);
    }
    if (filters.includes(id)) fail(`expected filter ${id} once`);
    filters.push(id);
    const nameBytes = version === 1 ? message.u16() : 0;
    message.skip(2);
    const values = message.u16();
    message.skip(8 * Math.ceil(nameBytes / 8) + 4 * values);
    if (version === 1 && values % 2 === 1) message.skip(4);
  }
  return filters;
}

/** The chunks of a dataset, all of them, each once. Nothing is inflated or allocated for numbers yet. */
export function findChunks(file: Hdf5Bytes, chunking: Chunking, fail: Fail): StoredChunk[] {
  const { shape, chunk, width, tree, filters } = chunking;
  const bytes = product(chunk) * width;
  const expected = product(shape.map((extent, i) => Math.ceil(extent / (chunk[i] as number))));
  const chunks: StoredChunk[] = [];
  let last = -1;
  if (tree !== undefined && expected > 0) {
    for (const { key, child } of treeLeaves(file, tree, 1, 8 * shape.length + 16)) {
      const [stored, mask] = [key.u32(), key.u32()];
      let place = 0;
      const offsets = shape.map((extent, i) => {
        const offset = key.integer(8);
        place = place * extent + offset;
        if (offset % (chunk[i] as number) === 0 && offset < extent) return offset;
        return fail(`expected a chunk within the shape, got one at ${offset} of ${extent}`);
      });
      if (place <= last) fail("expected chunks in order");
      last = place;
      const isDeflated = filters.some((id, i) => id === DEFLATE && ((mask >> i) & 1) === 0);
      if (bytes > stored * (isDeflated ? DEFLATE_RATIO : 1)) {
        fail(`expected a chunk of ${bytes} bytes, got ${stored} in the file`);
      }
      chunks.push({ offsets, address: child, bytes: stored, mask });
    }
  }
  if (chunks.length !== expected) fail(`expected ${expected} chunks, got ${chunks.length}`);
  return chunks;
}

/** The bytes of all elements in C order, from chunks that `findChunks` has found. */
export function joinChunks(
  file: Hdf5Bytes,
  { shape, chunk, width, filters }: Chunking,
  chunks: readonly StoredChunk[],
  fail: Fail,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(product(shape) * width);
  const chunkBytes = product(chunk) * width;
  // Room for a checksum, and for one byte more, which tells that a chunk is too long.
  const scratch = filters.includes(DEFLATE) ? new Uint8Array(chunkBytes + 5) : undefined;
  for (const { offsets, address, bytes, mask } of chunks) {
    let data = file.numbers(address, bytes);
    for (let i = filters.length - 1; i >= 0; i--) {
      if (((mask >> i) & 1) !== 0) continue;
      const filter = filters[i];
      if (filter === FLETCHER32) data = withoutChecksum(data, fail);
      else if (filter === SHUFFLE) data = unshuffle(data, width);
      else data = inflate(data, scratch as Uint8Array, fail);
    }
    if (data.length !== chunkBytes) {
      fail(`expected a chunk of ${chunkBytes} bytes, got ${data.length}`);
    }
    place(out, shape, data, chunk, offsets, width);
  }
  return out;
}

const CHECKSUM = "expected another checksum";

const u32At = (data: Uint8Array, at: number, isLittle: boolean): number =>
  new DataView(data.buffer, data.byteOffset + at, 4).getUint32(0, isLittle);

function withoutChecksum(data: Uint8Array, fail: Fail): Uint8Array {
  const end = data.length - 4;
  const stored = end < 0 ? -1 : u32At(data, end, true);
  if (stored !== fletcher32(data.subarray(0, end))) fail(CHECKSUM);
  return data.subarray(0, end);
}

/** All first bytes of the elements come first, then all second ones, and so on. */
function unshuffle(data: Uint8Array, width: number): Uint8Array {
  const out = data.slice();
  const count = Math.floor(data.length / width);
  for (let byte = 0; byte < width; byte++) {
    for (let i = 0; i < count; i++) out[i * width + byte] = data[byte * count + i] as number;
  }
  return out;
}

/** Inflates zlib's format: two bytes of header and four of checksum surround the deflated bytes. */
function inflate(data: Uint8Array, scratch: Uint8Array, fail: Fail): Uint8Array {
  const [method = 0, flags = 0] = data;
  if (data.length < 6 || (method & 15) !== 8 || (256 * method + flags) % 31 !== 0 || flags & 32) {
    return fail("expected a chunk in zlib's format");
  }
  let out: Uint8Array;
  try {
    out = inflateSync(data.subarray(2, -4), { out: scratch });
  } catch {
    return fail("expected a chunk that inflates");
  }
  if (out.length === scratch.length) {
    return fail(`expected a chunk of ≤ ${scratch.length - 1} bytes, got more`);
  }
  if (u32At(data, data.length - 4, false) !== adler32(out)) fail(CHECKSUM);
  return out;
}

/** Copies the part of a chunk that lies within the shape, row by row. */
function place(
  out: Uint8Array,
  shape: readonly number[],
  data: Uint8Array,
  chunk: readonly number[],
  offsets: readonly number[],
  width: number,
): void {
  const rank = shape.length;
  const extents = chunk.map((n, i) => Math.min(n, (shape[i] as number) - (offsets[i] as number)));
  const run = width * (extents[rank - 1] as number);
  const rows = product(extents.slice(0, -1));
  const index = extents.map(() => 0);
  for (let row = 0; row < rows; row++) {
    let [from, to] = [0, 0];
    for (let i = 0; i < rank; i++) {
      from = from * (chunk[i] as number) + (index[i] as number);
      to = to * (shape[i] as number) + (offsets[i] as number) + (index[i] as number);
    }
    out.set(data.subarray(width * from, width * from + run), width * to);
    for (let i = rank - 2; i >= 0; i--) {
      index[i] = (index[i] as number) + 1;
      if ((index[i] as number) < (extents[i] as number)) break;
      index[i] = 0;
    }
  }
}
