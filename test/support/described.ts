import type { ModelDescription } from "../../src/description/description.js";
import { createRecurrent, type Engine, type Tensor } from "../../src/index.js";
import { apply } from "../oracle/onnx.js";

type Rows = number[][];

function softmax(row: readonly number[], log: boolean): number[] {
  const most = Math.max(...row);
  const sum = row.reduce((all, value) => all + Math.exp(value - most), 0);
  return row.map((value) => (log ? value - most - Math.log(sum) : Math.exp(value - most) / sum));
}

/**
 * Runs a description over one sequence, in float64: the layers on the engine, what is below and above in plain loops.
 *
 * @param sequence tokens, or rows of features
 * @returns a row for every step, or one for the last
 */
export function runDescribed(
  engine: Engine,
  { input, recurrent, dense, output }: ModelDescription,
  sequence: readonly number[] | Rows,
): Rows {
  let rows = sequence.map((item): number[] => {
    if (typeof item !== "number") return item;
    if (input.kind === "one-hot") {
      return Array.from({ length: input.size }, (_, i) => (i === item ? 1 : 0));
    }
    if (input.kind === "features") throw new Error("features for tokens");
    const nx = input.weight.shape[1] ?? 0;
    return Array.from(input.weight.data.subarray(item * nx, (item + 1) * nx));
  });
  recurrent.forEach(({ options, weights }, i) => {
    const layer = createRecurrent(engine, { ...options, precision: "f64" });
    layer.load(weights);
    const x: Tensor = {
      shape: [rows.length, 1, options.inputSize],
      data: Float64Array.from(rows.flat()),
    };
    const { y, state } = layer.forward(x);
    const n = y.shape[2] ?? 0;
    rows = rows.map((_, t) => Array.from(y.data.subarray(t * n, (t + 1) * n)));
    if (output === "last" && i === recurrent.length - 1) {
      // The states of the highest layer's directions, side by side.
      const { h } = state.read();
      rows = [Array.from(h.data.subarray(h.data.length - n))];
    }
    state.dispose();
    layer.dispose();
  });
  for (const { weight, bias, activation } of dense) {
    const [ny = 0, n = 0] = weight.shape;
    rows = rows.map((row) => {
      const z = Array.from({ length: ny }, (_, j) =>
        row.reduce((sum, x, i) => sum + x * (weight.data[j * n + i] ?? 0), bias?.data[j] ?? 0),
      );
      if (activation === "softmax" || activation === "logSoftmax") {
        return softmax(z, activation === "logSoftmax");
      }
      const named = typeof activation === "string" ? { name: activation } : activation;
      return named.name === "identity" ? z : z.map((value) => apply(named, value));
    });
  }
  return rows;
}
