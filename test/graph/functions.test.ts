import { afterAll, describe, expect, it } from "vitest";
import { ModelFormatError } from "../../src/description/format_error.js";
import { createEngineSync } from "../../src/index.js";
import { openGraph } from "../../src/onnx.js";
import {
  attributeProto,
  bytes,
  concat,
  FLOAT,
  integer,
  model,
  type NodeSpec,
  nodeProto,
  text,
} from "../formats/onnx/writer.js";
import { countWork } from "../support/cost.js";
import { thrownBy } from "../support/errors.js";

// Functions of the model (ModelProto.functions): nodes that stand for a graph.

const engine = createEngineSync();
afterAll(() => engine.dispose());

const DOMAIN = "pkg.own";
const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: NodeSpec["attributes"] = {},
  domain?: string,
): NodeSpec => ({ operator, inputs, outputs, attributes, ...(domain ? { domain } : {}) });
const call = (name: string, inputs: string[], outputs: string[], attributes = {}): NodeSpec =>
  node(name, inputs, outputs, attributes, DOMAIN);

interface FunctionSpec {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly ArrayLike<number>[];
  readonly defaults?: readonly ArrayLike<number>[];
  readonly opset?: number;
}

/** FunctionProto. */
const functionProto = ({ name, inputs, outputs, nodes, defaults = [], opset }: FunctionSpec) =>
  concat(
    text(1, name),
    ...inputs.map((each) => text(4, each)),
    ...outputs.map((each) => text(5, each)),
    ...nodes.map((each) => bytes(7, each)),
    ...(opset === undefined ? [] : [bytes(9, concat(text(1, ""), integer(2, opset)))]),
    text(10, DOMAIN),
    ...defaults.map((each) => bytes(11, each)),
  );

/** An attribute of type float that is the function's attribute. */
const reference = (name: string, of: string) =>
  bytes(5, concat(text(1, name), integer(20, 1), text(21, of)));

const file = (nodes: readonly NodeSpec[], functions: readonly FunctionSpec[], x = [4]) =>
  concat(
    model({ nodes, inputs: [["x", FLOAT, x]], outputs: [["y", FLOAT]] }),
    ...functions.map((each) => bytes(25, functionProto(each))),
  );

const x = Float32Array.of(-2, -1, 0, 3);
function run(content: Uint8Array): number[] {
  const graph = openGraph(engine, content);
  const { y } = graph.run({ x });
  graph.dispose();
  return Array.from(y?.data as Float32Array);
}
function refusal(content: Uint8Array): ModelFormatError {
  const error = thrownBy(() => openGraph(engine, content));
  expect(error).toBeInstanceOf(ModelFormatError);
  return error as ModelFormatError;
}

const leaky: FunctionSpec = {
  name: "Leaky",
  inputs: ["a"],
  outputs: ["b"],
  nodes: [concat(nodeProto(node("LeakyRelu", ["a"], ["b"])), reference("alpha", "slope"))],
};

describe("a node that stands for a function", () => {
  it("has its own names; the same function twice", () => {
    const twice: FunctionSpec = {
      name: "Twice",
      inputs: ["x"],
      outputs: ["y"],
      nodes: [nodeProto(node("Add", ["x", "x"], ["y"]))],
    };
    expect(run(file([call("Twice", ["x"], ["z"]), call("Twice", ["z"], ["y"])], [twice]))).toEqual([
      -8, -4, 0, 12,
    ]);
  });

  it("gives its attributes to the nodes within, each call its own; else the default of the function, else of the operator", () => {
    const calls = (first: object, second: object) => [
      call("Leaky", ["x"], ["z"], first),
      call("Leaky", ["z"], ["y"], second),
    ];
    const [half, quarter] = [{ slope: { float: 0.5 } }, { slope: { float: 0.25 } }];
    expect(run(file(calls(half, quarter), [leaky]))).toEqual([-0.25, -0.125, 0, 3]);
    const defaults = [attributeProto("slope", { float: 2 })];
    expect(run(file(calls(half, {}), [{ ...leaky, defaults }]))).toEqual([-2, -1, 0, 3]);
    expect(run(file(calls(half, {}), [leaky]))[0]).toBeCloseTo(-0.01, 6);
  });

  it("may leave out inputs at the end, and call other functions", () => {
    const clipped: FunctionSpec = {
      name: "Clipped",
      inputs: ["a", "low", "high"],
      outputs: ["b"],
      nodes: [nodeProto(node("Clip", ["a", "low", "high"], ["b"]))],
    };
    const both: FunctionSpec = {
      name: "Both",
      inputs: ["a"],
      outputs: ["d"],
      nodes: [
        nodeProto(node("Neg", ["a"], ["n"])),
        nodeProto(node("Constant", [], ["one"], { value_float: { float: 1 } })),
        nodeProto(call("Clipped", ["n", "one"], ["d"])),
      ],
    };
    expect(run(file([call("Both", ["x"], ["y"])], [clipped, both]))).toEqual([2, 1, 1, 1]);
  });

  it("has its own version of the operators", () => {
    const nodes = [nodeProto(node("Squeeze", ["a"], ["b"], { axes: [0] }))];
    const old: FunctionSpec = { name: "Old", inputs: ["a"], outputs: ["b"], nodes, opset: 11 };
    const graph = openGraph(engine, file([call("Old", ["x"], ["y"])], [old], [1, 4]));
    expect(graph.run({ x: { shape: [1, 4], data: x } }).y?.shape).toEqual([4]);
    graph.dispose();
  });
});

describe("what is wrong with a function", () => {
  it("an operator that is not known: its name, its node, and the function that it is in", () => {
    const inner: FunctionSpec = {
      name: "aten_mystery",
      inputs: ["a"],
      outputs: ["b"],
      nodes: [nodeProto({ ...node("Einsum", ["a"], ["b"]), name: "mixer" })],
    };
    const { code, message } = refusal(file([call("aten_mystery", ["x"], ["y"])], [inner]));
    expect(code).toBe("operator");
    expect(message).toMatch(
      /^openGraph: Einsum "mixer" in pkg\.own\.aten_mystery "y": expected an operator that /,
    );
  });

  it("a function that calls itself; one that is there twice", () => {
    const own: FunctionSpec = {
      name: "Own",
      inputs: ["a"],
      outputs: ["b"],
      nodes: [nodeProto(call("Own", ["a"], ["b"]))],
    };
    const { code, message } = refusal(file([call("Own", ["x"], ["y"])], [own]));
    expect({ code, message }).toMatchObject({
      code: "graph",
      message: expect.stringMatching(/expected ≤ 32 functions within functions, got more/),
    });
    expect(refusal(file([call("Own", ["x"], ["y"])], [own, own])).code).toBe("duplicate-key");
  });

  it("thirty functions that each call the next one twice: a typed error, in bounded work", () => {
    const names = Array.from({ length: 30 }, (_, i) => `F${i}`);
    const functions = names.map((name, i): FunctionSpec => {
      const next = names[i + 1];
      const nodes =
        next === undefined
          ? [node("Neg", ["a"], ["c"])]
          : [call(next, ["a"], ["b"]), call(next, ["b"], ["c"])];
      return { name, inputs: ["a"], outputs: ["c"], nodes: nodes.map(nodeProto) };
    });
    const content = file([call("F0", ["x"], ["y"])], functions);
    expect(refusal(content).code).toBe("too-many-nodes");
    // 100,000 nodes, each some hundred functions and blocks.
    expect(countWork(() => openGraph(engine, content))).toBeLessThan(40e6);
  });
});
