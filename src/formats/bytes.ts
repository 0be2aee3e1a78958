import { describe } from "../tensor.js";

/** The bytes of a file in memory. */
export type Bytes = Uint8Array | ArrayBuffer;

/** A `Response`, a `Blob`, or anything else that gives its bytes once. */
export interface BytesSource {
  /** The bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
  /** Whether a `Response` succeeded. */
  readonly ok?: boolean;
  readonly status?: number;
}

// By tag, as `instanceof` fails for objects of another realm, such as a Buffer under Jest.
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

const isBuffer = (value: unknown): value is ArrayBuffer =>
  tagOf(value) === "ArrayBuffer" || tagOf(value) === "SharedArrayBuffer";

/** Whether a value holds bytes, in this realm or another: a `Uint8Array` (a Node `Buffer` is one) or an `ArrayBuffer`. */
export const isBytes = (value: unknown): value is Bytes =>
  isBuffer(value) || (ArrayBuffer.isView(value) && tagOf(value) === "Uint8Array");

/**
 * The bytes of an argument as a plain `Uint8Array`. It shares the argument's memory, unless that could change while it is
 * read: shared and resizable memory is copied.
 *
 * @throws {TypeError} if `value` holds no bytes or is detached
 */
export function bytesOf(where: string, name: string, value: Bytes): Uint8Array {
  if (!isBytes(value)) {
    throw new TypeError(
      `${where}: ${name}: expected Uint8Array or ArrayBuffer, got ${describe(value)}`,
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = isBuffer(value)
      ? new Uint8Array(value)
      : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  } catch {
    throw new TypeError(`${where}: ${name}: expected bytes, got a detached ArrayBuffer`);
  }
  const { buffer } = bytes;
  const mayChange =
    tagOf(buffer) === "SharedArrayBuffer" || (buffer as { resizable?: boolean }).resizable === true;
  return mayChange ? bytes.slice() : bytes;
}

/**
 * The bytes of whatever a caller may have: bytes, or a `Response` or `Blob` that is still to be read.
 *
 * @throws {TypeError} if `value` gives no bytes: another kind, a detached buffer, a response that failed or was read before
 */
export async function receiveBytes(
  where: string,
  name: string,
  value: Bytes | BytesSource,
): Promise<Uint8Array> {
  if (!isSource(value)) return bytesOf(where, name, value);
  if (value.ok === false) {
    const status = String(value.status);
    throw new TypeError(`${where}: ${name}: expected a response that is ok, got status ${status}`);
  }
  let received: ArrayBuffer;
  try {
    received = await value.arrayBuffer();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${where}: ${name}: expected bytes, but reading them failed: ${why}`, {
      cause,
    });
  }
  return bytesOf(where, name, received);
}

/** Whether a value gives its bytes by `arrayBuffer()`, as `Response` and `Blob` do. */
export const isSource = (value: unknown): value is BytesSource =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Partial<BytesSource>).arrayBuffer === "function";
