import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { GATES, reorderColumns, reorderRows } from "../../../src/formats/gates.js";
import { createEngineSync, createRecurrent, type LayerWeights } from "../../../src/index.js";
import { sigmoid } from "../../oracle/activations.js";
import { relativeError } from "../../support/compare.js";
import { root } from "../../support/project.js";
import { randomArray, uniform } from "../../support/random.js";

type Recipe = (
  kernel: Float64Array,
  bias: Float64Array,
  nx: number,
  na: number,
  forgetBias?: number,
) => Record<string, Float64Array>;

const guide = readFileSync(`${root}docs/formats.md`, "utf8");
const [, program] = /## TensorFlow 1\n[\s\S]*?```js\n([\s\S]*?)```/.exec(guide) ?? [];
const recipe: Recipe = new Function(`${program}; return fromBasicLstmCell;`)();

const [T, nx, na] = [6, 3, 5];
const next = uniform(41);
const kernel = randomArray(next, (nx + na) * 4 * na);
const bias = randomArray(next, 4 * na);
const x = randomArray(next, T * nx);

/** BasicLSTMCell as its documentation has it: [i, j, f, o] = [x, h]·kernel + bias; h of every step. */
function basicLstmCell(forgetBias: number): Float64Array {
  let [h, c] = [new Float64Array(na), new Float64Array(na)];
  const outputs: number[] = [];
  for (let t = 0; t < T; t++) {
    const input = [...x.subarray(t * nx, (t + 1) * nx), ...h];
    const z = bias.map((b, column) =>
      input.reduce((sum, value, row) => sum + value * (kernel[row * 4 * na + column] as number), b),
    );
    const [i, j, f, o] = [0, 1, 2, 3].map((gate) => z.subarray(gate * na, (gate + 1) * na)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    c = c.map(
      (value, u) =>
        value * sigmoid((f[u] as number) + forgetBias) +
        sigmoid(i[u] as number) * Math.tanh(j[u] as number),
    );
    h = c.map((value, u) => Math.tanh(value) * sigmoid(o[u] as number));
    outputs.push(...h);
  }
  return Float64Array.from(outputs);
}

const engine = createEngineSync();

// The same sums in another order.
it.each([1, 0, 2.5])(
  "docs/formats.md's recipe gives BasicLSTMCell, forget_bias %d, to 1e-13",
  (forgetBias) => {
    const layer = createRecurrent(engine, { cell: "lstm", inputSize: nx, hiddenSize: na });
    layer.load(recipe(kernel, bias, nx, na, forgetBias) as LayerWeights);
    const { outputs } = layer.forward([{ shape: [T, nx], data: x }]);
    const shape = [T, na];
    const got = { shape, data: outputs[0]?.data ?? new Float64Array(0) };
    expect(relativeError(got, { shape, data: basicLstmCell(forgetBias) })).toBeLessThan(1e-13);
  },
);

it("the recipe's order is that of gates.ts, 0 bits of difference", () => {
  const order = GATES.tensorflow1.lstm;
  const cut = nx * 4 * na;
  expect(recipe(kernel, bias, nx, na, 0)).toEqual({
    weight_ih_l0: reorderColumns(kernel.slice(0, cut), nx, order),
    weight_hh_l0: reorderColumns(kernel.slice(cut), na, order),
    bias_ih_l0: reorderRows(bias, order),
  });
});
