import { Dataset, File, Group } from "jsfive";
import type { StoredNumbers } from "../../description/description.js";
import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { formatShape } from "../../tensor.js";
import { fromBF16, fromF16 } from "../halves.js";
import { Meter } from "./hdf5_meter.js";

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const DATATYPE = 3;
const LAYOUT = 8;
const MAX_RANK = 8;
/** Elements of a chunk beyond those of its dataset: chunks of growing datasets may be larger than what they hold. */
const SPARE_ELEMENTS = 2 ** 16;
/** Filters that jsfive can undo: deflate, shuffle, Fletcher-32. */
const FILTERS = [1, 2, 3];

type FloatType = "F64" | "F32" | "F16" | "BF16";
const WIDTHS = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;

/** The twelve bytes that say how a float is built: bits, exponent's place and size, mantissa's place and size, bias. */
const FLOATS: Readonly<Record<string, FloatType>> = {
  "64 52 11 0 52 1023": "F64",
  "32 23 8 0 23 127": "F32",
  "16 10 5 0 10 15": "F16",
  "16 7 8 0 7 127": "BF16",
};
const CLASSES = "integer,float,time,string,bits,opaque,compound,reference,enum,variable,array";

export const isHdf5 = (bytes: Uint8Array): boolean => SIGNATURE.every((b, i) => bytes[i] === b);

const product = (extents: readonly number[]): number => extents.reduce((size, n) => size * n, 1);

/** The groups and datasets of an HDF5 file, through jsfive; whatever is wrong with it leaves as a `ModelFormatError`. */
export class Hdf5File {
  readonly #where: string;
  readonly #meter: Meter;
  readonly #view: DataView;
  readonly #groups = new Map<string, Group | undefined>();
  /** Bytes that may still be read as numbers. */
  #left: number;

