import type { Cursor, Hdf5Bytes } from "./cursor.js";

/** The kinds of messages that are read. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
} as const;

const READ: ReadonlySet<number> = new Set(Object.values(MESSAGE));
const REPEATED: readonly number[] = [MESSAGE.link, MESSAGE.attribute];
const SHARED = 2;

/** The messages of an object by kind: where each begins and ends, one number after the other, as there may be many. */
export type Messages = ReadonlyMap<number, readonly number[]>;

/** Reads the header of an object, a group or a dataset. */
export function readObjectHeader(file: Hdf5Bytes, address: number): Messages {
  const messages = new Map<number, number[]>();
  const blocks: Cursor[] = [];
  const isNew = file.bytes[address] === 0x4f;
  /** Of one message: bytes of its kind and, in newer headers, of its place in the order of creation. */
  const [kindBytes, orderBytes] = isNew
    ? beginNew(file, address, blocks)
    : beginOld(file, address, blocks);
  // Continuation messages add blocks while this runs.
  for (const block of blocks) {
    const headBytes = isNew ? 4 + orderBytes : 8;
    while (block.left >= headBytes) {
      const kind = block.integer(kindBytes);
      const size = block.u16();
      const flags = block.u8();
      block.skip(isNew ? orderBytes : 3);
      const message = block.part(size);
      if (kind === MESSAGE.continuation) blocks.push(continuation(file, message, isNew));
      else if (READ.has(kind)) {
        if ((flags & SHARED) !== 0) message.fail("expected a message of its own, got a shared one");
        const { begin } = message;
        const others = messages.get(kind);
        if (others === undefined) messages.set(kind, [begin, begin + size]);
        else if (REPEATED.includes(kind)) others.push(begin, begin + size);
        else message.fail(`expected one message of kind ${kind}, got another`);
      }
    }
  }
  return messages;
}

function beginOld(file: Hdf5Bytes, address: number, blocks: Cursor[]): [number, number] {
  const head = file.structure(address, 16);
  head.version("object header", 1);
  // Reserved, the number of messages, references.
  head.skip(7);
  blocks.push(file.structure(address + 16, head.u32()));
  return [2, 0];
}

function beginNew(file: Hdf5Bytes, address: number, blocks: Cursor[]): [number, number] {
  const peek = file.structure(address, 6);
  peek.signature("OHDR", 2);
  const flags = peek.u8();
  const before = 6 + ((flags & 0x20) === 0 ? 0 : 16) + ((flags & 0x10) === 0 ? 0 : 4);
  const width = 2 ** (flags & 3);
  const sized = file.structure(address + before, width);
  const size = sized.integer(width);
  const head = file.structure(address, before + width + size + 4);
  head.skip(before + width);
  blocks.push(head.part(size));
  head.checksum();
  return [1, (flags & 4) === 0 ? 0 : 2];
}

function continuation(file: Hdf5Bytes, message: Cursor, isNew: boolean): Cursor {
  const block = file.structure(message.address(), message.integer(8));
  if (!isNew) return block;
  block.signature("OCHK");
  if (block.left < 4) block.fail("expected a checksum at the end of a block");
  const messages = block.part(block.left - 4);
  block.checksum();
  return messages;
}

/** The messages of a kind. */
export function* all(file: Hdf5Bytes, messages: Messages, kind: number): Generator<Cursor> {
  const places = messages.get(kind) ?? [];
  for (let i = 0; i < places.length; i += 2) {
    yield file.reopen(places[i] as number, places[i + 1] as number);
  }
}

/** The one message of a kind, or undefined. */
export const only = (file: Hdf5Bytes, messages: Messages, kind: number): Cursor | undefined =>
  all(file, messages, kind).next().value ?? undefined;
