import { inflateSync } from "fflate";
import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { decodeUtf8 } from "../../utf8.js";

const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const MOST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;

/** What no archive may exceed. */
const MOST_ENTRIES = 10_000;
const MOST_RATIO = 200;

/** The files of a zip archive by name. The directory at its end decides. A file is unpacked when it is read. */
export class ZipArchive {
  readonly #where: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** The place of each file's entry in the directory, by the file's name. */
  readonly #entries = new Map<string, number>();

  constructor(where: string, bytes: Uint8Array) {
    this.#where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#readDirectory();
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  #fail(what: string, offset?: number, code: ModelFormatCode = "zip"): never {
    const place = offset === undefined ? "" : `, at byte ${offset}`;
    const message = `${this.#where}: zip: ${what}${place}`;
    throw new ModelFormatError(code, message, undefined, offset);
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** The place of the directory's end, which only a comment may follow. */
  #findEnd(): number {
    const last = this.#bytes.length - END_BYTES;
    for (let at = last; at >= Math.max(0, last - MOST_COMMENT); at--) {
      if (this.#u32(at) === END && this.#u16(at + 20) === last - at) return at;
    }
    return this.#fail("expected a zip archive, got no end of a directory");
  }

  #readDirectory(): void {
    const end = this.#findEnd();
    const count = this.#u16(end + 10);
    let at = this.#u32(end + 16);
    if (at === 0xffffffff || count === 0xffff) {
      this.#fail("expected an archive of < 4 GiB, got zip64", end);
    }
    if (this.#u32(end + 4) !== 0 || this.#u16(end + 8) !== count) {
      this.#fail("expected one archive in one file, got a part", end);
    }
    if (count > MOST_ENTRIES) {
      this.#fail(`expected ≤ ${MOST_ENTRIES} files, got ${count}`, end);
    }
    for (let i = 0; i < count; i++) {
      if (at + CENTRAL_BYTES > end || this.#u32(at) !== CENTRAL) {
        this.#fail(`expected ${count} entries in the directory, got ${i}`, at);
      }
      const nameEnd = at + CENTRAL_BYTES + this.#u16(at + 28);
      const next = nameEnd + this.#u16(at + 30) + this.#u16(at + 32);
      if (next > end) this.#fail("expected an entry that ends within the directory", at);
      const name = decodeUtf8(this.#bytes.subarray(at + CENTRAL_BYTES, nameEnd));
      if (this.#entries.has(name)) {
        this.#fail(`expected one ${JSON.stringify(name)}, got another`, at, "duplicate-key");
      }
      this.#entries.set(name, at);
      at = next;
    }
    if (at !== end) this.#fail(`expected the directory to end at byte ${end}, got ${at}`, at);
  }

  /**
   * The bytes of a file, a view of the archive if they are stored; undefined if there is no file of this name. The sizes
   * that the directory declares are held against the limits before anything is unpacked. The file must have that size and
   * the directory's CRC.
   */
  read(name: string, limit: number): Uint8Array | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const [flags, method] = [this.#u16(entry + 8), this.#u16(entry + 10)];
    const [crc, packed, size] = [16, 20, 24].map((field) => this.#u32(entry + field)) as [
      number,
      number,
      number,
    ];
    const at = this.#u32(entry + 42);
    const refuse = (expected: string, offset = at, code: ModelFormatCode = "zip"): never =>
      this.#fail(`${JSON.stringify(name)}: expected ${expected}`, offset, code);
    if ((flags & 1) !== 0) refuse("no encryption");
    if (method !== STORED && method !== DEFLATED) {
      refuse(`a stored or deflated file, got method ${method}`);
    }
    if (size > limit) refuse(`a file of ≤ ${limit} bytes, got ${size}`, at, "too-large");
    if (size > packed * MOST_RATIO) {
      const found = `${packed} bytes that declare ${size}`;
      refuse(`a ratio of ≤ ${MOST_RATIO}, got ${found}`, at, "zip-ratio");
    }
    if (at + LOCAL_BYTES > this.#bytes.length || this.#u32(at) !== LOCAL) {
      refuse("a file where the directory has it, got none");
    }
    const start = at + LOCAL_BYTES + this.#u16(at + 26) + this.#u16(at + 28);
    const data = this.#bytes.subarray(start, start + packed);
    if (data.length !== packed) refuse(`${packed} bytes, got ${data.length}`, start);
    if (method === STORED && packed !== size) refuse(`${size} stored bytes, got ${packed}`);
    const file = method === STORED ? data : inflate(data, size);
    if (file === undefined) return refuse(`${size} deflated bytes`);
    if (crc32(file) !== crc) refuse("the CRC of the directory, got another");
    return file;
  }
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
