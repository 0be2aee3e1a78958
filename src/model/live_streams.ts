import { ShapeError, StateError } from "../errors.js";
import { checkInstance, describe, isTypedArray } from "../tensor.js";
import { contentOf, type Handle } from "../wasm/handle.js";
import type { LiveBatch } from "./live_batch.js";
import type { StreamContent } from "./stream_state.js";
import type { Tokenizer } from "./vocabulary.js";

// What calls of many streams have in common: checks, which make garbage only for an error, and where results go.

/** Calls of many streams so far. Each stream is marked, so that one that stands in a list twice is found without a set. */
let calls = 0;

/** Throws unless these are streams of a model, each once. */
export function checkStreams<S extends Handle>(
  where: string,
  streams: readonly S[],
  kind: abstract new (...values: never[]) => S,
  model: Handle,
): void {
  if (!Array.isArray(streams)) {
    throw new TypeError(`${where}: streams: expected an array, got ${describe(streams)}`);
  }
  calls++;
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i] as S;
    if (!(stream instanceof kind)) {
      checkInstance(where, `streams[${i}]`, kind, "a stream", stream);
    }
    const content = contentAt(where, stream, i);
    if (content.model !== model) {
      throw new StateError(`${where}: streams[${i}]: a stream of another model`);
    }
    if (content.call === calls) {
      throw new TypeError(`${where}: streams[${i}]: expected each stream once, got one twice`);
    }
    content.call = calls;
  }
}

/** The content of a stream. The name for an error is made when there is one. */
function contentAt(where: string, stream: Handle, i: number): StreamContent {
  try {
    return contentOf(where, stream);
  } catch {
    return contentOf(`${where}: streams[${i}]`, stream);
  }
}

/** The ids of the tokens, checked. */
export function readTokens(
  where: string,
  tokenizer: Tokenizer,
  tokens: ArrayLike<number | string>,
  { n, ids }: { n: number; ids: Int32Array },
): void {
  const isList = typeof tokens === "object" && tokens !== null;
  if (!isList || typeof tokens.length !== "number") {
    throw new TypeError(
      `${where}: tokens: expected a list of ids or tokens, got ${describe(tokens)}`,
    );
  }
  if (tokens.length !== n) {
    throw new ShapeError(`${where}: tokens: expected ${n}, one a stream, got ${tokens.length}`);
  }
  const { size } = tokenizer;
  for (let i = 0; i < n; i++) {
    const token = tokens[i] as number;
    const isId = Number.isInteger(token) && token >= 0 && token < size;
    ids[i] = isId ? token : tokenizer.id(where, `tokens[${i}]`, token);
  }
}

/** Where results go: `out`, or a new array. */
export function targetOf(
  where: string,
  out: Float64Array | undefined,
  length: number,
): Float64Array {
  if (out === undefined) return new Float64Array(length);
  if (!isTypedArray(out, "Float64Array")) {
    throw new TypeError(`${where}: out: expected Float64Array, got ${describe(out)}`);
  }
  if (out.length === length) return out;
  throw new ShapeError(`${where}: out: expected ${length} numbers, got ${out.length}`);
}

/** Some streams of a list. */
export interface Rows {
  readonly first: number;
  readonly m: number;
}

/** Says where the states of some streams stand. */
export function place(
  where: string,
  streams: readonly Handle[],
  batch: LiveBatch,
  { first, m }: Rows,
): void {
  for (let r = 0; r < m; r++) {
    const { block } = contentOf<StreamContent>(where, streams[first + r] as Handle);
    batch.place(r, block.pointer);
  }
}

/** Says that some streams have read something. */
export function prime(where: string, streams: readonly Handle[], { first, m }: Rows): void {
  for (let r = 0; r < m; r++) {
    contentOf<StreamContent>(where, streams[first + r] as Handle).isPrimed = true;
  }
}
