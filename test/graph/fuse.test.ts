import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, REDUCE, UNARY } from "../../src/graph/codes.js";
import { Constants } from "../../src/graph/constants.js";
import { fuse } from "../../src/graph/fuse.js";
import type { Operation } from "../../src/graph/operation.js";
import { sizeOf, type Value } from "../../src/graph/value.js";
import { createEngineSync } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";

// Which operations become one. That the numbers are right, torch.test.ts and node_cases.test.ts prove.

let constants: Constants;
beforeEach(() => {
  constants = new Constants(coreOf(createEngineSync()));
});
afterEach(() => constants.release());

function value(shape: readonly number[], data?: readonly number[]): Value {
  const numbers = data && Float64Array.from(data);
  return { kind: "float", precision: "f64", shape, size: sizeOf(shape), data: numbers, origins: 0 };
}

const where = "test";
const binary = (code: keyof typeof BINARY, a: Value, b: Value, y: Value): Operation => {
  return { kind: "binary", code: BINARY[code], inputs: [a, b], outputs: [y], where };
};
const unary = (code: keyof typeof UNARY, x: Value, y: Value): Operation => {
  return { kind: "unary", code: UNARY[code], alpha: 0, beta: 0, inputs: [x], outputs: [y], where };
};
const mean = (x: Value, y: Value): Operation => {
  const n = x.shape.at(-1) as number;
  const sizes = { outer: x.size / n, n, inner: 1 };
  return { kind: "reduce", code: REDUCE.mean, inputs: [x], outputs: [y], where, ...sizes };
};
const kinds = (operations: readonly Operation[]): string[] => operations.map(({ kind }) => kind);

describe("a layer normalisation, written out", () => {
  const x = value([2, 3]);
  const values = {
    mean: value([2, 1]),
    centred: value([2, 3]),
    squares: value([2, 3]),
    variance: value([2, 1]),
    sum: value([2, 1]),
    root: value([2, 1]),
    quotient: value([2, 3]),
    scaled: value([2, 3]),
    shifted: value([2, 3]),
  };
  const [scale, shift] = [value([3], [1, 2, 3]), value([3], [4, 5, 6])];
  const operations = (squared = values.centred): Operation[] => [
    mean(x, values.mean),
    binary("subtract", x, values.mean, values.centred),
    unary("square", squared, values.squares),
    mean(values.squares, values.variance),
    binary("add", values.variance, value([], [1e-5]), values.sum),
    unary("sqrt", values.sum, values.root),
    binary("divide", values.centred, values.root, values.quotient),
    binary("multiply", values.quotient, scale, values.scaled),
    binary("add", values.scaled, shift, values.shifted),
  ];

  it("becomes one operation, with its factor and summand", () => {
    const [one, ...others] = fuse(operations(), [values.shifted], constants);
    expect(others).toEqual([]);
    expect(one).toMatchObject({ kind: "normalise", rows: 2, n: 3, epsilon: 1e-5 });
    expect(one?.inputs).toEqual([x, scale, shift]);
  });

  it("without factor and summand, too", () => {
    const [one] = fuse(operations().slice(0, 7), [values.quotient], constants);
    expect(one).toMatchObject({ kind: "normalise" });
    expect(one?.inputs).toEqual([x]);
  });

  it("stays where its parts are asked for, or where it is something else", () => {
    const whole = operations().length;
    for (const part of [values.mean, values.variance, values.centred]) {
      expect(fuse(operations(), [values.shifted, part], constants).length).toBe(whole);
    }
    expect(kinds(fuse(operations(x), [values.shifted], constants))).not.toContain("normalise");
  });
});

describe("a convolution with factors and summands of its channels", () => {
  const x = value([1, 1, 1, 4]);
  const weights = value([2, 1, 1, 3], [1, 2, 3, 4, 5, 6]);
  const bias = value([2], [1, -1]);
  const [picture, line, scaled, shifted] = [
    value([1, 2, 1, 2]),
    value([1, 2, 2]),
    value([1, 2, 2]),
    value([1, 2, 2]),
  ];
  const conv: Operation = {
    ...{ kind: "conv", inputs: [x, weights, bias], outputs: [picture], where, groups: 1 },
    ...{ kernel: [1, 3], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], output: [1, 2] },
  };
  const operations = (factor = value([2, 1], [2, 10])): Operation[] => [
    conv,
    { kind: "reshape", inputs: [picture], outputs: [line], where },
    binary("multiply", line, factor, scaled),
    binary("add", value([1, 2, 1], [100, 200]), scaled, shifted),
  ];

  it("becomes a convolution with other weights, the same arrays each time", () => {
    const list = operations();
    const [first, second] = [0, 1].map(() => fuse(list, [shifted], constants)) as [
      Operation[],
      Operation[],
    ];
    expect(kinds(first)).toEqual(["conv", "reshape"]);
    const [, w, b] = (first[0] as Operation).inputs as [Value, Value, Value];
    expect(w.data).toEqual(Float64Array.of(2, 4, 6, 40, 50, 60));
    expect(b.data).toEqual(Float64Array.of(102, 190));
    expect(weights.data).toEqual(Float64Array.of(1, 2, 3, 4, 5, 6));
    expect((second[0] as Operation).inputs[1]?.data).toBe(w.data);
  });

  it("stays where the factor is not of channels, is not finite, or the convolution is read twice", () => {
    const wrong = [value([1, 2], [2, 10]), value([2, 1], [2, Infinity])];
    for (const factor of wrong) {
      expect(kinds(fuse(operations(factor), [shifted], constants))).toContain("binary");
    }
    expect(kinds(fuse(operations(), [shifted, line], constants))).toContain("binary");
  });
});
