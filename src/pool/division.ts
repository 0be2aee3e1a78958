/** Sequences of a portion, if they are not short: as many as a model computes together. */
const MOST_SEQUENCES = 64;
/** Rows below which a portion costs more to send than to compute in part: it may have more sequences than that. */
const FULL_ROWS = 2048;
/** Rows of the smallest portion, some milliseconds of work. */
const LEAST_ROWS = 256;
/** A portion is at most this part of what each worker still has to do, so that the last ones end together. */
const PART = 1 / 2;

/**
 * Divides the sequences of a call into portions, in the order in which workers take them: the longest sequences first, so
 * that the portions shrink towards the end. The cost is the number of rows: those of one sequence take as long alone as
 * among others.
 *
 * @param lengths of each sequence
 * @param indices which of them; reordered
 * @returns the indices of each portion
 */
export function divide(lengths: ArrayLike<number>, indices: number[], workers: number): number[][] {
  // One more for the sequence itself: empty ones cost something, too.
  const costOf = (i: number): number => (lengths[i] as number) + 1;
  indices.sort((a, b) => costOf(b) - costOf(a) || a - b);
  let left = 0;
  for (const i of indices) left += costOf(i);
  const portions: number[][] = [];
  let portion: number[] = [];
  let cost = 0;
  let share = 0;
  for (const i of indices) {
    if (portion.length === 0) {
      share = Math.max((left * PART) / workers, LEAST_ROWS);
      cost = 0;
      portions.push(portion);
    }
    portion.push(i);
    cost += costOf(i);
    left -= costOf(i);
    const isFull = portion.length % MOST_SEQUENCES === 0 && cost >= FULL_ROWS;
    if (isFull || cost >= share) portion = [];
  }
  return portions;
}

/**
 * Divides the sequences of a portion whose worker ended, so that one that ends every worker is found: the last try is made
 * with each sequence alone.
 *
 * @param triesLeft at least 1
 */
export function divideAgain(indices: readonly number[], triesLeft: number): number[][] {
  const size = Math.round(indices.length ** (1 - 1 / triesLeft));
  return Array.from({ length: Math.ceil(indices.length / size) }, (_, k) =>
    indices.slice(k * size, (k + 1) * size),
  );
}
