import type { StoredNumbers } from "../../description/description.js";
import { formatShape } from "../../tensor.js";
import { fromBF16, fromF16 } from "../halves.js";
import { readTextAttribute } from "./attribute.js";
import { type Chunking, findChunks, joinChunks, readFilters } from "./chunks.js";
import { type Cursor, Hdf5Bytes } from "./cursor.js";
import { type FloatType, readDataspace, readDatatype, WIDTHS } from "./datatype.js";
import { type Links, readLinks } from "./links.js";
import { MESSAGE, type Messages, only, readObjectHeader } from "./object_header.js";

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_RANK = 8;
const CONTIGUOUS = 1;
const CHUNKED = 2;

export const isHdf5 = (bytes: Uint8Array): boolean => SIGNATURE.every((b, i) => bytes[i] === b);

/** A dataset whose header is known; its numbers are still in the file. */
export interface Dataset {
  readonly shape: readonly number[];
  /** Reads the numbers: F64 as such, F32, F16 and BF16 as f32. */
  read(): StoredNumbers["data"];
}

/** An object of a file: a group's members, or a dataset. */
interface Item {
  readonly messages: Messages;
  links?: Links;
  dataset?: Dataset;
}

/**
 * The groups and datasets of an HDF5 file, as h5py and the HDF5 library write them for Keras: superblocks 0, 2 and 3, groups
 * of all three kinds, contiguous numbers, and chunks that a version 1 tree lists. All other files are a `ModelFormatError`.
 */
export class Hdf5File {
  readonly #file: Hdf5Bytes;
  readonly #root: number;
  /** By the address of the header, so that an object with several links is read once. */
  readonly #items = new Map<number, Item>();
  /** Bytes that numbers may still take. */
  #left: number;

  constructor(where: string, bytes: Uint8Array, maximumBytes: number) {
    this.#file = new Hdf5Bytes(where, bytes);
    this.#left = maximumBytes;
    this.#root = this.#readSuperblock();
  }

