import { lookup3 } from "./checksum.js";
import type { Cursor, Hdf5Bytes } from "./cursor.js";

/** The kind of the version 2 tree that finds links by name. */
const LINKS_BY_NAME = 5;

/** The links of a group with many of them: a tree of heap IDs, and a fractal heap with a link message by each ID. */
export function* readDenseLinks(file: Hdf5Bytes, info: Cursor): Generator<Cursor> {
  info.version("link info", 0);
  info.skip((info.u8() & 1) === 0 ? 0 : 8);
  const [heapAddress, treeAddress] = [info.addressOrNone(), info.addressOrNone()];
  // A group with few links has them in its header.
  if (heapAddress === undefined || treeAddress === undefined) return;
  const heap = new Heap(file, heapAddress);
  for (const record of treeRecords(file, treeAddress)) {
    // A hash of the name.
    record.skip(4);
    yield heap.object(record);
  }
}

/** Bytes of an integer that may be as large as `most`. */
function widthOf(most: number): number {
  let width = 1;
  while (most >= 256 ** width) width++;
  return width;
}

/** A fractal heap: objects in direct blocks, which one table lists. Addresses of objects count the heads of blocks, too. */
class Heap {
  readonly #file: Hdf5Bytes;
  readonly #address: number;
  readonly #hasChecksums: boolean;
  readonly #idBytes: number;
  readonly #offsetBytes: number;
  readonly #lengthBytes: number;
  /** The blocks in the order of their first bytes. */
  readonly #blocks: { readonly begin: number; readonly end: number; readonly data: Cursor }[] = [];

  constructor(file: Hdf5Bytes, address: number) {
    this.#file = file;
    this.#address = address;
    const head = file.structure(address, 146);
    head.signature("FRHP", 0);
    this.#idBytes = head.u16();
    head.check(head.u16() === 0, "a heap without filters");
    this.#hasChecksums = (head.u8() & 2) !== 0;
    const mostBytes = head.u32();
    // IDs of huge objects, free space, totals.
    head.skip(96);
    const columns = head.u16();
    const [startBytes, mostDirect] = [head.integer(8), head.integer(8)];
    this.#offsetBytes = Math.ceil(head.u16() / 8);
    this.#lengthBytes = Math.min(widthOf(mostDirect - 1), widthOf(mostBytes));
    head.skip(2);
    const root = head.addressOrNone();
    const rows = head.u16();
    head.checksum();
    head.check(columns > 0 && startBytes > 0 && this.#offsetBytes <= 8, "a heap of blocks");
    if (root === undefined) return;
    if (rows === 0) this.#addBlock(root, 0, startBytes);
    else {
      const table = file.structure(root, 17 + this.#offsetBytes + 8 * rows * columns);
      table.signature("FHIB", 0);
      table.check(table.address() === address, "a block of this heap");
      table.skip(this.#offsetBytes);
      for (let row = 0, begin = 0; row < rows; row++) {
        const size = startBytes * 2 ** Math.max(0, row - 1);
        table.check(size <= mostDirect, "a heap whose blocks are all direct");
        for (let i = 0; i < columns; i++, begin += size) {
          const at = table.addressOrNone();
          if (at !== undefined) this.#addBlock(at, begin, size);
        }
      }
      table.checksum();
    }
  }

  #addBlock(at: number, begin: number, size: number): void {
    const data = this.#file.structure(at, size);
    data.signature("FHDB", 0);
    data.check(data.address() === this.#address, "a block of this heap");
    data.check(data.integer(this.#offsetBytes) === begin, "the blocks of a heap in order");
    if (this.#hasChecksums) {
      // The checksum covers the block as if it were zero itself.
      const copy = this.#file.bytes.slice(at, at + size);
      const place = data.at - at;
      copy.fill(0, place, place + 4);
      data.check(data.u32() === lookup3(copy), "another checksum");
    }
    this.#blocks.push({ begin, end: begin + size, data });
  }

  /** The object that an ID names. */
  object(id: Cursor): Cursor {
    const last = id.at + this.#idBytes;
    id.check(id.u8() === 0, "a managed object of a heap");
    const [offset, length] = [id.integer(this.#offsetBytes), id.integer(this.#lengthBytes)];
    id.skip(last - id.at);
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#blocks[middle]?.end ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const block = this.#blocks[low];
    if (block === undefined || offset < block.begin || offset + length > block.end) {
      return id.fail("expected an object within its heap");
    }
    return block.data.within(offset - block.begin, length);
  }
}

/** The records of a version 2 tree, those of inner nodes first. */
function* treeRecords(file: Hdf5Bytes, address: number): Generator<Cursor> {
  const head = file.structure(address, 38);
  head.signature("BTHD", 0);
  head.check(head.u8() === LINKS_BY_NAME, "a tree of links by name");
  const nodeBytes = head.u32();
  const recordBytes = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.addressOrNone();
  const rootRecords = head.u16();
  head.skip(8);
  head.checksum();
  head.check(recordBytes > 0 && nodeBytes >= recordBytes + 10 && depth < 8, "a tree of records");
  // Beside its address, a child has a count of its records and, two levels up, of those below, as wide as the fullest needs.
  let most = Math.floor((nodeBytes - 10) / recordBytes);
  const countBytes = widthOf(most);
  const pointerBytes = [0];
  for (let level = 1; level <= depth; level++) {
    const bytes = 8 + countBytes + (level > 1 ? widthOf(most) : 0);
    const own = Math.floor((nodeBytes - 10 - bytes) / (recordBytes + bytes));
    pointerBytes.push(bytes);
    most += own * (1 + most);
  }
  const waiting = root === undefined ? [] : [{ at: root, records: rootRecords, level: depth }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { at, records, level } = next;
    const children = level === 0 ? 0 : records + 1;
    const bytes = pointerBytes[level] as number;
    const node = file.structure(at, 10 + records * recordBytes + children * bytes);
    node.signature(level === 0 ? "BTLF" : "BTIN", 0);
    node.check(node.u8() === LINKS_BY_NAME, "a tree of links by name");
    for (let i = 0; i < records; i++) yield node.part(recordBytes);
    for (let i = 0; i < children; i++) {
      const pointer = node.part(bytes);
      waiting.push({
        at: pointer.address(),
        records: pointer.integer(countBytes),
        level: level - 1,
      });
    }
    node.checksum();
  }
}
