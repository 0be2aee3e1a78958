import { checkObject, describe, type Tensor } from "../tensor.js";

/** How columns were normalised in training: (x − mean) / scale. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

/** Two lists of numbers, column by column, checked and copied. */
export function readNormalisation(
  where: string,
  given: Normalisation,
  columns: number,
): Normalisation {
  checkObject(where, "mean and scale", given);
  const { mean, scale } = given;
  const list = (
    name: string,
    numbers: unknown,
    expected: string,
    isGood: (x: number) => boolean,
  ) => {
    if (!Array.isArray(numbers)) {
      throw new TypeError(
        `${where}: ${name}: expected a list of numbers, got ${describe(numbers)}`,
      );
    }
    if (numbers.length !== columns) {
      throw new RangeError(
        `${where}: ${name}: expected ${columns} numbers, one a column, got ${numbers.length}`,
      );
    }
    numbers.forEach((value: unknown, i) => {
      if (typeof value === "number" && isGood(value)) return;
      throw new RangeError(`${where}: ${name}[${i}]: expected ${expected}, got ${String(value)}`);
    });
    return Object.freeze([...(numbers as number[])]);
  };
  return Object.freeze({
    mean: list("mean", mean, "a finite number", Number.isFinite),
    scale: list("scale", scale, "a finite number > 0", (x) => x > 0 && x < Infinity),
  });
}

/** Rows (T, columns), normalised. */
export function normalised(
  { shape, data }: Tensor<Float64Array | Float32Array>,
  { mean, scale }: Normalisation,
): Tensor {
  const columns = mean.length;
  const made = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const j = i % columns;
    made[i] = ((data[i] as number) - (mean[j] as number)) / (scale[j] as number);
  }
  return { shape, data: made };
}

/** Undoes a normalisation of rows, in place. */
export function restore(data: Float64Array, { mean, scale }: Normalisation): void {
  const columns = mean.length;
  for (let i = 0; i < data.length; i++) {
    const j = i % columns;
    data[i] = (data[i] as number) * (scale[j] as number) + (mean[j] as number);
  }
}
