import { Batch } from "../sequence/batch.js";
import { Layout } from "../sequence/layout.js";
import { ITEM } from "../wasm/abi.js";
import { type Beginning, groupRows, groupsOf, runGroup } from "./batching.js";
import type { Network } from "./network.js";

/** How likely a model finds a sequence. */
export interface Score {
  /** The sum of `tokenLogProbs`, in nats. */
  readonly logProb: number;
  /** The log-probability of each token given those before it, in nats; of all but the first unless the model has a start token. */
  readonly tokenLogProbs: Float64Array;
  /** How many tokens were scored. */
  readonly tokens: number;
  /** exp(−logProb / tokens); NaN where nothing was scored. */
  readonly perplexity: number;
  /** −logProb / (tokens·ln 2); NaN where nothing was scored. */
  readonly bitsPerToken: number;
}

/** What one sequence asks of the network: it reads some tokens, and each leads to a target. */
export interface Task {
  /** All tokens: those that are read, and last the final target. */
  readonly tokens: Int32Array;
  /** What is known of the sequence's first token before anything is read. */
  readonly first?: number;
}

/**
 * Scores tasks, those of like length side by side, and pauses after each chunk of steps. The log-probability of a target
 * is taken from the logits as they come; they are never kept.
 *
 * @param done takes each score as soon as its group is done
 */
export function* scoreTasks(
  network: Network,
  tasks: readonly Task[],
  beginning: Beginning | undefined,
  done: (index: number, score: Score) => void,
): Generator<void, void, void> {
  network.retain();
  try {
    for (const places of groupsOf(
      tasks.map(({ tokens }) => tokens.length),
      groupRows(network),
    )) {
      const group = places.map((i) => tasks[i] as Task);
      const scores = yield* scoreGroup(network, group, beginning);
      places.forEach((i, place) => {
        done(i, scores[place] as Score);
      });
    }
  } finally {
    network.release();
  }
}

function* scoreGroup(
  network: Network,
  group: readonly Task[],
  beginning: Beginning | undefined,
): Generator<void, Score[], void> {
  const { engine } = network;
  const batch = Batch.ragged(group.map(({ tokens }) => Math.max(tokens.length - 1, 0)));
  const N = batch.rows;
  const ny = network.dense.outputSize;
  const tokens = new Int32Array(N);
  const targets = new Int32Array(N);
  yield* eachRow(batch, (row, place, t) => {
    const { tokens: all } = group[batch.order?.[place] ?? place] as Task;
    tokens[row] = all[t] as number;
    targets[row] = all[t + 1] as number;
  });
  const layout = new Layout();
  const targetsAt = layout.take(N, Int32Array.BYTES_PER_ELEMENT);
  const logProbsAt = layout.take(Math.max(N, 2 * batch.m));
  const block = engine.arena.allocate(layout.bytes);
  try {
    const target = block.pointer + targetsAt;
    const logProb = block.pointer + logProbsAt;
    engine.arena.i32(target, N).set(targets);
    const take = (row: number, rows: number, logits: number): void => {
      const at = target + row * Int32Array.BYTES_PER_ELEMENT;
      engine.kernels.score_rows(rows, ny, logits, at, logProb + row * ITEM);
    };
    yield* runGroup(network, batch, { tokens }, { of: "steps", take }, beginning);
    return finish(network, yield* collect(network, group, batch, logProb), logProb);
  } finally {
    block.release();
  }
}

/** Rows that are looked at one by one without a pause. */
const LOOKS = 65536;

/** Goes through the rows of a batch, and pauses from time to time. */
function* eachRow(
  batch: Batch,
  visit: (row: number, place: number, t: number) => void,
): Generator<void, void, void> {
  for (let first = 0; first < batch.T; ) {
    const last = batch.lastStep(first, LOOKS);
    batch.forEachRow(first, last, visit);
    if (last < batch.T) yield;
    first = last;
  }
}

/** The log-probabilities of each sequence, from those of the rows. */
function* collect(
  { engine }: Network,
  group: readonly Task[],
  batch: Batch,
  pointer: number,
): Generator<void, Float64Array[], void> {
  // A copy: memory may grow while others have their turn.
  const rows = engine.arena.f64(pointer, batch.rows).slice();
  const each = group.map(({ tokens, first }) => {
    const known = first === undefined ? 0 : 1;
    const own = new Float64Array(Math.max(tokens.length - 1, 0) + known);
    if (first !== undefined) own[0] = first;
    return own;
  });
  yield* eachRow(batch, (row, place, t) => {
    const b = batch.order?.[place] ?? place;
    const known = group[b]?.first === undefined ? 0 : 1;
    (each[b] as Float64Array)[t + known] = rows[row] as number;
  });
  return each;
}

/** Scores of log-probabilities. The perplexity is by the engine's own exp, so that it has the same bits on every host. */
function finish({ engine }: Network, each: readonly Float64Array[], scratch: number): Score[] {
  const m = each.length;
  const sums = each.map((own) => own.reduce((sum, logProb) => sum + logProb, 0));
  engine.arena.f64(scratch, m).set(sums.map((sum, b) => -sum / (each[b] as Float64Array).length));
  engine.kernels.exp_map(m, scratch, scratch + m * ITEM);
  const perplexities = engine.arena.f64(scratch + m * ITEM, m);
  return each.map((tokenLogProbs, b) => ({
    logProb: sums[b] as number,
    tokenLogProbs,
    tokens: tokenLogProbs.length,
    perplexity: perplexities[b] as number,
    bitsPerToken: -(sums[b] as number) / (tokenLogProbs.length * Math.LN2),
  }));
}
