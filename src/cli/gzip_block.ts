import { gunzipSync, gzipSync } from "fflate";

/**
 * Bytes of text after which a block ends. Each block is a gzip member of its own, of whole lines, so that a file can be
 * continued after the last whole one; where a block ends depends on its text alone.
 */
export const BLOCK_BYTES = 262_144;

/** Bytes in front of a member's data: gzip's ten, and a field that holds the length of the member (RFC 1952, 2.3.1.1). */
const [PLAIN_HEADER, FIELD] = [10, 10];
export const HEADER = PLAIN_HEADER + FIELD;
const [R, C] = [0x52, 0x43];
const HAS_FIELD = 4;

/** A block as a gzip member. By fflate: zlib's bytes differ between processors and versions. */
export function gzipBlock(text: string): Uint8Array {
  const plain = gzipSync(new TextEncoder().encode(text), { mtime: 0 });
  const member = new Uint8Array(plain.length + FIELD);
  member.set(plain.subarray(0, PLAIN_HEADER));
  member.set(plain.subarray(PLAIN_HEADER), HEADER);
  const view = new DataView(member.buffer);
  view.setUint8(3, HAS_FIELD);
  view.setUint16(PLAIN_HEADER, FIELD - 2, true);
  member.set([R, C], PLAIN_HEADER + 2);
  view.setUint16(PLAIN_HEADER + 4, 4, true);
  view.setUint32(PLAIN_HEADER + 6, member.length, true);
  return member;
}

/** The text of a block. */
export const unzipBlock = (member: Uint8Array): string =>
  new TextDecoder().decode(gunzipSync(member));

/** The length of the member that begins with these bytes, at least `HEADER`; undefined if it is not one of `gzipBlock`. */
export function blockLength(header: Uint8Array): number | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const isMember = view.getUint32(0, true) === 0x04088b1f && header[12] === R && header[13] === C;
  return isMember ? view.getUint32(PLAIN_HEADER + 6, true) : undefined;
}
