import { ShapeError } from "../errors.js";
import { checkInstance, describe, type Tensor } from "../tensor.js";
import { LIVE_ROWS, type LiveBatch, liveBatchOf } from "./live_batch.js";
import { checkStreams, place, prime, type Rows, readTokens } from "./live_streams.js";
import { Tagger } from "./tagger.js";
import {
  activate,
  openTagger,
  type Tagged,
  type TaggerContent,
  taggedOf,
} from "./tagger_content.js";
import { checkRow, TaggerStream, writeRow } from "./tagger_stream.js";

/** A step for each of many streams: ids or tokens; or rows of nx numbers, as a list or as a tensor (n, nx). */
export type TaggerSteps =
  | ArrayLike<number | string>
  | readonly ArrayLike<number>[]
  | Tensor<Float64Array | Float32Array>;

/**
 * Pushes a step to each of many streams of a tagger, computed together: every stream gets the bits that it gets alone.
 * Everything is checked before a stream moves.
 *
 * @param streams different streams of the tagger
 * @param steps one for each stream
 * @returns a row for each stream: what `stream.push` returns
 * @throws {TypeError | RangeError} for a stream that stands in the list twice, or something else than a step
 * @throws {StateError} for a stream that is disposed, or of another tagger
 * @throws {ShapeError} if there are not as many steps as streams
 */
export function tagAll(
  tagger: Tagger,
  streams: readonly TaggerStream[],
  steps: TaggerSteps,
): Tagged {
  const where = "tagAll";
  checkInstance(where, "tagger", Tagger, "what loadTagger gives", tagger);
  const content = openTagger(where, tagger);
  checkStreams(where, streams, TaggerStream, tagger);
  const n = streams.length;
  const { dense } = content.network;
  const ny = dense.outputSize;
  const data = new Float64Array(n * ny);
  const batch = liveBatchOf(content.step);
  const put = reader(where, content, steps, { n, batch });
  for (let first = 0; first < n; first += LIVE_ROWS) {
    const m = Math.min(n - first, LIVE_ROWS);
    place(where, streams, batch, { first, m });
    batch.gather(m);
    put({ first, m });
    batch.step.advance(m, batch.pointer);
    batch.scatter(m);
    prime(where, streams, { first, m });
    const outputs = batch.step.outputs(m, batch.pointer);
    activate(content, m, outputs);
    data.set(content.network.engine.arena.f64(outputs, m * ny), first * ny);
  }
  return taggedOf(content, { shape: [n, ny], data });
}

/** Checks the steps; the result writes those of some streams to where the network reads them. */
function reader(
  where: string,
  content: TaggerContent,
  steps: TaggerSteps,
  { n, batch }: { n: number; batch: LiveBatch },
): (rows: Rows) => void {
  const { tokenizer, normalisation, network } = content;
  if (tokenizer !== undefined) {
    readTokens(where, tokenizer, steps as ArrayLike<number>, { n, ids: batch.room(n) });
    return ({ first, m }) => {
      for (let r = 0; r < m; r++) batch.tokens[r] = batch.ids[first + r] as number;
    };
  }
  const nx = network.inputSize;
  const rows = rowsOf(where, steps, n, nx);
  return ({ first, m }) => {
    for (let r = 0; r < m; r++) {
      writeRow(rows[first + r] as ArrayLike<number>, normalisation, batch.x, r * nx);
    }
  };
}

/** The rows of steps, checked. */
function rowsOf(
  where: string,
  steps: TaggerSteps,
  n: number,
  nx: number,
): readonly ArrayLike<number>[] {
  const wrong = (got: string): ShapeError =>
    new ShapeError(`${where}: steps: expected ${n} rows of ${nx} numbers, got ${got}`);
  let rows = steps as readonly ArrayLike<number>[];
  if (!Array.isArray(steps)) {
    const { shape, data } = Object(steps) as Partial<Tensor>;
    if (!Array.isArray(shape) || data === undefined) {
      throw new TypeError(
        `${where}: steps: expected a list of rows or a tensor (n, nx), got ${describe(steps)}`,
      );
    }
    if (shape.length !== 2 || shape[0] !== n || shape[1] !== nx || data.length !== n * nx) {
      throw wrong(`(${shape.join(", ")})`);
    }
    rows = Array.from({ length: n }, (_, i) => data.subarray(i * nx, (i + 1) * nx));
  }
  if (rows.length !== n) throw wrong(`${rows.length}`);
  for (let i = 0; i < n; i++) checkRow(where, `steps[${i}]`, rows[i], nx);
  return rows;
}
