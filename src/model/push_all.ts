import { ShapeError, StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, describe, isTypedArray, type Tensor } from "../tensor.js";
import { contentOf } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { LanguageModel } from "./language_model.js";
import { type LanguageNetwork, openLanguage } from "./language_network.js";
import { LIVE_ROWS, type LiveBatch, liveBatchOf } from "./live_batch.js";
import { LanguageStream, type StreamContent } from "./stream.js";

/** Options of {@link nextAll}. */
export interface NextAllOptions {
  /** Takes the results, as many as there are: a call makes no garbage then. Default: a new array. */
  readonly out?: Float64Array | undefined;
}

/** Options of {@link pushAll}. */
export interface PushAllOptions extends NextAllOptions {
  /** Whether the log-probabilities are computed; otherwise the streams read their tokens, and the result is empty. Default true. */
  readonly logProbs?: boolean | undefined;
}

const PUSH_NAMES: OptionNames<PushAllOptions> = { out: true, logProbs: true };
const NEXT_NAMES: OptionNames<NextAllOptions> = { out: true };

/** Calls of many streams, so that one that stands in a list twice is found without a set. */
let calls = 0;

/**
 * Pushes a token to each of many streams of a model, computed together: every stream gets the bits that it gets alone, in about
 * half the time. Everything is checked before a stream moves.
 *
 * @param streams different streams of the model
 * @param tokens one for each stream: ids, or tokens of the vocabulary
 * @returns for each stream what `stream.push` returns
 * @throws {TypeError | RangeError} for a stream that stands in the list twice, or a token that the model does not know
 * @throws {StateError} for a stream that is disposed, or of another model
 * @throws {ShapeError} if there are not as many tokens as streams
 */
export function pushAll(
  model: LanguageModel,
  streams: readonly LanguageStream[],
  tokens: ArrayLike<number | string>,
  options: PushAllOptions = {},
): Float64Array {
  const where = "pushAll";
  checkOptions(where, options, PUSH_NAMES);
  const { logProbs = true } = options;
  const language = openAll(where, model, streams);
  const batch = liveBatchOf(language.step);
  const n = streams.length;
  readTokens(where, language, tokens, { n, ids: batch.room(n) });
  const out = targetOf(where, options.out, logProbs ? n : 0);
  for (let first = 0; first < n; first += LIVE_ROWS) {
    const m = Math.min(n - first, LIVE_ROWS);
    place(where, streams, batch, { first, m });
    batch.gather(m);
    if (logProbs) {
      score(where, language, streams, { first, m });
      for (let r = 0; r < m; r++) out[first + r] = batch.results[r] as number;
    }
    for (let r = 0; r < m; r++) batch.tokens[r] = batch.ids[first + r] as number;
    batch.step.advance(m, batch.pointer);
    batch.scatter(m);
    for (let r = 0; r < m; r++) {
      contentOf<StreamContent>(where, streams[first + r] as LanguageStream).isPrimed = true;
    }
  }
  return out;
}

/**
 * For each of many streams the log-probabilities of all tokens that may come next, computed together: the bits of
 * `stream.next`.
 *
 * @param streams different streams of the model
 * @returns (n, size)
 * @throws {StateError} for a stream that has read no token, unless the model has a start token; and as {@link pushAll}
 */
export function nextAll(
  model: LanguageModel,
  streams: readonly LanguageStream[],
  options: NextAllOptions = {},
): Tensor {
  const where = "nextAll";
  checkOptions(where, options, NEXT_NAMES);
  const language = openAll(where, model, streams);
  const n = streams.length;
  for (let i = 0; i < n; i++) {
    if (contentOf<StreamContent>(where, streams[i] as LanguageStream).isPrimed) continue;
    throw new StateError(`${where}: streams[${i}]: no token was read: push one first`);
  }
  const batch = liveBatchOf(language.step);
  const { outputSize: ny } = language.network.dense;
  const { log_softmax_rows } = outputKernels(language.network.engine);
  const data = targetOf(where, options.out, n * ny);
  for (let first = 0; first < n; first += LIVE_ROWS) {
    const m = Math.min(n - first, LIVE_ROWS);
    place(where, streams, batch, { first, m });
    batch.gatherTop(m);
    const { step, pointer } = batch;
    log_softmax_rows(m, ny, step.outputs(m, pointer), step.results);
    const { results } = batch;
    const at = first * ny;
    for (let j = 0; j < m * ny; j++) data[at + j] = results[j] as number;
  }
  return { shape: [n, ny], data };
}

/** The content of a model, whose streams these are: each once. */
function openAll(
  where: string,
  model: LanguageModel,
  streams: readonly LanguageStream[],
): LanguageNetwork {
  checkInstance(where, "model", LanguageModel, "what loadLanguageModel gives", model);
  const language = openLanguage(where, model);
  if (!Array.isArray(streams)) {
    throw new TypeError(`${where}: streams: expected an array, got ${describe(streams)}`);
  }
  calls++;
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i] as LanguageStream;
    if (!(stream instanceof LanguageStream)) {
      checkInstance(where, `streams[${i}]`, LanguageStream, "a stream", stream);
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
  return language;
}

/** The content of a stream. The name for an error is made when there is one. */
function contentAt(where: string, stream: LanguageStream, i: number): StreamContent {
  try {
    return contentOf(where, stream);
  } catch {
    return contentOf(`${where}: streams[${i}]`, stream);
  }
}

/** The ids of the tokens, checked. */
function readTokens(
  where: string,
  { tokenizer }: LanguageNetwork,
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
function targetOf(where: string, out: Float64Array | undefined, length: number): Float64Array {
  if (out === undefined) return new Float64Array(length);
  if (!isTypedArray(out, "Float64Array")) {
    throw new TypeError(`${where}: out: expected Float64Array, got ${describe(out)}`);
  }
  if (out.length === length) return out;
  throw new ShapeError(`${where}: out: expected ${length} numbers, got ${out.length}`);
}

interface Rows {
  readonly first: number;
  readonly m: number;
}

/** Says where the states of some streams stand. */
function place(
  where: string,
  streams: readonly LanguageStream[],
  batch: LiveBatch,
  { first, m }: Rows,
): void {
  for (let r = 0; r < m; r++) {
    const { block } = contentOf<StreamContent>(where, streams[first + r] as LanguageStream);
    batch.place(r, block.pointer);
  }
}

/** The log-probabilities of the tokens that come next, 0 for a stream that has read none. */
function score(
  where: string,
  { step: one, network }: LanguageNetwork,
  streams: readonly LanguageStream[],
  { first, m }: Rows,
): void {
  const batch = liveBatchOf(one);
  const { step, tokens, ids } = batch;
  for (let r = 0; r < m; r++) {
    const { isPrimed } = contentOf<StreamContent>(where, streams[first + r] as LanguageStream);
    tokens[r] = isPrimed ? (ids[first + r] as number) : -1;
  }
  const { score_rows } = outputKernels(network.engine);
  const logits = step.outputs(m, batch.pointer);
  score_rows(m, network.dense.outputSize, logits, step.tokens, step.results);
}
