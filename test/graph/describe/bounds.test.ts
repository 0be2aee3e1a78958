import { describe, expect, it } from "vitest";
import { describeOnnx, ModelFormatError } from "../../../src/onnx.js";
import { FLOAT, INT64, model, type NodeSpec, type OnnxArray } from "../../formats/onnx/writer.js";
import { countAllocations, countWork } from "../../support/cost.js";
import { thrownBy } from "../../support/errors.js";

// Files made to cost, for the reader of whole models: a typed error or a description, in bounded time and memory.

const MIB = 2 ** 20;
/** Functions and blocks that run for a byte of these files. */
const MOST_WORK = 40;
const [nx, na] = [4, 4];
const ints = (...list: number[]): OnnxArray => ({
  shape: [list.length],
  data: BigInt64Array.from(list, BigInt),
});
const floats = (...shape: number[]): OnnxArray => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1),
});
const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({ operator, inputs, outputs, attributes });

const weights = { W: floats(1, 4 * na, nx), R: floats(1, 4 * na, na) };
const lstm = (x: string, y: string, state = "", h0 = ""): NodeSpec =>
  node("LSTM", [x, "W", "R", "", "", h0], [y, state], { hidden_size: na });

const file = (
  nodes: readonly NodeSpec[],
  initializers: Record<string, OnnxArray> = {},
  { shape = ["T", "m", nx] as (number | string)[], dtype = FLOAT } = {},
): Uint8Array =>
  model({
    nodes,
    initializers: { ...weights, ...initializers },
    inputs: [["x", dtype, shape]],
    outputs: [["y", FLOAT]],
  });

/** The code of the refusal, whose arrays stayed bounded. */
function refusal(bytes: Uint8Array): string {
  expect(countAllocations(() => describeOnnx(bytes))).toBeLessThan(130 * MIB + 32 * bytes.length);
  const error = thrownBy(() => describeOnnx(bytes));
  expect(error).toBeInstanceOf(ModelFormatError);
  return (error as ModelFormatError).code;
}

describe("small files that ask for much", () => {
  it("Shape, then forty times Concat(d, d)", () => {
    const doubled = Array.from({ length: 40 }, (_, i) =>
      node("Concat", [`d${i}`, `d${i}`], [`d${i + 1}`], { axis: 0 }),
    );
    const nodes = [
      node("Shape", ["x"], ["d0"]),
      ...doubled,
      node("ConstantOfShape", ["d40"], ["h0"]),
      lstm("x", "y", "", "h0"),
    ];
    expect(refusal(file(nodes))).toBe("too-large");
  });

  it.each([
    ["ConstantOfShape of 4 GiB", "ConstantOfShape", [2 ** 15, 2 ** 15], "too-large"],
    ["ConstantOfShape([-2, -8])", "ConstantOfShape", [-2, -8], "operator"],
    ["Expand to 60 million", "Expand", [60_000_000], "too-large"],
    ["Reshape of five numbers to (2, -1)", "Reshape", [2, -1], "operator"],
  ] as const)("%s", (_, operator, shape, code) => {
    const inputs = operator === "ConstantOfShape" ? ["s"] : ["five", "s"];
    const five = operator === "Expand" ? floats(1) : floats(5);
    const nodes = [node(operator, inputs, ["h0"]), lstm("x", "y", "", "h0")];
    expect(refusal(file(nodes, { s: ints(...shape), five }))).toBe(code);
  });

  it("a Gather over what is expanded", () => {
    const nodes = [
      node("Expand", ["one", "s"], ["big"]),
      node("Gather", ["big", "i"], ["h0"], { axis: 0 }),
      lstm("x", "y", "", "h0"),
    ];
    const given = { one: floats(1), s: ints(30_000_000), i: ints(1, 2, 3) };
    expect(refusal(file(nodes, given))).toMatch(/operator|too-large/);
    expect(refusal(file(nodes, { ...given, s: ints(60_000_000) }))).toBe("too-large");
  });

  it("200,000 axes in one Unsqueeze", () => {
    const data = BigInt64Array.from({ length: 200_000 }, (_, i) => BigInt(i));
    const axes = { shape: [200_000], data };
    const nodes = [node("Unsqueeze", ["x", "axes"], ["z"]), lstm("z", "y")];
    expect(refusal(file(nodes, { axes }))).toBe("operator");
  });

  it("inputs of 2^50 steps, or of nine axes", () => {
    const nodes = [lstm("x", "y")];
    expect(refusal(file(nodes, {}, { shape: [2 ** 50, 1, nx] }))).toBe("too-large");
    expect(refusal(file(nodes, {}, { shape: Array(9).fill(2) }))).toBe("operator");
  });

  it("a linear layer for 2^20 tokens as one-hot vectors of 2^20", () => {
    const nodes = [node("OneHot", ["x", "depth", "values"], ["v"]), lstm("v", "y")];
    const given = { depth: ints(2 ** 20), values: { shape: [2], data: Float32Array.of(0, 1) } };
    const bytes = file(nodes, given, { shape: [2 ** 10, 2 ** 10], dtype: INT64 });
    expect(refusal(bytes)).toBe("too-large");
  });
});

