import type { ModelDescription } from "../description/description.js";
import { FeatureError } from "../errors.js";
import { type Bytes, type BytesSource, isBytes, isSource, receiveBytes } from "../formats/bytes.js";
import type { UrlLike } from "../host.js";
import { isNumbers } from "../tensor.js";
import { builtin } from "./host.js";

/**
 * A model for a pool: the bytes of a safetensors file, a `Response` or `Blob` of them, its address (a `URL`, or a text that
 * is one), or a description that the reader of another format gave.
 */
export type PoolSource = Bytes | BytesSource | UrlLike | string | ModelDescription;

/** The model as it is sent to each worker: in shared memory, where the host has it. */
export async function portableModel(
  where: string,
  source: PoolSource,
): Promise<Uint8Array | ModelDescription> {
  if (typeof source === "string" || isUrl(source))
    return shared(await read(where, source), Uint8Array);
  if (isBytes(source) || isSource(source)) {
    return shared(await receiveBytes(where, "model", source), Uint8Array);
  }
  return withShared(source);
}

const isUrl = (value: unknown): value is UrlLike =>
  Object.prototype.toString.call(value) === "[object URL]";

interface FileSystem {
  readonly promises: { readFile(url: UrlLike): Promise<Uint8Array> };
}

/** What is used of a host to read an address. */
interface Host {
  readonly URL?: new (address: UrlLike | string, base?: string) => UrlLike;
  readonly fetch?: (url: UrlLike) => Promise<BytesSource>;
  readonly location?: { readonly href?: string };
}

/** The bytes at an address. */
async function read(where: string, address: UrlLike | string): Promise<Uint8Array> {
  const { location, fetch, URL } = globalThis as unknown as Host;
  if (URL === undefined || fetch === undefined) {
    throw new FeatureError(`${where}: this host has no fetch: pass the bytes of the model`);
  }
  let url: UrlLike;
  try {
    url = new URL(address, location?.href);
  } catch {
    const hint = "read a file's bytes, or pass its address as a URL";
    throw new TypeError(
      `${where}: model: expected an address, got ${JSON.stringify(address)}: ${hint}`,
    );
  }
  try {
    const files = url.protocol === "file:" ? (builtin("fs") as FileSystem | undefined) : undefined;
    if (files !== undefined) return await files.promises.readFile(url);
    return await receiveBytes(where, "model", await fetch(url));
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith(where)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${where}: model: ${url.href} could not be read: ${why}`, { cause });
  }
}

/** Whether memory can be shared with workers here: a page needs to be cross-origin isolated. */
function canShare(): boolean {
  const host = globalThis as { crossOriginIsolated?: boolean; SharedArrayBuffer?: unknown };
  return host.SharedArrayBuffer !== undefined && host.crossOriginIsolated !== false;
}

/** A copy of numbers, which replaced workers get, too. In memory that is not copied any more, where the host has it. */
function shared<N extends Uint8Array | Float32Array | Float64Array>(
  numbers: N,
  // Not their constructor: that of a Buffer is another one.
  Numbers: new (
    memory: ArrayBuffer | SharedArrayBuffer,
  ) => Uint8Array | Float32Array | Float64Array,
): N {
  const { byteLength } = numbers;
  const copy = new Numbers(
    canShare() ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength),
  );
  copy.set(numbers);
  return copy as N;
}

/** Objects in objects of a description. */
const DEPTH = 6;

/** The same description with its numbers in shared memory. Whatever else there is the workers check. */
function withShared<V>(value: V, depth = DEPTH): V {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  if (isNumbers(value, Float64Array)) return shared(value, Float64Array);
  if (isNumbers(value, Float32Array)) return shared(value, Float32Array);
  if (Array.isArray(value)) return value.map((each) => withShared(each, depth - 1)) as V;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const parts = Object.entries(value).map(([name, part]) => [name, withShared(part, depth - 1)]);
  return Object.fromEntries(parts);
}