  /** @param bytes the file, in a buffer of its own */
  constructor(where: string, bytes: Uint8Array<ArrayBuffer>, maximumBytes: number) {
    this.#where = where;
    this.#left = maximumBytes;
    this.#meter = new Meter(bytes);
    this.#view = new DataView(bytes.buffer);
    if (!isHdf5(bytes)) this.#fail("hdf5", "expected an HDF5 file, got another signature");
    this.#guard("", () => {
      const version = this.#view.getUint8(8);
      if (![0, 2, 3].includes(version)) {
        this.#fail("hdf5", `expected a superblock of version 0, 2 or 3, got ${version}`);
      }
      const [end, root] = version === 0 ? [40, 64] : [28, 36];
      const length = this.#view.getBigUint64(end, true);
      if (length > BigInt(bytes.length)) {
        this.#fail("hdf5", `expected a file of ${length} bytes, got ${bytes.length}`);
      }
      this.#meter.approach(Number(this.#view.getBigUint64(root, true)));
      this.#groups.set("", new File(this.#meter.file, ""));
    });
  }

  #fail(code: ModelFormatCode, what: string, path?: string): never {
    const place = path === undefined || path === "" ? "" : `${JSON.stringify(path)}: `;
    throw new ModelFormatError(code, `${this.#where}: weights: ${place}${what}`, path);
  }

  #guard<R>(path: string, read: () => R): R {
    try {
      return read();
    } catch (error) {
      if (error instanceof ModelFormatError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      return this.#fail("hdf5", `expected a sound HDF5 file: ${why.slice(0, 200)}`, path);
    }
  }

  /** What a group holds under a name. */
  #member(group: Group, name: string, path: string): Group | Dataset | undefined {
    if (!Object.hasOwn(group._links, name)) return undefined;
    const address = group._links[name];
    if (typeof address !== "number") return this.#fail("hdf5", "expected no soft link", path);
    this.#meter.approach(address);
    return group.get(name);
  }

  #group(path: string): Group | undefined {
    if (this.#groups.has(path)) return this.#groups.get(path);
    const cut = path.lastIndexOf("/");
    const parent = this.#group(path.slice(0, Math.max(cut, 0)));
    const found = parent && this.#member(parent, path.slice(cut + 1), path);
    const group = found instanceof Group ? found : undefined;
    this.#groups.set(path, group);
    return group;
  }

  /** Whether there is a group of this path, such as `layers/lstm/cell/vars`. */
  hasGroup(path: string): boolean {
    return this.#guard(path, () => this.#group(path)) !== undefined;
  }

  /** The numbers of the dataset of this path: F64 as such, F32, F16 and BF16 as f32; undefined if there is none. */
  read(path: string): StoredNumbers | undefined {
    return this.#guard(path, () => {
      const cut = path.lastIndexOf("/");
      const group = this.#group(path.slice(0, Math.max(cut, 0)));
      const found = group && this.#member(group, path.slice(cut + 1), path);
      return found instanceof Dataset ? this.#numbers(path, found) : undefined;
    });
  }

  #numbers(path: string, { _dataobjects: header }: Dataset): StoredNumbers {
    const dtype = this.#dtype(
      path,
      Number(header.find_msg_type(DATATYPE)[0]?.get("offset_to_message")),
    );
    const { shape } = header;
    if (shape.length > MAX_RANK) {
      this.#fail("rank-too-high", `expected rank ≤ ${MAX_RANK}, got ${shape.length}`, path);
    }
    const size = product(shape);
    this.#left -= size * (dtype === "F64" ? 8 : 4);
    if (!(this.#left >= 0)) {
      this.#fail("too-large", `more numbers than maximumBytes allows: ${formatShape(shape)}`, path);
    }
    const place = Number(header.find_msg_type(LAYOUT)[0]?.get("offset_to_message"));
    const [, , layout, properties] = header._get_data_message_properties(place);
    if (layout === 2) {
      const data = this.#chunked(path, header, size, WIDTHS[dtype]);
      if (dtype === "BF16")
        this.#fail("dtype", "expected chunks of F64, F32 or F16, got BF16", path);
      return { shape, data: dtype === "F64" ? Float64Array.from(data) : Float32Array.from(data) };
    }
    if (layout !== 1) {
      this.#fail("hdf5", `expected contiguous or chunked data, got layout ${layout}`, path);
    }
    if (size === 0) {
      return { shape, data: dtype === "F64" ? new Float64Array(0) : new Float32Array(0) };
    }
    const address = this.#view.getBigUint64(properties, true);
    const bytes = size * WIDTHS[dtype];
    if (address + BigInt(bytes) > BigInt(this.#view.byteLength)) {
      this.#fail("hdf5", `expected ${bytes} bytes at ${address}, beyond the file's end`, path);
    }
    const begin = Number(address);
    const own = new Uint8Array(new Uint8Array(this.#meter.file, begin, bytes)).buffer;
    if (dtype === "F64") return { shape, data: new Float64Array(own) };
    if (dtype === "F32") return { shape, data: new Float32Array(own) };
    const halves = new Uint16Array(own);
    return { shape, data: dtype === "F16" ? fromF16(halves) : fromBF16(halves) };
  }

  #chunked(path: string, header: Dataset["_dataobjects"], size: number, itemSize: number) {
    const { shape, chunks, filter_pipeline: filters } = header;
    if (chunks === null || chunks.length !== shape.length || chunks.some((n) => n < 1)) {
      return this.#fail("hdf5", `expected chunks of rank ${shape.length}`, path);
    }
    const chunk = product(chunks);
    if (chunk > size * 2 ** shape.length + SPARE_ELEMENTS) {
      this.#fail("hdf5", `chunks of ${formatShape(chunks)} for ${formatShape(shape)}`, path);
    }
    for (const filter of filters ?? []) {
      const id = Number(filter.get("filter_id"));
      if (!FILTERS.includes(id)) {
        this.#fail("hdf5", `expected deflate, shuffle or Fletcher-32, got filter ${id}`, path);
      }
    }
    if (filters !== null && filters.length > FILTERS.length) {
      this.#fail("hdf5", `expected ≤ ${FILTERS.length} filters, got ${filters.length}`, path);
    }
    const visited = product(shape.map((n, i) => Math.ceil(n / (chunks[i] as number)))) * chunk;
    const data = this.#meter.chunks(chunk, visited, itemSize, () => header.get_data());
    for (let i = 0; i < size; i++) {
      if (data[i] === undefined) this.#fail("hdf5", `element ${i} lies in a missing chunk`, path);
    }
    return data;
  }

  /** Which float the datatype message at `at` says. */
  #dtype(path: string, at: number): FloatType {
    const view = this.#view;
    const kind = view.getUint8(at) & 15;
    const shown = CLASSES.split(",")[kind] ?? `class ${kind}`;
    if (kind !== 1) return this.#fail("dtype", `expected floats, got ${shown}`, path);
    if ((view.getUint8(at + 1) & 0x41) !== 0) {
      return this.#fail("dtype", "expected little-endian floats, got others", path);
    }
    const [precision, bias] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    const fields = [12, 13, 14, 15].map((field) => view.getUint8(at + field));
    const layout = [precision, ...fields, bias].join(" ");
    const dtype = view.getUint16(at + 8, true) === 0 ? FLOATS[layout] : undefined;
    if (dtype === undefined || view.getUint32(at + 4, true) !== WIDTHS[dtype]) {
      return this.#fail("dtype", "expected F64, F32, F16 or BF16, got another float", path);
    }
    return dtype;
  }
}
