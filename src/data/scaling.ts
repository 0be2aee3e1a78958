/** What is subtracted from each column, and what it is divided by. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

/** A column of a table. */
export type Column = ArrayLike<number>;

/** Mean and standard deviation of the first rows of columns; the scale of a constant column is 1. */
export function normalisationOf(columns: readonly Column[], rows: number): Normalisation {
  const means = columns.map((column) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += column[row] as number;
    return rows === 0 ? 0 : sum / rows;
  });
  const scale = columns.map((column, j) => {
    const mean = means[j] as number;
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += ((column[row] as number) - mean) ** 2;
    const deviation = Math.sqrt(sum / Math.max(rows, 1));
    return deviation > 0 && Number.isFinite(deviation) ? deviation : 1;
  });
  return { mean: means, scale };
}

/** Columns as the rows (T, n) of one tensor, normalised. */
export function normalisedRows(
  columns: readonly Column[],
  { mean, scale }: Normalisation,
  rows: number,
): Float64Array {
  const n = columns.length;
  const data = new Float64Array(rows * n);
  columns.forEach((column, j) => {
    const [m, s] = [mean[j] as number, scale[j] as number];
    for (let row = 0; row < rows; row++) data[row * n + j] = ((column[row] as number) - m) / s;
  });
  return data;
}
