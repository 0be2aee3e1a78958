import { describe, expect, it } from "vitest";
import { createEngineSync, createRecurrent, type LayerWeights } from "../../src/index.js";
import { expectSame } from "../support/compare.js";
import { cellNames, layerWeights, randomWeights } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

const engine = createEngineSync();
const [nx, na, m, T] = [3, 5, 2, 4];

type Name = keyof ReturnType<typeof layerWeights>;

describe.each(cellNames)("weights of a layer, %s, 0 bits of difference", (cell) => {
  const next = uniform(5);
  const x = randomTensor(next, T, m, nx);
  // Numbers that a Float32Array holds too.
  const all = Object.entries(layerWeights(randomWeights(next, cell, nx, na))).map(
    ([name, { shape, data }]) => [name as Name, { shape, data: data.map(Math.fround) }] as const,
  );
  const tensors = Object.fromEntries(all) as Record<Name, Tensor>;
  const layer = createRecurrent(engine, { cell, inputSize: nx, hiddenSize: na });

  const outputOf = (weights: LayerWeights): { y: Tensor } => {
    layer.load(weights);
    const { y, state } = layer.forward(x);
    state.dispose();
    return { y };
  };
  const changed = (change: (value: Tensor, name: Name) => unknown): LayerWeights =>
    Object.fromEntries(all.map(([name, value]) => [name, change(value, name)])) as never;

  const wanted = outputOf(tensors);

  it.each([
    ["bare Float64Arrays", changed(({ data }) => data)],
    ["bare Float32Arrays", changed(({ data }) => Float32Array.from(data))],
    ["tensors of f32", changed(({ shape, data }) => ({ shape, data: Float32Array.from(data) }))],
    ["views into one array", changed(({ data }) => Float64Array.of(9, ...data, 9).subarray(1, -1))],
    ["a mixture", { ...tensors, weight_hh_l0: Float32Array.from(tensors.weight_hh_l0.data) }],
  ])("%s are the tensors' numbers", (_, weights) => {
    expectSame(outputOf(weights), wanted);
  });

  it("biases that are absent are zeros, both or either", () => {
    const { bias_ih_l0, bias_hh_l0, ...bare } = tensors;
    const zero = new Float64Array(bias_ih_l0.data.length);
    expectSame(outputOf(bare), outputOf({ ...bare, bias_ih_l0: zero, bias_hh_l0: zero }));
    expectSame(outputOf({ ...bare, bias_ih_l0 }), outputOf({ ...tensors, bias_hh_l0: zero }));
    expectSame(outputOf({ ...bare, bias_hh_l0 }), outputOf({ ...tensors, bias_ih_l0: zero }));
    expect(outputOf(bare).y.data).not.toEqual(wanted.y.data);
  });

  it("load copies: numbers changed afterwards change nothing until the next load", () => {
    const copy = changed(({ shape, data }) => ({ shape, data: data.slice() }));
    expectSame(outputOf(copy), wanted);
    (copy.weight_ih_l0 as Tensor).data.fill(1);
    const { y, state } = layer.forward(x);
    expectSame({ y }, wanted);
    state.dispose();
    expect(outputOf(copy).y.data).not.toEqual(wanted.y.data);
  });

  it("a load that throws leaves the weights that were there", () => {
    layer.load(tensors);
    for (const [name] of all) {
      expect(() => layer.load({ ...tensors, [name]: new Float64Array(7) })).toThrow(RangeError);
      const { y, state } = layer.forward(x);
      expectSame({ y }, wanted);
      state.dispose();
    }
  });
});
