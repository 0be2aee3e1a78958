import { afterAll, describe, expect, it } from "vitest";
import { createEngineSync } from "../../../src/index.js";
import { openGraph } from "../../../src/onnx.js";
import { expectedOf, loadCases, type OnnxCase } from "./cases.js";
import { drawNode } from "./draw.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

type Results = Record<string, { shape: readonly number[]; data: ArrayLike<number> }>;

/** Weights that are inputs are known at opening. */
function run(model: Uint8Array, inputs: OnnxCase["inputs"]): Results {
  const weights = Object.entries(inputs).filter(([name]) => ["W", "R", "B", "P"].includes(name));
  const graph = openGraph(engine, model, { inputs: Object.fromEntries(weights) });
  const outputs = graph.run(inputs);
  graph.dispose();
  return outputs as Results;
}

/** The largest |a − b| / max(1, |b|) of all outputs, which must have the same names and shapes. */
function difference(got: Results, want: Results): number {
  const shapes = (results: Results) =>
    Object.entries(results).map(([name, { shape, data }]) => [name, [...shape], data.length]);
  expect(shapes(got)).toEqual(shapes(want));
  let worst = 0;
  for (const [name, { data }] of Object.entries(want)) {
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [got[name]?.data[i] as number, data[i] as number];
      if (a === b) continue;
      const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
      worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
    }
  }
  return worst;
}

describe("the ONNX project's node cases, to 1e-6: their outputs are rounded to float32", () => {
  it.each(loadCases("cases.json"))("$name", ({ model, inputs, outputs }) => {
    // The project computes most of them in float64, and rounds what it writes.
    expect(difference(run(model, inputs), outputs as Results)).toBeLessThan(1e-6);
  });
});

/**
 * onnxruntime's own exp, tanh and products in float32 differ from ours by some units of 2^−24 each; up to 6 steps with
 * gates of slope ≤ 1.1 and sums of ≤ 12 terms make up to 200 units of it.
 */
const FLOAT = 1e-5;

describe(`random nodes as onnxruntime computes them in float32, to ${FLOAT}`, () => {
  it.each(loadCases("nodes.json"))("$name", ({ model, inputs, outputs }) => {
    expect(difference(run(model, inputs), outputs as Results)).toBeLessThan(FLOAT);
    const expected = Object.fromEntries(expectedOf(model, inputs as never)) as Results;
    expect(difference(expected, outputs as Results), "the oracle").toBeLessThan(FLOAT);
  });
});

describe("random nodes in float64, either layout, empty sequences: the oracle, to 1e-12", () => {
  it.each(Array.from({ length: 120 }, (_, i) => drawNode(1000 + i, { double: true })))(
    "$name",
    ({ model, inputs }) => {
      const expected = Object.fromEntries(expectedOf(model, inputs as never)) as Results;
      const got = run(model, inputs);
      for (const { data } of Object.values(got)) expect(data).toBeInstanceOf(Float64Array);
      expect(difference(got, expected)).toBeLessThan(1e-12);
    },
  );
});
