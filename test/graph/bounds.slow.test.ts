import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ModelFormatError } from "../../src/description/format_error.js";
import { openGraph } from "../../src/graph/graph.js";
import { createEngineSync, type Engine } from "../../src/index.js";
import {
  FLOAT,
  type ModelSpec,
  model,
  type NodeSpec,
  type OnnxArray,
} from "../formats/onnx/writer.js";
import { countWork } from "../support/cost.js";

// Graphs made to cost: small files that would take gigabytes or minutes where values, copies or products were not counted.

const MIB = 2 ** 20;
let engine: Engine;
beforeEach(() => {
  engine = createEngineSync();
});
afterEach(() => engine.dispose());

const ints = (...list: number[]): OnnxArray => ({
  shape: [list.length],
  data: BigInt64Array.from(list, BigInt),
});
const floats = (shape: number[], fill = 0): OnnxArray => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
});

const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({ operator, inputs, outputs, attributes });

interface Graph {
  nodes: NodeSpec[];
  initializers?: Record<string, OnnxArray>;
  shape?: (number | string)[];
  dtype?: number;
}

const file = ({ nodes, initializers = {}, shape = [3], dtype = FLOAT }: Graph) =>
  model({
    nodes,
    initializers,
    inputs: [["x", FLOAT, shape]],
    outputs: [["y", dtype]],
  });

/** The error of opening the graph, whose memory stayed bounded. */
function refusal(graph: Graph): ModelFormatError {
  const bytes = file(graph);
  let fault: unknown;
  try {
    openGraph(engine, bytes);
  } catch (error) {
    fault = error;
  }
  expect(fault).toBeInstanceOf(ModelFormatError);
  // Twice what folding may hold, as operands and result are in linear memory together.
  expect(engine.memory().bytes).toBeLessThanOrEqual(2 * (128 * MIB + 16 * bytes.length) + 2 * MIB);
  return fault as ModelFormatError;
}

const chain = (operator: string, count: number, twice = true): NodeSpec[] =>
  Array.from({ length: count }, (_, i) =>
    node(
      operator,
      twice ? [`d${i}`, `d${i}`] : [`d${i}`],
      [`d${i + 1}`],
      operator === "Concat" ? { axis: 0 } : {},
    ),
  );

