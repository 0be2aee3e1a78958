import { Batch } from "../sequence/batch.js";
import type { Output } from "../sequence/forward.js";
import { Layout } from "../sequence/plan.js";
import type { Network } from "./network.js";
import { States } from "./states.js";

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

/** Where the sequences begin: the state of one sequence, shared by all, as it stands in linear memory. */
export interface Beginning {
  /** Pointers to h and c of each stack, for m = 1. */
  readonly states: readonly { readonly h: number; readonly c: number }[];
}

/** Sequences that run side by side: enough rows for the products to be at their best, few enough to stay in the caches. */
export const GROUP_ROWS = 64;
/** Bytes of logits that exist at a time. */
const LOGIT_BYTES = 256 * 1024;

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
    const order = tasks.map((_, i) => i);
    const length = (i: number): number => (tasks[i] as Task).tokens.length;
    order.sort((a, b) => length(b) - length(a) || a - b);
    for (let from = 0; from < order.length; from += GROUP_ROWS) {
      const places = order.slice(from, from + GROUP_ROWS);
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

/** Scores a group whose lengths fall. */
function* scoreGroup(
  network: Network,
  group: readonly Task[],
  beginning: Beginning | undefined,
): Generator<void, Score[], void> {
  const { engine, width, dense, hiddenSize } = network;
  const m = group.length;
  const batch = Batch.ragged(group.map(({ tokens }) => Math.max(tokens.length - 1, 0)));
  const N = batch.rows;
  const ny = dense.outputSize;
  const layout = new Layout(width);
  const shapes = network.groups.map(({ stack }) => stack.shape);
  const states = new States(layout, shapes, m);
  const stateBytes = layout.bytes;
  const targetsAt = layout.take(N, Int32Array.BYTES_PER_ELEMENT);
  const logProbsAt = layout.take(Math.max(N, 2 * m), Float64Array.BYTES_PER_ELEMENT);
  const piece = Math.max(Math.floor(LOGIT_BYTES / (dense.widest * width.item)), 1);
  const turnsAt = [layout.take(piece * dense.widest), layout.take(piece * dense.widest)] as const;
  const wideAt = width.precision === "f64" ? 0 : layout.take(piece * ny, 8);
  const block = engine.arena.allocate(layout.bytes);
  try {
    const { pointer } = block;
    states.pointer = pointer;
    // In units of the precision; the state stands first.
    engine.arena.view(width.precision, pointer, stateBytes / width.item).fill(0);
    if (beginning !== undefined) broadcast(network, states, beginning, m);
    const tokens = new Int32Array(N);
    const targets = new Int32Array(N);
    batch.forEachRow(0, batch.T, (row, place, t) => {
      const { tokens: all } = group[batch.order?.[place] ?? place] as Task;
      tokens[row] = all[t] as number;
      targets[row] = all[t + 1] as number;
    });
    engine.arena.i32(pointer + targetsAt, N).set(targets);
    const turns = turnsAt.map((at) => pointer + at) as [number, number];
    const output: Output = (first, last, h) => {
      const { kernels } = engine;
      const end = batch.start(last);
      for (let row = batch.start(first); row < end; row += piece) {
        const rows = Math.min(end - row, piece);
        const x = h + (row - batch.start(first)) * hiddenSize * width.item;
        let logits = dense.apply(rows, x, turns);
        if (wideAt > 0) {
          kernels.promote(rows * ny, logits, pointer + wideAt);
          logits = pointer + wideAt;
        }
        const at = pointer + targetsAt + row * Int32Array.BYTES_PER_ELEMENT;
        kernels.score_rows(rows, ny, logits, at, pointer + logProbsAt + row * 8);
      }
    };
    yield* network.run(batch, states, { tokens }, output);
    const each = collect(network, group, batch, pointer + logProbsAt);
    return finish(network, each, pointer + logProbsAt);
  } finally {
    block.release();
  }
}

/** Sets the state of every sequence to the beginning. */
function broadcast(
  { groups, width }: Network,
  states: States,
  { states: from }: Beginning,
  m: number,
): void {
  groups.forEach(({ stack: { shape } }, g) => {
    const { h, c } = states.parts(g);
    const source = from[g] as { h: number; c: number };
    const { na, nh } = shape;
    const { item } = width;
    h.forEach((target, p) => {
      width.kernels.gather_rows(m, nh, 0, nh, source.h + p * nh * item, 0, target);
      if (!shape.cells[0]?.hasMemory) return;
      width.kernels.gather_rows(m, na, 0, na, source.c + p * na * item, 0, c[p] as number);
    });
  });
}

/** The log-probabilities of each sequence, from those of the rows. */
function collect(
  { engine }: Network,
  group: readonly Task[],
  batch: Batch,
  pointer: number,
): Float64Array[] {
  const rows = engine.arena.f64(pointer, batch.rows);
  const each = group.map(({ tokens, first }) => {
    const known = first === undefined ? 0 : 1;
    const own = new Float64Array(Math.max(tokens.length - 1, 0) + known);
    if (first !== undefined) own[0] = first;
    return own;
  });
  batch.forEachRow(0, batch.T, (row, place, t) => {
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
  engine.kernels.exp_map(m, scratch, scratch + m * Float64Array.BYTES_PER_ELEMENT);
  const perplexities = engine.arena.f64(scratch + m * Float64Array.BYTES_PER_ELEMENT, m);
  return each.map((tokenLogProbs, b) => ({
    logProb: sums[b] as number,
    tokenLogProbs,
    tokens: tokenLogProbs.length,
    perplexity: perplexities[b] as number,
    bitsPerToken: -(sums[b] as number) / (tokenLogProbs.length * Math.LN2),
  }));
}
