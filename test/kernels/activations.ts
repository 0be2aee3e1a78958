import {
  type Activation,
  type ActivationName,
  type Elementary,
  FUNCTION_NAMES,
  PLAIN,
  slope,
} from "../oracle/activations.js";
import { clipped, type Gate, type Gates, type StandardFunctions } from "../oracle/cells.js";
import { type Twin, Workbench } from "../support/kernels.js";

/** JavaScript's own in f64, an independent measure, of operands in the build's numbers. */
export const plainOf = ({ numbers }: Twin): StandardFunctions => ({
  ...PLAIN,
  round: numbers.round,
});

/**
 * The kernels' own functions, one value at a time. test/kernels/blas/map.test.ts holds them to their error bounds; with them a
 * plain loop has every bit of a kernel that does its other operations in the stated order.
 */
export function functionsOf(build: Twin): StandardFunctions & Elementary {
  const call = (name: "tanh_map" | "sigmoid_map" | "exp_map") => (value: number) => {
    const bench = new Workbench(build);
    const [x, y] = [bench.constant("x", [value]), bench.output("y", 1)];
    build.kernels[name](1, x.pointer, y.pointer);
    return y.read()[0] as number;
  };
  return {
    tanh: call("tanh_map"),
    sigmoid: call("sigmoid_map"),
    exp: call("exp_map"),
    round: build.numbers.round,
  };
}

/** The record of assembly/base/activations. */
export function recordOf(clip: number, activations: readonly Activation[]): Float64Array {
  const entries = activations.flatMap(({ name, alpha, beta }) => [
    FUNCTION_NAMES.indexOf(name),
    alpha,
    beta,
  ]);
  return Float64Array.of(clip, ...entries);
}

/** The kernels' own functions of a general cell, one value at a time; test/kernels/blas/activations.test.ts holds them to their bounds. */
export function gatesOf(build: Twin, activations: readonly Activation[], clip: number): Gates {
  const { round } = build.numbers;
  const own = functionsOf(build);
  const [f, g, h] = [0, 1, 2].map((which) => {
    const activation = activations[which] ?? { name: "identity", alpha: 0, beta: 0 };
    const functions = recordOf(Infinity, [activation]);
    const { kernels, memory, base } = build;
    const gate: Gate = {
      // Without a workbench: some ten thousand values at a time are asked for.
      value(x) {
        new Float64Array(memory.buffer, base, functions.length).set(functions);
        const cell = new build.numbers.Array(memory.buffer, base + 64, 1);
        cell[0] = x;
        kernels.activation_map(1, base, 0, base + 64, base + 64);
        return cell[0];
      },
      slope: (x, y) => slope(activation, x, y, own, round),
    };
    return which === 2 ? gate : clipped(gate, round(clip));
  }) as [Gate, Gate, Gate];
  return { f, g, h, round };
}

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
