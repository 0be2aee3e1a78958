import { decodeUtf8 } from "../../utf8.js";
import type { Cursor, Hdf5Bytes } from "./cursor.js";
import { readDenseLinks } from "./dense_links.js";
import { all, MESSAGE, type Messages, only } from "./object_header.js";

/** The members of a group: the address of an object's header by name, or null for a link that is not followed. */
export type Links = Map<string, number | null>;

/** Reads the links of a group, whichever of the three ways the file stores them. */
export function readLinks(file: Hdf5Bytes, messages: Messages): Links {
  const links: Links = new Map();
  const add = (name: string, to: number | null, from: Cursor): void => {
    if (links.has(name)) from.fail(`expected one link ${JSON.stringify(name)}, got another`);
    links.set(name, to);
  };
  const table = only(file, messages, MESSAGE.symbolTable);
  if (table !== undefined) readSymbolTable(file, table, add);
  for (const message of all(file, messages, MESSAGE.link)) readLink(message, add);
  const info = only(file, messages, MESSAGE.linkInfo);
  if (info !== undefined) {
    for (const message of readDenseLinks(file, info)) readLink(message, add);
  }
  return links;
}

type Add = (name: string, to: number | null, from: Cursor) => void;

/** A link message, or an object of a group's fractal heap. */
function readLink(message: Cursor, add: Add): void {
  message.version("link", 1);
  const flags = message.u8();
  const kind = (flags & 8) === 0 ? 0 : message.u8();
  message.skip((flags & 4) === 0 ? 0 : 8);
  message.skip((flags & 16) === 0 ? 0 : 1);
  const name = message.text(message.integer(2 ** (flags & 3)));
  add(name, kind === 0 ? message.address() : null, message);
}

/** The links of a group of the old kind: a tree of tables, whose names lie in a heap. */
function readSymbolTable(file: Hdf5Bytes, message: Cursor, add: Add): void {
  const tree = message.address();
  const heap = file.structure(message.address(), 32);
  heap.signature("HEAP", 0);
  heap.skip(3);
  const size = heap.integer(8);
  heap.skip(8);
  const names = file.structure(heap.address(), size).bytes(size);
  const nameAt = (offset: number, from: Cursor): string => {
    const end = offset < size ? names.indexOf(0, offset) : -1;
    if (end < 0) return from.fail(`expected a name at byte ${offset} of a heap of ${size}`);
    file.spend(end - offset, heap.begin);
    return decodeUtf8(names.subarray(offset, end));
  };
  for (const table of treeLeaves(file, tree, 0, 8)) {
    const head = file.structure(table.child, 8);
    head.signature("SNOD", 1);
    head.skip(1);
    const count = head.u16();
    const symbols = file.structure(table.child + 8, 40 * count);
    for (let i = 0; i < count; i++) {
      const name = nameAt(symbols.integer(8), symbols);
      const address = symbols.addressOrNone();
      symbols.skip(24);
      // A soft link has no address.
      add(name, address ?? null, symbols);
    }
  }
}

/** An entry of a leaf of a version 1 tree: its key, and the address of the table or chunk. */
export interface TreeEntry {
  readonly key: Cursor;
  readonly child: number;
}

/**
 * The entries of a version 1 tree's leaves, from left to right. Levels fall by one from a node to its children, so no path
 * leads in a circle.
 *
 * @param kind 0 for the tables of a group, 1 for the chunks of a dataset
 */
export function* treeLeaves(
  file: Hdf5Bytes,
  root: number,
  kind: 0 | 1,
  keyBytes: number,
): Generator<TreeEntry> {
  const waiting: { address: number; level: number | undefined }[] = [
    { address: root, level: undefined },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const head = file.structure(next.address, 24);
    head.signature("TREE");
    if (head.u8() !== kind) head.fail(`expected a tree of kind ${kind}`);
    const level = head.u8();
    if (next.level !== undefined && level !== next.level) {
      head.fail(`expected a node of level ${next.level}, got ${level}`);
    }
    const count = head.u16();
    const entries = file.structure(head.begin + 24, count * (keyBytes + 8) + keyBytes);
    const children: TreeEntry[] = [];
    for (let i = 0; i < count; i++) {
      const key = entries.part(keyBytes);
      children.push({
        key,
        child: entries.address(),
      });
    }
    if (level === 0) yield* children;
    else {
      for (const { child } of children.reverse())
        waiting.push({ address: child, level: level - 1 });
    }
  }
}
