// Padded batches of 32 lines, each as long as its longest line.

export const BATCH = 32;

export interface Batch {
  /** Indices of its lines. */
  lines: readonly number[];
  T: number;
  m: number;
  /** (T, m), time-major; class 0 where a line has ended. */
  tokens: Int32Array;
  /** The steps, of T·m, that count, line by line, and the token that each predicts. */
  rows: Int32Array;
  targets: Int32Array;
}

export interface Vocabulary {
  readonly [character: string]: number;
}

function batch(
  lines: readonly string[],
  indices: readonly number[],
  vocabulary: Vocabulary,
): Batch {
  const chosen = indices.map((i) => lines[i] as string);
  const m = chosen.length;
  const T = Math.max(...chosen.map(({ length }) => length - 1));
  const counted = chosen.reduce((sum, { length }) => sum + length - 1, 0);
  const tokens = new Int32Array(T * m);
  const rows = new Int32Array(counted);
  const targets = new Int32Array(counted);
  let next = 0;
  chosen.forEach((line, b) => {
    for (let t = 0; t + 1 < line.length; t++) {
      tokens[t * m + b] = vocabulary[line[t] as string] as number;
      targets[next] = vocabulary[line[t + 1] as string] as number;
      rows[next++] = t * m + b;
    }
  });
  return { lines: indices, T, m, tokens, rows, targets };
}

/** In the order of the file, or sorted by length, which leaves little padding. */
export function* batches(
  lines: readonly string[],
  vocabulary: Vocabulary,
  sorted: boolean,
): Generator<Batch> {
  const order = lines.map((_, i) => i);
  const length = (i: number): number => (lines[i] as string).length;
  if (sorted) order.sort((a, b) => length(b) - length(a));
  for (let i = 0; i < order.length; i += BATCH) {
    yield batch(lines, order.slice(i, i + BATCH), vocabulary);
  }
}

/** Adds the values of a batch's counted steps to the scores of their lines. */
export function addUp(
  { lines: indices, targets }: Batch,
  lines: readonly string[],
  values: ArrayLike<number>,
  scores: Float64Array,
): void {
  let at = 0;
  for (const i of indices) {
    let sum = 0;
    for (let t = 1; t < (lines[i] as string).length; t++) sum += values[at++] as number;
    scores[i] = sum;
  }
  if (at !== targets.length) throw new Error(`${at} values for ${targets.length} steps`);
}
