import { lookup3 } from "./checksum.js";
import type { Cursor, Hdf5Bytes } from "./cursor.js";

/** The kind of the version 2 tree that finds links by name. */
const LINKS_BY_NAME = 5;

/** The links of a group with many of them: a tree of heap IDs, and a fractal heap with a link message by each ID. */
export function* readDenseLinks(file: Hdf5Bytes, info: Cursor): Generator<Cursor> {
  info.version("link info", 0);
  info.skip((info.u8() & 1) === 0 ? 0 : 8);
  const [heapAddress, treeAddress] = [info.address(), info.address()];
  // A group with few links has them in its header.
  if (heapAddress === undefined || treeAddress === undefined) return;
  const heap = readHeap(file, heapAddress);
  for (const record of treeRecords(file, treeAddress)) {
    // A hash of the name.
    record.skip(4);
    yield heap.object(record);
  }
}

interface Heap {
  /** The object that an ID names. */
  object(id: Cursor): Cursor;
}

interface Block {
  /** The first byte in the heap's address space, which counts the blocks' heads, and the one after the last. */
  readonly begin: number;
  readonly end: number;
  readonly data: Cursor;
}

/** Bytes of an integer that may be as large as `most`. */
function widthOf(most: number): number {
  let width = 1;
  while (most >= 256 ** width) width++;
  return width;
}

/** Reads a fractal heap: its header, the table of its blocks, and its direct blocks. */
function readHeap(file: Hdf5Bytes, address: number): Heap {
  const head = file.structure(address, 146);
  head.signature("FRHP");
  head.version("fractal heap", 0);
  const idBytes = head.u16();
  if (head.u16() !== 0) head.fail("expected a heap without filters");
  const hasChecksums = (head.u8() & 2) !== 0;
  const mostBytes = head.u32();
  // IDs of huge objects, free space, totals: nothing that finding a managed object takes.
  head.skip(96);
  const width = head.u16();
  const [startBytes, mostDirect] = [head.integer(8), head.integer(8)];
  const offsetBytes = Math.ceil(head.u16() / 8);
  head.skip(2);
  const root = head.address();
  const rows = head.u16();
  head.checksum("fractal heap");
  if (width === 0 || startBytes === 0 || offsetBytes > 8) head.fail("expected a table of blocks");
  const lengthBytes = Math.min(widthOf(mostDirect - 1), widthOf(mostBytes));
  const blocks: Block[] = [];

  const addDirect = (at: number, begin: number, size: number): void => {
    const block = file.structure(at, size);
    block.signature("FHDB");
    block.version("direct block", 0);
    if (block.address() !== address) block.fail("expected a block of this heap");
    if (block.integer(offsetBytes) !== begin) block.fail(`expected the block at ${begin}`);
    if (hasChecksums) checkBlock(file, block, size);
    blocks.push({ begin, end: begin + size, data: block });
  };
  if (root !== undefined && rows === 0) addDirect(root, 0, startBytes);
  if (root !== undefined && rows > 0) {
    const table = file.structure(root, 13 + offsetBytes + 8 * rows * width + 4);
    table.signature("FHIB");
    table.version("indirect block", 0);
    if (table.address() !== address) table.fail("expected a block of this heap");
    table.skip(offsetBytes);
    let begin = 0;
    for (let row = 0; row < rows; row++) {
      const size = startBytes * 2 ** Math.max(0, row - 1);
      if (size > mostDirect) table.fail("expected a heap whose blocks are all direct");
      for (let i = 0; i < width; i++, begin += size) {
        const at = table.address();
        if (at !== undefined) addDirect(at, begin, size);
      }
    }
    table.checksum("indirect block");
  }
  return {
    object(record) {
      const id = record.part(idBytes);
      if (id.u8() !== 0) id.fail("expected the ID of a managed object");
      const [offset, length] = [id.integer(offsetBytes), id.integer(lengthBytes)];
      return objectAt(blocks, offset, length, id);
    },
  };
}

/** Throws unless a direct block has its checksum, which covers the block as if it were zero itself. */
function checkBlock(file: Hdf5Bytes, block: Cursor, size: number): void {
  const at = block.skip(0) - block.begin;
  const copy = file.bytes.slice(block.begin, block.begin + size);
  copy.fill(0, at, at + 4);
  if (block.u32() !== lookup3(copy)) block.fail("direct block: expected another checksum");
}

/** Blocks are in order: the one that holds an offset is found by halving. */
function objectAt(blocks: readonly Block[], offset: number, length: number, id: Cursor): Cursor {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as Block).end <= offset) low = middle + 1;
    else high = middle;
  }
  const block = blocks[low];
  if (block === undefined || offset < block.begin || offset + length > block.end) {
    return id.fail(`expected an object of ${length} bytes at ${offset} of the heap`);
  }
  return block.data.within(offset - block.begin, length);
}

/** The records of a version 2 tree, those of inner nodes first. */
function* treeRecords(file: Hdf5Bytes, address: number): Generator<Cursor> {
  const head = file.structure(address, 38);
  head.signature("BTHD");
  head.version("tree", 0);
  if (head.u8() !== LINKS_BY_NAME) head.fail("expected a tree of links by name");
  const nodeBytes = head.u32();
  const recordBytes = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.address();
  const rootRecords = head.u16();
  head.skip(8);
  head.checksum("tree");
  // Counts of records are as wide as the fullest node of their level asks for.
  const counts = [Math.floor((nodeBytes - 10) / recordBytes)];
  const totals = [counts[0] as number];
  const widths = [0];
  if (!(recordBytes > 0 && (counts[0] as number) > 0 && depth < 8))
    head.fail("expected a tree of records");
  for (let level = 1; level <= depth; level++) {
    const below = totals[level - 1] as number;
    const pointer = 8 + widthOf(counts[0] as number) + (level > 1 ? widthOf(below) : 0);
    const most = Math.floor((nodeBytes - 10 - pointer) / (recordBytes + pointer));
    if (most < 1) head.fail("expected a tree of records");
    counts.push(most);
    widths.push(level > 1 ? widthOf(below) : 0);
    totals.push(most * (1 + below) + below);
  }
  const waiting = root === undefined ? [] : [{ root, records: rootRecords, level: depth }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { records, level } = next;
    const isLeaf = level === 0;
    const countBytes = widthOf(counts[0] as number);
    const totalBytes = widths[level] as number;
    const pointers = isLeaf ? 0 : (records + 1) * (8 + countBytes + totalBytes);
    const node = file.structure(next.root, 10 + records * recordBytes + pointers);
    node.signature(isLeaf ? "BTLF" : "BTIN");
    node.version("tree node", 0);
    if (node.u8() !== LINKS_BY_NAME) node.fail("expected a node of links by name");
    for (let i = 0; i < records; i++) yield node.part(recordBytes);
    for (let i = 0; !isLeaf && i <= records; i++) {
      const child = node.address() ?? node.fail("a child without an address");
      const count = node.integer(countBytes);
      node.skip(totalBytes);
      waiting.push({ root: child, records: count, level: level - 1 });
    }
    node.checksum("tree node");
  }
}
