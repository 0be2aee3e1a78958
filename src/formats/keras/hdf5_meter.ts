import { inflateSync } from "fflate";
import { Filters } from "jsfive";

/** Bytes that a structure of a file (a heap, a header) may take in one piece. */
const MAX_PIECE = 65_536;
const SIGNATURE = 4;

/**
 * Bounds the work that a file can cause. jsfive follows what it finds: trees whose nodes name each other, headers whose
 * blocks overlap, chunks that inflate without end. But it takes a slice of the file for every signature, message, heap and
 * chunk, so the file that it is given counts its slices, and throws when there were more than a sound file of its size
 * can need.
 */
export class Meter {
  readonly file: ArrayBuffer;
  #records: number;
  #bytes: number;
  /** Elements that unpacking one chunk visits; 0 outside of chunked data. */
  #chunk = 0;
  #elements = 0;
  /**
   * Whether the nodes to come say how many entries they have, as those of old groups and of chunks do: jsfive reads these
   * without a slice. In new groups it takes one for each.
   */
  #counted = true;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#records = Math.min(10_000 + bytes.length / 8, 1_000_000);
    this.#bytes = 2 ** 20 + 2 * bytes.length;
    this.file = this.#metered(bytes.buffer);
  }

  /** Counts structures; throws when there are too many. */
  spend(records: number): void {
    this.#records -= records;
    if (!(this.#records >= 0)) throw new Error("more structures than a file of this size can need");
  }

  /** To be called before jsfive reads the object whose header is at `address`. */
  approach(address: number): void {
    const view = new DataView(this.file);
    const spend = (records: number) => this.spend(records);
    this.#counted = !isNew(view, address) || walkHeader(view, address, spend);
  }

  /** Runs `read` on chunks of `chunk` elements, of which `elements` in all may be visited, inflating no further. */
  chunks<R>(chunk: number, elements: number, itemSize: number, read: () => R): R {
    this.#chunk = chunk;
    this.#elements = elements;
    this.#counted = true;
    const inflate = Filters.get(1);
    // Beside the numbers a chunk may hold a checksum of 4 bytes; one byte more tells that there is too much.
    const most = chunk * itemSize + 4;
    Filters.set(1, (packed) => {
      const out = inflateZlib(packed, most + 1);
      if (out.byteLength > most) throw new Error(`a chunk inflates to more than ${most} bytes`);
      return out;
    });
    try {
      return read();
    } finally {
      if (inflate !== undefined) Filters.set(1, inflate);
      this.#chunk = 0;
    }
  }

  #metered(buffer: ArrayBuffer): ArrayBuffer {
    const view = new DataView(buffer);
    const slice = (begin = 0, end = buffer.byteLength): ArrayBuffer => {
      const length = Math.max(0, Math.min(end, buffer.byteLength) - begin);
      this.spend(1);
      // The two bytes at 6 are the number of entries, of a node as of a table.
      if (this.#counted && length === SIGNATURE && begin >= 0 && begin + 8 <= buffer.byteLength) {
        this.spend(view.getUint16(begin + 6, true));
      }
      this.#bytes -= length;
      if (this.#chunk > 0 && length > SIGNATURE) {
        this.#elements -= this.#chunk;
        if (this.#elements < 0) throw new Error("more chunks than the shape needs");
      } else if (length > MAX_PIECE) {
        throw new Error(`a structure of ${length} bytes`);
      }
      if (this.#bytes < 0) throw new Error("the same bytes are read again and again");
      const piece = ArrayBuffer.prototype.slice.call(buffer, begin, end);
      return this.#chunk > 0 ? piece : this.#metered(piece);
    };
    return Object.defineProperty(buffer, "slice", { value: slice });
  }
}

function inflateZlib(packed: ArrayBuffer, size: number): ArrayBuffer {
  // Two bytes of header and four of checksum surround what deflate wrote.
  const deflated = new Uint8Array(packed, 2, Math.max(0, packed.byteLength - 6));
  const out = inflateSync(deflated, { out: new Uint8Array(size) });
  return out.buffer.slice(0, out.length) as ArrayBuffer;
}

const CONTINUATION = 0x10;
const SYMBOL_TABLE = 0x11;

/** Whether an object's header is of version 2: it begins with OHDR. */
const isNew = (view: DataView, address: number): boolean => view.getUint8(address) === 0x4f;

/** An unsigned integer of 1, 2, 4 or 8 bytes. */
function integerAt(view: DataView, at: number, bytes: number): number {
  if (bytes === 8) return Number(view.getBigUint64(at, true));
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 2 ? view.getUint16(at, true) : view.getUint8(at);
}

/**
 * Follows the blocks of a version 2 object header as jsfive will. It visits no block twice, but blocks may overlap, and
 * no slice is taken of their messages: their sizes are spent here. Says whether there is a table of an old group.
 */
function walkHeader(view: DataView, address: number, spend: (records: number) => void): boolean {
  const flags = view.getUint8(address + 5);
  const start = address + 6 + ((flags & 0x20) === 0 ? 0 : 16);
  const width = 2 ** (flags & 3);
  const message = (flags & 4) === 0 ? 4 : 6;
  const blocks = [[start + width, integerAt(view, start, width)] as const];
  const seen = new Set([start + width]);
  let old = false;
  for (const [begin, size] of blocks) {
    spend(1 + size / 4);
    for (let at = 0; at < size - 4; at += message + view.getUint16(begin + at + 1, true)) {
      const type = view.getUint8(begin + at);
      if (type === SYMBOL_TABLE) old = true;
      if (type !== CONTINUATION) continue;
      const next = integerAt(view, begin + at + message, 8) + 4;
      if (!seen.has(next)) blocks.push([next, integerAt(view, begin + at + message + 8, 8) - 4]);
      seen.add(next);
    }
  }
  return old;
}
