// One token of each row of logits, drawn as Hugging Face's processors and warpers do: penalty, temperature, top-k, top-p, min-p.
//
// - The scores of a row are its log-probabilities, so that a penalty does not depend on an offset of the logits.
// - The weight of a token is exp((score − best) / temperature): the best score weighs 1. What is cut away weighs 0.
// - Order of tokens: by falling score, of equal ones the lower id first.
// - Sums of weights run in one chain, over ascending ids or in the order of tokens.

import { expVector } from "../base/exp";
import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { uniformAt } from "../base/random";
import { score_rows } from "./score";
import { log_softmax_rows } from "./softmax";

/** The bit of a flag of a token that is not allowed. Another bit says that it has occurred. */
const FORBIDDEN: u8 = 2;

function at(x: usize, i: usize): f64 {
  return f64.load(x + i * sizeof<f64>());
}

function idAt(ids: usize, i: usize): u32 {
  return load<u32>(ids + i * sizeof<u32>());
}

/** Multiplies the scores of tokens that have occurred by the penalty; those of forbidden ones become −Infinity. */
function penalise(n: usize, penalty: f64, flags: usize, scores: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const flag = load<u8>(flags + i);
    if (flag === 0) continue;
    const score = flag & FORBIDDEN ? -Infinity : at(scores, i) * penalty;
    f64.store(scores + i * sizeof<f64>(), score);
  }
}

/** The first id in the order of tokens; −1 if no score is above −Infinity. */
function firstId(n: usize, scores: usize): i32 {
  let best = -Infinity;
  let id: i32 = -1;
  for (let i: usize = 0; i < n; i++) {
    const score = at(scores, i);
    if (!(score > best)) continue;
    best = score;
    id = <i32>i;
  }
  return id;
}

/** w[i] = exp((score[i] − best) / temperature). */
function weigh(n: usize, temperature: f64, best: f64, scores: usize, w: usize): void {
  const bests = f64x2.splat(best);
  const divisor = f64x2.splat(temperature);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const shifted = f64x2.sub(loadLanes<f64>(scores + i * sizeof<f64>(), n - i), bests);
    storeLanes<f64>(w + i * sizeof<f64>(), expVector(f64x2.div(shifted, divisor)), n - i);
  }
}

/** Σ w over ascending ids. */
function sum(n: usize, w: usize): f64 {
  let total: f64 = 0;
  for (let i: usize = 0; i < n; i++) total += at(w, i);
  return total;
}

function isBefore(scores: usize, a: u32, b: u32): bool {
  const x = at(scores, a);
  const y = at(scores, b);
  return x > y || (x === y && a < b);
}

/** Lets the id at `root` of a heap of `count` ids sink below those that come before it. */
function sink(root: usize, count: usize, scores: usize, ids: usize): void {
  const id = idAt(ids, root);
  for (;;) {
    let child: usize = 2 * root + 1;
    if (child >= count) break;
    const right = child + 1;
    if (right < count && isBefore(scores, idAt(ids, right), idAt(ids, child))) child = right;
    const other = idAt(ids, child);
    if (!isBefore(scores, other, id)) break;
    store<u32>(ids + root * sizeof<u32>(), other);
    root = child;
  }
  store<u32>(ids + root * sizeof<u32>(), id);
}

function heapify(n: usize, scores: usize, ids: usize): void {
  for (let i: usize = 0; i < n; i++) store<u32>(ids + i * sizeof<u32>(), <u32>i);
  for (let root = n >> 1; root > 0; root--) sink(root - 1, n, scores, ids);
}

/** Moves the first id of a heap of `count` ids behind the others, and returns it. */
function pop(count: usize, scores: usize, ids: usize): u32 {
  const last = count - 1;
  const first = idAt(ids, 0);
  store<u32>(ids, idAt(ids, last));
  store<u32>(ids + last * sizeof<u32>(), first);
  sink(0, last, scores, ids);
  return first;
}

/** Tokens after `id` in the order weigh 0. */
function cutAfter(n: usize, id: u32, scores: usize, w: usize): void {
  for (let i: usize = 0; i < n; i++) {
    if (isBefore(scores, id, <u32>i)) f64.store(w + i * sizeof<f64>(), 0);
  }
}

