import { sigmoid } from "../oracle/activations.js";
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
export function functionsOf(build: Twin): Functions {
  const call = (name: "tanh_map" | "sigmoid_map") => (value: number) => {
    const bench = new Workbench(build);
    const [x, y] = [bench.constant("x", [value]), bench.output("y", 1)];
    build.kernels[name](1, x.pointer, y.pointer);
    return y.read()[0] as number;
  };
  return { tanh: call("tanh_map"), sigmoid: call("sigmoid_map"), round: build.numbers.round };
}
