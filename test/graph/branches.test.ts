import { afterAll, describe, expect, it } from "vitest";
import { ModelFormatError } from "../../src/description/format_error.js";
import { createEngineSync } from "../../src/index.js";
import { openGraph } from "../../src/onnx.js";
import { FLOAT, type ModelSpec, model, type NodeSpec } from "../formats/onnx/writer.js";
import { expectError } from "../support/errors.js";

// If: only the branch that is taken is looked at, and what it takes from outside.

const engine = createEngineSync();
afterAll(() => engine.dispose());

const outputs = [["b", FLOAT]] as const;
const branch = (...nodes: NodeSpec[]): ModelSpec => ({ nodes, inputs: [], outputs });
const of = (operator: string, inputs: string[], output: string): NodeSpec => ({
  operator,
  inputs,
  outputs: [output],
});
const choice = (condition: string, taken: ModelSpec, other: ModelSpec, output: string) => ({
  operator: "If",
  inputs: [condition],
  outputs: [output],
  attributes: { then_branch: { graph: taken }, else_branch: { graph: other } },
});
const file = (nodes: readonly NodeSpec[]) =>
  model({
    nodes,
    initializers: {
      yes: { shape: [1], data: BigInt64Array.of(1n) },
      no: { shape: [1], data: BigInt64Array.of(0n) },
    },
    inputs: [["x", FLOAT, [2]]],
    outputs: [["y", FLOAT]],
  });
const run = (nodes: readonly NodeSpec[]): number[] => {
  const graph = openGraph(engine, file(nodes));
  const { y } = graph.run({ x: Float32Array.of(1, 2) });
  graph.dispose();
  return Array.from(y?.data as Float32Array);
};

describe("If", () => {
  it("a branch that is not taken may be anything, even no graph that can be read", () => {
    const broken: ModelSpec = {
      ...branch(of("Neg", ["x"], "b")),
      initializers: { w: { shape: [3], data: new Float32Array(2) } },
    };
    const sound = branch(of("Neg", ["x"], "b"));
    expect(run([choice("yes", sound, broken, "y")])).toEqual([-1, -2]);
    const call = () => run([choice("no", sound, broken, "y")]);
    expectError(call, ModelFormatError, /"w": expected 3 numbers of FLOAT for shape \(3,\)/);
  });

  it("what the taken branch takes from outside is computed before it, wherever it stands", () => {
    const nodes = [
      of("Exp", ["x"], "never"),
      of("Neg", ["x"], "a"),
      choice("yes", branch(of("Neg", ["a"], "b")), branch(of("Neg", ["never"], "b")), "y"),
    ];
    expect(run(nodes)).toEqual([1, 2]);
    const late = [nodes[2] as NodeSpec, of("Neg", ["x"], "a")];
    expectError(() => run(late), ModelFormatError, /input "a": no node before this one/);
  });

  it("3,000 of them, each of which takes the output of the one before from outside", () => {
    const count = 3000;
    const nodes = Array.from({ length: count }, (_, i) => {
      const taken = branch(of("Neg", [i === 0 ? "x" : `y${i - 1}`], "b"));
      return choice("yes", taken, branch(), i === count - 1 ? "y" : `y${i}`);
    });
    expect(run(nodes)).toEqual([1, 2]);
  });
});