  #readSuperblock(): number {
    const { bytes } = this.#file;
    if (!isHdf5(bytes)) this.#file.fail("expected an HDF5 file, got another signature", 0);
    const version = this.#file.structure(8, 1).version("superblock", 0, 2, 3);
    const head = this.#file.structure(0, version === 0 ? 96 : 48);
    head.skip(version === 0 ? 13 : 9);
    const widths = [head.u8(), head.u8()];
    head.check(widths.join() === "8,8", "addresses and lengths of 8 bytes");
    head.skip(version === 0 ? 9 : 1);
    head.check(head.address() === 0, "a file that begins at 0");
    // Of free space, or of the superblock's extension.
    head.skip(8);
    const end = head.integer(8);
    if (end > bytes.length) head.fail(`expected a file of ${end} bytes, got ${bytes.length}`);
    // The driver's address, and the name of the root, which has none.
    if (version === 0) head.skip(16);
    const root = head.address();
    if (version !== 0) head.checksum();
    return root;
  }

  #item(address: number): Item {
    let item = this.#items.get(address);
    if (item === undefined) {
      item = { messages: readObjectHeader(this.#file, address) };
      this.#items.set(address, item);
    }
    return item;
  }

  /** The object of a path such as `layers/lstm/cell/vars`. */
  #find(path: string): Item | undefined {
    let item = this.#item(this.#root);
    for (const name of path.split("/")) {
      item.links ??= readLinks(this.#file, item.messages);
      const address = item.links.get(name);
      if (address === undefined) return undefined;
      if (address === null) return this.#file.failAt(path, "hdf5", "expected no soft link");
      item = this.#item(address);
    }
    return item;
  }

  hasGroup(path: string): boolean {
    const item = this.#find(path);
    return item !== undefined && !item.messages.has(MESSAGE.dataspace);
  }

  /** The dataset of a path; undefined if there is none. Paths that lead to one dataset give the same object. */
  dataset(path: string): Dataset | undefined {
    const item = this.#find(path);
    if (item === undefined) return undefined;
    const { messages } = item;
    const space = only(this.#file, messages, MESSAGE.dataspace);
    if (space === undefined) return undefined;
    item.dataset ??= this.#describe(path, messages, space);
    return item.dataset;
  }

  #describe(path: string, messages: Messages, space: Cursor): Dataset {
    const file = this.#file;
    const shape = readDataspace(space);
    if (shape === undefined) return file.failAt(path, "hdf5", "expected numbers, got none");
    if (shape.length > MAX_RANK) {
      return file.failAt(path, "rank-too-high", `expected rank ≤ 8, got ${shape.length}`);
    }
    const dtype = this.#dtype(path, messages);
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (!Number.isSafeInteger(8 * size)) {
      const what = `expected fewer than 2^53 bytes, got ${formatShape(shape)}`;
      return file.failAt(path, "shape-overflow", what);
    }
    const read = (): StoredNumbers["data"] => {
      const own = this.#bytes(path, messages, shape, dtype);
      if (dtype === "F64") return new Float64Array(own.buffer);
      if (dtype === "F32") return new Float32Array(own.buffer);
      const halves = new Uint16Array(own.buffer);
      return dtype === "F16" ? fromF16(halves) : fromBF16(halves);
    };
    return { shape, read };
  }

  #dtype(path: string, messages: Messages): FloatType {
    const message = only(this.#file, messages, MESSAGE.datatype);
    if (message === undefined) return this.#file.failAt(path, "hdf5", "expected a datatype");
    const { kind, size, dtype } = readDatatype(message);
    if (dtype !== undefined) return dtype;
    // numpy has no such floats: h5py writes bytes without a meaning, and Keras this attribute.
    if (kind === "opaque" && size === 2) {
      if (readTextAttribute(this.#file, messages, "dtype") === "bfloat16") return "BF16";
    }
    const what = `expected little-endian F64, F32, F16 or BF16, got ${kind}`;
    return this.#file.failAt(path, "dtype", what);
  }

  /** The bytes of a dataset's elements in C order, a copy. Counts them, and all that reading them takes, beforehand. */
  #bytes(
    path: string,
    messages: Messages,
    shape: readonly number[],
    dtype: FloatType,
  ): Uint8Array<ArrayBuffer> {
    const file = this.#file;
    const fail = (what: string): never => file.failAt(path, "hdf5", what);
    const width = WIDTHS[dtype];
    const size = shape.reduce((product, extent) => product * extent, 1);
    const allow = (bytes: number): void => {
      if (bytes <= this.#left) return;
      const what = `more numbers than maximumBytes allows: ${formatShape(shape)}`;
      file.failAt(path, "too-large", what);
    };
    const asRead = size * Math.max(4, width);
    allow(asRead);
    const layout = only(file, messages, MESSAGE.layout) ?? fail("expected a layout");
    const version = layout.version("layout", 3, 4);
    const kind = layout.u8();
    let own: Uint8Array<ArrayBuffer>;
    if (kind === CONTIGUOUS) {
      const address = layout.addressOrNone();
      const bytes = size * width;
      if (layout.integer(8) !== bytes) fail(`expected ${bytes} bytes in one piece`);
      if (address === undefined && size > 0) fail("expected numbers, got none");
      own = new Uint8Array(file.numbers(address ?? 0, bytes));
    } else if (kind === CHUNKED && version === 3) {
      const rank = layout.u8() - 1;
      const tree = layout.addressOrNone();
      const chunk = Array.from({ length: Math.max(0, rank) }, () => layout.u32());
      if (rank !== shape.length || chunk.some((extent) => extent < 1) || layout.u32() !== width) {
        fail(`expected chunks of ${shape.length} extents and ${width} bytes`);
      }
      const message = only(file, messages, MESSAGE.filters);
      const filters = message === undefined ? [] : readFilters(message, fail);
      const chunking: Chunking = { shape, chunk, width, tree, filters };
      allow(chunk.reduce((product, extent) => product * extent, width));
      own = joinChunks(file, chunking, findChunks(file, chunking, fail), fail);
    } else {
      const expected = "contiguous numbers, or chunks that a version 1 tree lists";
      return fail(`expected ${expected}, got layout ${version}.${kind}`);
    }
    this.#left -= asRead;
    return own;
  }
}