/** Keeps the first topK tokens, and of them the first whose weights reach the share topP; `ids` is scratch, (n) u32. */
function cut(n: usize, topK: usize, topP: f64, scores: usize, w: usize, ids: usize): void {
  heapify(n, scores, ids);
  const most = topK > 0 && topK < n ? topK : n;
  if (most < n) {
    for (let k: usize = 0; k < most; k++) pop(n - k, scores, ids);
    cutAfter(n, idAt(ids, n - most), scores, w);
  }
  if (topP >= 1) return;
  const wanted = topP * sum(n, w);
  let before: f64 = 0;
  for (let k: usize = 0; k < most; k++) {
    // The first topK were taken out already and stand at the end, the first one last.
    const id = most < n ? idAt(ids, n - 1 - k) : pop(n - k, scores, ids);
    before += at(w, id);
    if (before < wanted) continue;
    cutAfter(n, id, scores, w);
    return;
  }
}

/** Tokens that weigh less than minP weigh 0. */
function cutBelow(n: usize, minP: f64, w: usize): void {
  for (let i: usize = 0; i < n; i++) {
    if (at(w, i) < minP) f64.store(w + i * sizeof<f64>(), 0);
  }
}

/** The first id at which the sum of weights exceeds u·Σ w. */
function draw(n: usize, u: f64, w: usize): i32 {
  const wanted = u * sum(n, w);
  let upTo: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    upTo += at(w, i);
    if (upTo > wanted) return <i32>i;
  }
  return -1;
}

/**
 * tokens[r] = the token drawn for row r, and logProb[r] = its log-probability of the logits, whatever the options are.
 *
 * The steps, each on what the one before it leaves: scores of tokens that have occurred are multiplied by `penalty`; forbidden
 * tokens are taken out; temperature; the first topK tokens stay; of those, the fewest whose weights reach topP of the sum; of
 * those, the ones that weigh at least minP; one of those is drawn by its weight. A row in which no score is above −Infinity,
 * such as one of NaN, has token −1 and logProb NaN.
 *
 * - temperature:  > 0, or 0: the first token in the order, without a draw
 * - topK:         0: all
 * - topP:         0 … 1; the first token always stays
 * - minP:         0 … 1
 * - penalty:      > 0
 * - logits:       in; (rows, n), n ≥ 1
 * - flags:        in; (rows, n) u8: 1 for a token that has occurred, 2 for a forbidden one; 0 (no pointer): none is
 * - seeds:        in; (rows, 2) u64: a seed, and which of its uniform numbers is to be used
 * - tokens:       out, set; (rows) i32
 * - logProb:      out, set; (rows)
 * - scratch:      3·n f64
 *
 * Tail, order of summation in log-probabilities, NaN and ±Infinity: as in softmax.ts.
 */
export function sample_rows(
  rows: usize,
  n: usize,
  temperature: f64,
  topK: usize,
  topP: f64,
  minP: f64,
  penalty: f64,
  logits: usize,
  flags: usize,
  seeds: usize,
  tokens: usize,
  logProb: usize,
  scratch: usize,
): void {
  const scores = scratch;
  const w = scratch + n * sizeof<f64>();
  const ids = w + n * sizeof<f64>();
  for (let r: usize = 0; r < rows; r++) {
    log_softmax_rows(1, n, logits, scores);
    if (flags !== 0) penalise(n, penalty, flags + r * n, scores);
    const first = firstId(n, scores);
    let token = first;
    if (first >= 0 && temperature > 0) {
      weigh(n, temperature, at(scores, first), scores, w);
      if ((topK > 0 && topK < n) || topP < 1) cut(n, topK, topP, scores, w, ids);
      if (minP > 0) cutBelow(n, minP, w);
      token = draw(n, uniformAt(load<u64>(seeds), load<u64>(seeds, sizeof<u64>())), w);
    }
    store<i32>(tokens, token);
    if (token < 0) f64.store(logProb, NaN);
    else if (flags === 0) f64.store(logProb, at(scores, token));
    else score_rows(1, n, logits, tokens, logProb);
    logits += n * sizeof<f64>();
    seeds += 2 * sizeof<u64>();
    tokens += sizeof<i32>();
    logProb += sizeof<f64>();
  }
}
