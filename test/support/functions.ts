import {
  type Activation,
  type Elementary,
  FUNCTION_NAMES,
  sigmoid,
  slope,
} from "../oracle/activations.js";
import { clipped, type Gate, type Gates } from "../oracle/cells.js";
import type { Functions } from "../oracle/gates.js";
import { type Twin, Workbench } from "./kernels.js";

/** JavaScript's own in f64, an independent measure. */
export const PLAIN: Functions = { tanh: Math.tanh, sigmoid };

/** The same, of operands in the build's numbers. */
export const plainOf = ({ numbers }: Twin): Functions => ({ ...PLAIN, round: numbers.round });

/**
 * The kernels' own functions, one value at a time. test/kernels/map.test.ts holds them to their error bounds; with them a
 * plain loop has every bit of a kernel that does its other operations in the stated order.
 */
export function functionsOf(build: Twin): Functions & Elementary {
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

/** The kernels' own functions of a general cell, one value at a time; test/kernels/functions.test.ts holds them to their bounds. */
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
      slope: (x, y) => slope(activation, x, y, own),
    };
    return which === 2 ? gate : clipped(gate, round(clip));
  }) as [Gate, Gate, Gate];
  return { f, g, h, round };
}
