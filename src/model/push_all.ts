import { StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, type Tensor } from "../tensor.js";
import { contentOf } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { LanguageModel } from "./language_model.js";
import { type LanguageNetwork, openLanguage } from "./language_network.js";
import { LIVE_ROWS, liveBatchOf } from "./live_batch.js";
import { checkStreams, place, prime, type Rows, readTokens, targetOf } from "./live_streams.js";
import { LanguageStream } from "./stream.js";
import type { StreamContent } from "./stream_state.js";

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

/**
 * Pushes a token to each of many streams of a model, computed together: every stream gets the bits that it gets alone, in about
 * nine tenths of the time. Everything is checked before a stream moves.
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
  readTokens(where, language.tokenizer, tokens, { n, ids: batch.room(n) });
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
    prime(where, streams, { first, m });
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
  checkStreams(where, streams, LanguageStream, model);
  return language;
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