describe("many nodes that share weights", () => {
  const stack = (count: number): Uint8Array =>
    file(
      Array.from({ length: count }, (_, i) => [
        lstm(i === 0 ? "x" : `x${i}`, `y${i}`),
        node("Squeeze", [`y${i}`, "one"], [i === count - 1 ? "y" : `x${i + 1}`]),
      ]).flat(),
      { one: ints(1) },
    );
  const heads = (count: number): Uint8Array =>
    file(
      [
        lstm("x", "Y"),
        node("Squeeze", ["Y", "one"], ["p0"]),
        ...Array.from({ length: count }, (_, i) =>
          node("MatMul", [`p${i}`, "V"], [i === count - 1 ? "y" : `p${i + 1}`]),
        ),
      ],
      { one: ints(1), V: floats(na, na) },
    );
  const states = (count: number): Uint8Array =>
    file(
      Array.from({ length: count }, (_, i) => [
        lstm(i === 0 ? "x" : `x${i}`, `y${i}`, "", "zeros"),
        node("Squeeze", [`y${i}`, "one"], [i === count - 1 ? "y" : `x${i + 1}`]),
      ]).flat(),
      { one: ints(1), zeros: { shape: [1, 1, 50_000], data: new Float32Array(50_000) } },
    );

  it("2,000 LSTM nodes of one W: each layer has the same arrays", () => {
    const bytes = stack(2000);
    const { recurrent } = describeOnnx(bytes);
    const all = recurrent.flatMap((each) => Object.entries(each.weights));
    const own = (part: string) => all.filter(([name]) => name.startsWith(part)).map(([, v]) => v);
    expect(own("weight_ih")).toHaveLength(2000);
    expect(new Set(own("weight_ih").map(({ data }) => data)).size).toBe(1);
    expect(countAllocations(() => describeOnnx(bytes))).toBeLessThan(32 * bytes.length);
  });

  it("10,000 linear layers of one weight, which is turned once", () => {
    const { dense } = describeOnnx(heads(10_000));
    expect(dense).toHaveLength(10_000);
    expect(new Set(dense.map(({ weight }) => weight.data)).size).toBe(1);
  });

  it.each([
    ["recurrent nodes", stack],
    ["linear layers", heads],
    ["initial states that share 50,000 zeros", states],
  ])("%s: twice as many, at most 2.2 times the work", (_, make) => {
    const [some, more] = [250, 500].map((count) => {
      const bytes = make(count);
      return countWork(() => describeOnnx(bytes));
    }) as [number, number];
    expect(some).toBeGreaterThan(250);
    expect(more / some).toBeLessThan(2.2);
    // Numbers that nodes share are looked at once, not once for each node.
    expect(more).toBeLessThan(MOST_WORK * make(500).length);
  });
});