describe("small files that ask for much: a typed error, and memory stays bounded", () => {
  it("Shape, then forty times Concat(d, d)", () => {
    const nodes = [
      node("Shape", ["x"], ["d0"]),
      ...chain("Concat", 40),
      node("Expand", ["x", "d40"], ["y"]),
    ];
    expect(refusal({ nodes }).code).toBe("too-large");
  });

  it("ConstantOfShape of 4 GiB", () => {
    const nodes = [node("ConstantOfShape", ["s"], ["y"])];
    expect(refusal({ nodes, initializers: { s: ints(2 ** 15, 2 ** 15) } }).code).toBe("too-large");
  });

  it("ConstantOfShape([-2, -8]), which is no shape of 16", () => {
    const nodes = [node("ConstantOfShape", ["s"], ["y"])];
    const { code, message } = refusal({ nodes, initializers: { s: ints(-2, -8) } });
    expect({ code, message }).toEqual({
      code: "shape",
      message:
        'openGraph: ConstantOfShape "y": expected extents that are integers ≥ 0, got (-2, -8)',
    });
  });

  it("Expand to 60 million and a Gather over it", () => {
    const nodes = [
      node("Expand", ["one", "s"], ["big"]),
      node("Gather", ["big", "i"], ["y"], { axis: 0 }),
    ];
    const initializers = { one: floats([1], 1), s: ints(60_000_000), i: ints(1, 2, 3) };
    expect(refusal({ nodes, initializers }).code).toBe("too-large");
  });

  it("Expand of an input: 240 MB of buffers", () => {
    const nodes = [node("Expand", ["x", "s"], ["big"]), node("Neg", ["big"], ["y"])];
    expect(refusal({ nodes, initializers: { s: ints(20_000_000, 3) } }).code).toBe("too-large");
  });

  it("Reshape of five numbers to (2, −1), which is no shape of 2.5", () => {
    const nodes = [node("Reshape", ["five", "s"], ["y"])];
    const { code, message } = refusal({
      nodes,
      initializers: { five: floats([5]), s: ints(2, -1) },
    });
    expect({ code, message }).toEqual({
      code: "shape",
      message: 'openGraph: Reshape "y": expected a shape of 5 elements, got (2, -1)',
    });
  });

  it("200,000 axes in one Unsqueeze", () => {
    const axes = {
      shape: [200_000],
      data: BigInt64Array.from({ length: 200_000 }, (_, i) => BigInt(i)),
    };
    const nodes = [node("Unsqueeze", ["x", "axes"], ["y"])];
    expect(refusal({ nodes, initializers: { axes } }).code).toBe("rank-too-high");
  });

  it("nine axes", () => {
    const nodes = [node("Unsqueeze", ["x", "axes"], ["y"])];
    expect(refusal({ nodes, initializers: { axes: ints(0, 1, 2, 3, 4, 5, 6, 7) } }).code).toBe(
      "rank-too-high",
    );
  });

  it("a chain of 2,000 MatMul of constants: copies are counted", () => {
    const nodes = [
      ...Array.from({ length: 2000 }, (_, i) => node("MatMul", [`d${i}`, "w"], [`d${i + 1}`])),
      node("Add", ["x", "d2000"], ["y"]),
    ];
    const initializers = { d0: floats([200, 200]), w: floats([200, 200]) };
    expect(refusal({ nodes, initializers, shape: [1, 200] }).code).toBe("too-large");
  });

  it("a chain of MatMul of tall constants: multiplications are counted", () => {
    const nodes = [
      ...Array.from({ length: 300 }, (_, i) => node("MatMul", ["u", "v"], [`d${i}`])),
      node("Add", ["x", "d299"], ["y"]),
      ...Array.from({ length: 299 }, (_, i) => node("Add", [`d${i}`, "x"], [`e${i}`])),
    ];
    // The last alone is live: dead nodes cost nothing.
    const initializers = { u: floats([1, 3]), v: floats([3, 3]) };
    openGraph(engine, file({ nodes, initializers })).dispose();
    const wide = { u: floats([1000, 1500]), v: floats([1500, 1000]) };
    const alive = Array.from({ length: 4 }, (_, i) => node("MatMul", ["u", "v"], [`d${i}`]));
    const sum = node("Sum", ["d0", "d1", "d2", "d3", "x"], ["y"]);
    const { code, message } = refusal({
      nodes: [...alive, sum],
      initializers: wide,
      shape: [1, 1],
    });
    expect(code).toBe("too-large");
    expect(message).toMatch(/expected ≤ 2147483648 multiplications at opening, got more/);
  });

  it.each(["Loop", "Scan"])("%s: a typed error that says what to export", (operator) => {
    const { code, message } = refusal({ nodes: [node(operator, ["x"], ["y"])] });
    expect(code).toBe("operator");
    expect(message).toMatch(/export the model for one step/);
  });

  it("an unknown operator is named, with its node", () => {
    const nodes = [{ ...node("Einsum", ["x"], ["y"]), name: "mixer" }];
    const { code, message } = refusal({ nodes });
    expect(code).toBe("operator");
    expect(message).toMatch(
      /^openGraph: Einsum "mixer": expected an operator that docs\/graphs.md lists/,
    );
  });

  it("a node before the one that computes its input", () => {
    const nodes = [node("Neg", ["a"], ["y"]), node("Neg", ["x"], ["a"])];
    expect(refusal({ nodes }).message).toMatch(/input "a": no node before this one computes it/);
  });

  it("integers whose product is beyond 2^53", () => {
    const nodes = [node("ConstantOfShape", ["s"], ["y"])];
    expect(refusal({ nodes, initializers: { s: ints(2 ** 40, 2 ** 40, 0) } }).code).toBe(
      "too-large",
    );
  });
});

