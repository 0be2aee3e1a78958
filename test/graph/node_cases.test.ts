import { afterAll, describe, expect, it } from "vitest";
import { ModelFormatError } from "../../src/description/format_error.js";
import { parseModel } from "../../src/formats/onnx/proto.js";
import { type GraphInput, openGraph } from "../../src/graph/graph.js";
import { createEngineSync } from "../../src/index.js";
import { bytesOf, firstFault, givenFor, loadGraphCases } from "./cases.js";

// The ONNX project's own backend node cases: scripts/make_onnx_graph_cases.py.

const cases = loadGraphCases("graph_cases");

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
  OneHot: [1],
  Pad: [2],
  Range: [0, 1, 2],
};

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
    expect(firstFault(graph.run(given), each.outputs, 1e-5)).toBe("");
    // Once more over memory that is no longer fresh.
    expect(firstFault(graph.run(given), each.outputs, 1e-5)).toBe("");
    graph.dispose();
  });

  it.each(known)("$name: folded at opening", (each) => {
    const graph = openGraph(engine, bytesOf(each), { inputs: givenFor(each) });
    expect(firstFault(graph.run({}), each.outputs, 1e-5)).toBe("");
    graph.dispose();
  });

  it.each(cases.filter(({ name }) => refusal(name) !== undefined))("$name: refused", (each) => {
    const open = () => openGraph(engine, bytesOf(each), { inputs: givenFor(each) });
    expect(open).toThrow(ModelFormatError);
    expect(open).toThrow(refusal(each.name));
  });
});
