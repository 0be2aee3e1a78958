import { ShapeError } from "../errors.js";
import type { Batch } from "../sequence/batch.js";
import { checkShape, describe, type Numbers, type Tensor } from "../tensor.js";

/** Numbers in a view of linear memory or in an array of the caller. */
type AnyFloats = Float64Array | Float32Array;
type List<D extends Float64Array | Float32Array> = readonly Tensor<D>[];

/** The expected sequences of a list: m of them, or any number, each (T, n); messages call n by `letter`. */
interface SequenceSizes {
  readonly letter: string;
  readonly n: number;
  readonly m: number | undefined;
  readonly numbers: Numbers;
}

/** Checks a list of sequences (T_b, n); returns their lengths. */
export function checkSequences(
  where: string,
  name: string,
  sequences: List<Float64Array | Float32Array>,
  { letter, n, m, numbers }: SequenceSizes,
): number[] {
  if (!Array.isArray(sequences)) {
    throw new TypeError(
      `${where}: ${name}: expected a list of tensors, got ${describe(sequences)}`,
    );
  }
  if (m !== undefined && sequences.length !== m) {
    throw new ShapeError(`${where}: ${name}: expected m = ${m} sequences, got ${sequences.length}`);
  }
  const lengths: number[] = [];
  // By index: holes are refused, and an iterator of the caller's is not run.
  for (let b = 0; b < sequences.length; b++) {
    const sequence = sequences[b] as Tensor<AnyFloats>;
    const sizes = [undefined, n];
    checkShape(where, `${name}[${b}]`, sequence, ["T", letter], sizes, "", numbers);
    lengths.push(sequence.shape[0] as number);
  }
  return lengths;
}

/** Checks that a list of sequences (T_b, n) has the lengths of a tape's batch. */
export function checkLengths(
  batch: Batch,
  name: string,
  sequences: List<Float64Array>,
  { letter, n }: Pick<SequenceSizes, "letter" | "n">,
): void {
  const where = "backward";
  const sizes = { letter, n, m: batch.m, numbers: Float64Array };
  const lengths = checkSequences(where, name, sequences, sizes);
  batch.lengthsInOrder().forEach((T, b) => {
    if (lengths[b] === T) return;
    throw new ShapeError(
      `${where}: ${name}[${b}]: expected (T, ${letter}) with T = ${T}, ${letter} = ${n} (from the tape), got (${lengths[b]}, ${n})`,
    );
  });
}

/** Up to this many numbers are copied one by one: to make a view of them takes longer (V8 11, 2026). */
const FEW = 16;

/** Copies n numbers. */
export function copyNumbers(
  source: AnyFloats,
  from: number,
  target: AnyFloats,
  to: number,
  n: number,
): void {
  if (n > FEW) target.set(source.subarray(from, from + n), to);
  else for (let i = 0; i < n; i++) target[to + i] = source[from + i] as number;
}

/** A function that writes the rows of some steps, from sequences (T_b, n) in the caller's order. */
export function listInput(batch: Batch, sequences: List<Float64Array | Float32Array>, n: number) {
  const { order } = batch;
  return (target: AnyFloats, first: number, last: number): void => {
    const base = batch.start(first);
    batch.forEachRow(first, last, (row, place, t) => {
      const { data } = sequences[order?.[place] ?? place] as Tensor;
      copyNumbers(data, t * n, target, (row - base) * n, n);
    });
  };
}

/** A function that reads the rows of some steps into sequences (T_b, n) in the caller's order. */
export function listOutput(
  batch: Batch,
  sequences: List<Float64Array | Float32Array>,
  n: number,
): (source: AnyFloats, first: number, last: number) => void {
  const { order } = batch;
  return (source, first, last) => {
    const base = batch.start(first);
    batch.forEachRow(first, last, (row, place, t) => {
      const { data } = sequences[order?.[place] ?? place] as Tensor;
      copyNumbers(source, (row - base) * n, data, t * n, n);
    });
  };
}
