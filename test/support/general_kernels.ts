import { type Activation, type ActivationName, FUNCTION_NAMES } from "../oracle/activations.js";
import { recordOf } from "./functions.js";
import { type Twin, Workbench } from "./kernels.js";

/** α and β are such that every branch of every function is taken by numbers around 1. */
export const activation = (name: ActivationName): Activation => ({
  name,
  alpha: 0.75,
  beta: 0.375,
});

export const STANDARD: readonly Activation[] = ["sigmoid", "tanh", "tanh"].map((name) =>
  activation(name as ActivationName),
);

/** f, g and h for case `i`: over twelve cases each function has stood in each place. */
export const drawn = (i: number): readonly Activation[] =>
  [i, i + 5, i + 7].map((k) => activation(FUNCTION_NAMES[k % 12] as ActivationName));

/** A vector holds 2 units, in f32 4: below, at, just above and many times that. */
export const UNITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 33];
export const BATCHES = [0, 1, 2, 3];

/** The clip of a case: none, or one that some of the numbers around 1 reach. */
export const CLIPS = [Number.POSITIVE_INFINITY, 0.8];

/** A workbench with the record of a cell on it. */
export function benchOf(
  build: Twin,
  activations: readonly Activation[],
  clip: number,
): { bench: Workbench; functions: number } {
  const bench = new Workbench(build);
  return { bench, functions: bench.typed("functions", recordOf(clip, activations)).pointer };
}

/** (m, `from`·na) as the first blocks of (m, `to`·na): the others are NaN, for the kernel to set. */
export function widened(
  x: Float64Array,
  m: number,
  na: number,
  [from, to]: readonly [number, number],
): Float64Array {
  const out = new Float64Array(m * to * na).fill(Number.NaN);
  for (let r = 0; r < m; r++) {
    out.set(x.subarray(r * from * na, (r + 1) * from * na), r * to * na);
  }
  return out;
}
