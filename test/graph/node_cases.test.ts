import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { ModelFormatError } from "../../src/description/format_error.js";
import { parseModel } from "../../src/formats/onnx/proto.js";
import { type GraphInput, openGraph } from "../../src/graph/graph.js";
import { createEngineSync } from "../../src/index.js";

// The ONNX project's own backend node cases: scripts/make_onnx_graph_cases.py.

interface Stored {
  type: "float32" | "float64" | "int64" | "uint8";
  shape: number[];
  data: string;
}

interface Case {
  name: string;
  model: string;
  inputs: Record<string, Stored>;
  outputs: Record<string, Stored>;
}

const file = new URL("../fixtures/onnx/graph_cases.json.gz", import.meta.url);
const { cases }: { cases: Case[] } = JSON.parse(gunzipSync(readFileSync(file)).toString());

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
} as const;

function numbers({ type, shape, data }: Stored) {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  return { shape, data: new ARRAYS[type](bytes.buffer) };
}

/** What these cases ask for is refused, by names of cases. */
const REFUSED: readonly (readonly [RegExp, RegExp])[] = [
  [/batchnorm_.*_training_mode/, /training_mode: expected 0, got 1/],
  [/training_dropout/, /expected training_mode = false: a graph is not trained/],
  [/convtranspose_3d/, /expected \(N, C, w\) or \(N, C, h, w\)/],
  [/maxpool_with_argmax/, /expected one output, got two: indices are not made/],
  [/scatternd_(add|multiply)/, /reduction: expected none/],
  [/scan|loop/, /a loop in a graph is not run: export the model for one step/],
];
const refusal = (name: string) => REFUSED.find(([pattern]) => pattern.test(name))?.[1];

const engine = createEngineSync();
afterAll(() => engine.dispose());

/** Inputs that are known at opening: weights, and floats on which sizes or fillings depend. */
const KNOWN: Record<string, readonly number[]> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  LSTM: [1, 2, 3, 7],
  GRU: [1, 2, 3],
  RNN: [1, 2, 3],
  Pad: [2],
  Range: [0, 1, 2],
};

function compare(
  outputs: Record<string, { shape: number[]; data: ArrayLike<number | bigint> }>,
  expected: Case["outputs"],
) {
  for (const [name, stored] of Object.entries(expected)) {
    const { shape, data } = numbers(stored);
    const found = outputs[name];
    expect(found?.shape, name).toEqual(shape);
    const wrong = Array.from(data, Number).findIndex((value, i) => {
      const got = Number(found?.data[i]);
      return !(
        Object.is(got, value) ||
        Math.abs(got - value) <= 1e-5 * Math.max(1, Math.abs(value)) ||
        got === value
      );
    });
    const got =
      wrong < 0 ? "" : `element ${wrong}: expected ${data[wrong]}, got ${found?.data[wrong]}`;
    expect(got).toBe("");
  }
}

const bytesOf = ({ model }: Case) => Uint8Array.from(Buffer.from(model, "base64"));

const givenFor = ({ inputs }: Case): Record<string, GraphInput> =>
  Object.fromEntries(Object.entries(inputs).map(([name, stored]) => [name, numbers(stored)]));

describe("ONNX's node cases, within 1e-5 of the larger of 1 and the number", () => {
  const known = cases.filter(({ name }) => refusal(name) === undefined);

  it.each(known)("$name: as a run", (each) => {
    const given = givenFor(each);
    const [operator = ""] = parseModel("test", bytesOf(each)).graph.nodes.map(
      ({ operator }) => operator,
    );
    const names = Object.keys(given);
    const fixed = (KNOWN[operator] ?? []).flatMap((i) => names[i] ?? []);
    const graph = openGraph(engine, bytesOf(each), {
      inputs: Object.fromEntries(fixed.map((name) => [name, given[name] as GraphInput])),
    });
    compare(graph.run(given), each.outputs);
    // Once more over memory that is no longer fresh.
    compare(graph.run(given), each.outputs);
    graph.dispose();
  });

  it.each(known)("$name: folded at opening", (each) => {
    const graph = openGraph(engine, bytesOf(each), { inputs: givenFor(each) });
    compare(graph.run({}), each.outputs);
    graph.dispose();
  });

  it.each(cases.filter(({ name }) => refusal(name) !== undefined))("$name: refused", (each) => {
    const open = () => openGraph(engine, bytesOf(each), { inputs: givenFor(each) });
    expect(open).toThrow(ModelFormatError);
    expect(open).toThrow(refusal(each.name));
  });
});