describe("much work for little", () => {
  it("10,000 LSTM nodes that share one W: it is packed once", () => {
    const [nx, na] = [16, 16];
    const nodes = Array.from({ length: 10_000 }, (_, i) =>
      node("LSTM", [i === 0 ? "x" : `h${i - 1}`, "W", "R"], ["", i === 9_999 ? "y" : `h${i}`], {
        hidden_size: na,
      }),
    );
    const initializers = { W: floats([1, 4 * na, nx], 0.1), R: floats([1, 4 * na, na], 0.1) };
    const graph = openGraph(engine, file({ nodes, initializers, shape: [1, 1, nx] }));
    // Weights and buffers of one, not of 10,000 (40 MB).
    expect(engine.memory().bytes).toBeLessThan(16 * MIB);
    const { y } = graph.run({ x: { shape: [1, 1, nx], data: new Float32Array(nx).fill(1) } });
    expect(y?.shape).toEqual([1, 1, na]);
  });

  it("100,000 nodes in a row: buffers are handed on", () => {
    const count = 99_999;
    const nodes = Array.from({ length: count }, (_, i) =>
      node("Neg", [i === 0 ? "x" : `a${i - 1}`], [i === count - 1 ? "y" : `a${i}`]),
    );
    const graph = openGraph(engine, file({ nodes, shape: [1000] }));
    expect(engine.memory().bytes).toBeLessThan(4 * MIB);
    expect(graph.run({ x: new Float32Array(1000).fill(2) }).y?.data[999]).toBe(-2);
  });

  it("T = 2^50 with m = 0 ends at once", () => {
    const nodes = [node("LSTM", ["x", "W", "R"], ["y", "h"])];
    const initializers = { W: floats([1, 4, 1]), R: floats([1, 4, 1]) };
    const graph = openGraph(engine, file({ nodes, initializers, shape: ["T", "m", 1] }));
    const run = () => graph.run({ x: { shape: [2 ** 50, 0, 1], data: new Float32Array(0) } });
    expect(run).toThrow(ModelFormatError);
    const some = graph.run({ x: { shape: [2 ** 20, 0, 1], data: new Float32Array(0) } });
    expect(some.y).toEqual({ shape: [2 ** 20, 1, 0, 1], data: new Float32Array(0) });
  });

  it("a graph within 40 graphs", () => {
    const output = [["y", FLOAT]] as const;
    let inner: ModelSpec = { nodes: [node("Neg", ["x"], ["y"])], inputs: [], outputs: output };
    for (let depth = 0; depth < 40; depth++) {
      const branch = { then_branch: { graph: inner } };
      inner = { nodes: [node("If", ["c"], ["y"], branch)], inputs: [], outputs: output };
    }
    const initializers = { c: ints(1) };
    const { code, message } = refusal({ nodes: [...inner.nodes], initializers });
    expect(code).toBe("graph");
    expect(message).toMatch(/expected ≤ 32 graphs within graphs, got more/);
  });

  it.each([
    ["Neg", (i: number) => [`a${i}`]],
    ["Add", (i: number) => [`a${i}`, "x"]],
    ["Concat", (i: number) => [`a${i}`]],
    ["Identity", (i: number) => [`a${i}`]],
  ] as const)("%s: twice the nodes, at most 2.2 times the work", (operator, inputs) => {
    const bytes = (count: number) =>
      file({
        nodes: Array.from({ length: count }, (_, i) =>
          node(
            operator,
            inputs(i).map((name) => (name === "a0" ? "x" : name)),
            [i === count - 1 ? "y" : `a${i + 1}`],
            operator === "Concat" ? { axis: 0 } : {},
          ),
        ),
      });
    const [some, more] = [500, 1000].map((count) => {
      const whole = bytes(count);
      return countWork(() => openGraph(engine, whole).dispose());
    }) as [number, number];
    expect(more / some).toBeLessThan(2.2);
  });

  it.each(["AveragePool", "MaxPool"])(
    "%s: a window of 2^60 taps costs what lies inside",
    (operator) => {
      const attributes = { kernel_shape: [2 ** 30, 2 ** 30], auto_pad: "SAME_LOWER" };
      const bytes = file({
        nodes: [node(operator, ["x"], ["y"], attributes)],
        shape: [1, 1, 2, 2],
      });
      const graph = openGraph(engine, bytes);
      const { y } = graph.run({ x: { shape: [1, 1, 2, 2], data: Float32Array.of(1, 2, 3, 6) } });
      const all = operator === "MaxPool" ? 6 : 3;
      expect(Array.from(y?.data as Float32Array)).toEqual([all, all, all, all]);
    },
  );

  it("an input of negative extents is a typed error; -1 is an open extent", () => {
    const nodes = [node("Exp", ["x"], ["y"])];
    const error = refusal({ nodes, shape: [2, -8] });
    expect(error).toMatchObject({ code: "shape", tensor: "x" });
    expect(error.message).toContain("expected extents ≥ 0, got (2,-8)");
    const graph = openGraph(engine, file({ nodes, shape: [2, -1] }));
    expect(graph.inputs.x?.shape).toEqual([2, null]);
  });

  it.each(["Concat", "Max", "Sum"])("%s of nothing is a typed error", (operator) => {
    const attributes = operator === "Concat" ? { axis: 0 } : {};
    const error = refusal({ nodes: [node(operator, [], ["y"], attributes)] });
    expect(error).toMatchObject({ code: "graph" });
    expect(error.message).toContain("expected an input 0, got none");
  });

  it("1,000 sets of shapes: programs are let go", () => {
    const nodes = [node("Exp", ["x"], ["y"])];
    const graph = openGraph(engine, file({ nodes, shape: ["n"] }));
    for (let n = 1; n <= 1000; n++) {
      graph.run({ x: { shape: [n], data: new Float32Array(n) } });
    }
    expect(engine.memory().bytes).toBeLessThan(2 * MIB);
  });
});
