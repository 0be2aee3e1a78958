import type { Hdf5Bytes } from "./cursor.js";
import { readDataspace, readDatatype } from "./datatype.js";
import { all, MESSAGE, type Messages } from "./object_header.js";

/** The text of an object's attribute; undefined if it has none of this name or the attribute holds no single text. */
export function readTextAttribute(
  file: Hdf5Bytes,
  messages: Messages,
  wanted: string,
): string | undefined {
  for (const message of all(file, messages, MESSAGE.attribute)) {
    const version = message.version("attribute", 1, 2, 3);
    const flags = message.u8();
    const [nameBytes, typeBytes, spaceBytes] = [message.u16(), message.u16(), message.u16()];
    if (version === 3) message.skip(1);
    const padded = (bytes: number): number => (version === 1 ? 8 * Math.ceil(bytes / 8) : bytes);
    const name = message.part(padded(nameBytes)).text(nameBytes);
    const type = message.part(padded(typeBytes));
    const space = message.part(padded(spaceBytes));
    // In versions 2 and 3 the flags tell that type or space are somewhere else.
    if (name !== wanted || (version > 1 && flags !== 0)) continue;
    const datatype = readDatatype(type);
    if (readDataspace(space)?.some((extent) => extent !== 1) ?? true) continue;
    if (datatype.kind === "string") return message.text(datatype.size);
    // Length and place in a heap; h5py writes its strings so.
    if (datatype.kind === "variable") {
      const length = message.u32();
      return heapObject(file, message.address(), message.u32(), length);
    }
  }
  return undefined;
}

/** A text in a global heap: a collection of numbered objects. */
function heapObject(file: Hdf5Bytes, address: number, wanted: number, length: number): string {
  const head = file.structure(address, 16);
  head.signature("GCOL", 1);
  head.skip(3);
  const bytes = head.integer(8);
  const objects = file.structure(head.begin + 16, Math.max(0, bytes - 16));
  while (objects.left >= 16) {
    const index = objects.u16();
    objects.skip(6);
    const size = objects.integer(8);
    if (index === wanted) return objects.part(size).text(length);
    if (index === 0) break;
    objects.skip(8 * Math.ceil(size / 8));
  }
  return head.fail(`expected an object ${wanted} in a global heap`);
}
