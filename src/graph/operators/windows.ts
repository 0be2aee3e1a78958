import { formatShape } from "../../tensor.js";
import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import type { Geometry } from "../operation.js";
import { sizeOf, type Value } from "../value.js";
import { reduceAxes } from "./reduce.js";

type Pair = [number, number];

/** A sequence is a picture of one row. */
function picture(node: Node, builder: Builder): { x: Value; line: boolean } {
  const x = node.input(0);
  const { shape } = x;
  if (shape.length === 4) return { x, line: false };
  if (shape.length !== 3) {
    builder.fail("shape", `expected (N, C, w) or (N, C, h, w), got ${formatShape(shape)}`);
  }
  return { x: lined(builder, x), line: true };
}

/** (a, b, w) as (a, b, 1, w). */
const lined = (builder: Builder, x: Value): Value =>
  builder.reshape(x, [...x.shape.slice(0, 2), 1, ...x.shape.slice(2)]);

/** The result in the input's rank. */
function back(builder: Builder, y: Value, line: boolean): Value {
  if (!line) return y;
  const [N, C, , w] = y.shape as [number, number, number, number];
  return builder.reshape(y, [N, C, w]);
}

/** One integer for each axis, `least` or more; a sequence's row has the default. */
function pair(node: Node, builder: Builder, name: string, line: boolean): Pair {
  const given = node.ints(name);
  const list = given === undefined ? [1, 1] : line ? [1, ...given] : given;
  if (list.length !== 2 || list.some((each) => each < 1)) {
    builder.fail("attribute", `${name}: expected ${line ? 1 : 2} integers ≥ 1, got (${given})`);
  }
  return [list[0] as number, list[1] as number];
}

/** The sizes of a window; pads as they are, or so that the output has ⌈input / stride⌉ places. */
function windowOf(node: Node, builder: Builder, x: Value, kernel: Pair, line: boolean) {
  const strides = pair(node, builder, "strides", line);
  const dilations = pair(node, builder, "dilations", line);
  const given = node.ints("pads") ?? (line ? [0, 0] : [0, 0, 0, 0]);
  const list = line ? [0, given[0], 0, given[1]] : given;
  if (list.length !== 4 || list.some((each) => each === undefined || each < 0)) {
    builder.fail("attribute", `pads: expected ${line ? 2 : 4} integers ≥ 0, got (${given})`);
  }
  const pads = [...list] as [number, number, number, number];
  const auto = node.text("auto_pad", "NOTSET");
  const input = x.shape.slice(2) as Pair;
  const reach = kernel.map((k, i) => (k - 1) * (dilations[i] as number) + 1) as Pair;
  for (let i = 0; i < 2; i++) {
    if (auto === "NOTSET") continue;
    if (auto === "VALID") {
      pads[i] = 0;
      pads[i + 2] = 0;
      continue;
    }
    const stride = strides[i] as number;
    const n = input[i] as number;
    const total = Math.max((Math.ceil(n / stride) - 1) * stride + (reach[i] as number) - n, 0);
    const less = Math.floor(total / 2);
    pads[i] = auto === "SAME_LOWER" ? total - less : less;
    pads[i + 2] = total - (pads[i] as number);
  }
  return { kernel, strides, dilations, pads, input, reach };
}

type Window = ReturnType<typeof windowOf>;

/** Places of the output; with `ceil` the last one may begin inside the padding. */
function places({ strides, pads, input, reach }: Window, ceil = false): Pair {
  const along = (i: 0 | 1): number => {
    const n = input[i] + pads[i] + pads[(i + 2) as 2 | 3] - reach[i];
    if (n < 0) return 0;
    if (!ceil) return Math.floor(n / strides[i]) + 1;
    const count = Math.ceil(n / strides[i]) + 1;
    return (count - 1) * strides[i] >= input[i] + pads[i] ? count - 1 : count;
  };
  return [along(0), along(1)];
}

/** Weights and bias of a convolution, which must be known at opening. */
function parameters(node: Node, builder: Builder, line: boolean): [Value, Value | undefined] {
  const [weights, bias] = [node.input(1), node.optional(2)];
  builder.numbers(weights);
  if (bias !== undefined) builder.numbers(bias);
  if (weights.shape.length !== (line ? 3 : 4)) {
    builder.fail(
      "shape",
      `weights: expected ${line ? 3 : 4} axes, got ${formatShape(weights.shape)}`,
    );
  }
  return [line ? lined(builder, weights) : weights, bias];
}

function convolution(node: Node, builder: Builder): Value {
  const { x, line } = picture(node, builder);
  const [weights, bias] = parameters(node, builder, line);
  const [M, Cg, kh, kw] = weights.shape as [number, number, number, number];
  const groups = node.int("group", 1);
  const C = x.shape[1] as number;
  if (!(groups >= 1) || C !== Cg * groups || M % groups !== 0 || Math.min(M, Cg, kh, kw) < 1) {
    const got = `${formatShape(weights.shape)} for ${C} channels`;
    builder.fail("shape", `weights: expected (M, C / ${groups}, kernel), got ${got}`);
  }
  checkBias(builder, bias, M);
  const window = windowOf(node, builder, x, [kh, kw], line);
  const output = places(window);
  const shape = [x.shape[0] as number, M, ...output];
  const inputs = bias === undefined ? [x, weights] : [x, weights, bias];
  const { kernel, strides, dilations, pads } = window;
  const work = sizeOf(shape) * Cg * kh * kw;
  const given = { kernel, strides, dilations, pads, output, groups, work };
  const [y] = builder.add("conv", inputs, [{ ...x, shape }], given) as [Value];
  return back(builder, y, line);
}

function checkBias(builder: Builder, bias: Value | undefined, M: number): void {
  if (bias === undefined || (bias.shape.length === 1 && bias.size === M)) return;
  builder.fail("shape", `bias: expected (${M},), got ${formatShape(bias.shape)}`);
}

function transposed(node: Node, builder: Builder): Value {
  const { x, line } = picture(node, builder);
  const [weights, bias] = parameters(node, builder, line);
  const [C, Mg, kh, kw] = weights.shape as [number, number, number, number];
  const groups = node.int("group", 1);
  if (!(groups >= 1) || C !== x.shape[1] || C % groups !== 0 || Math.min(C, Mg, kh, kw) < 1) {
    const got = `${formatShape(weights.shape)} for ${x.shape[1]} channels`;
    builder.fail("shape", `weights: expected (C, M / ${groups}, kernel), got ${got}`);
  }
  const M = Mg * groups;
  checkBias(builder, bias, M);
  const window = windowOf(node, builder, x, [kh, kw], line);
  const { kernel, strides, dilations, input, reach } = window;
  const pads = [...window.pads] as [number, number, number, number];
  const extra = list(node, "output_padding", line) ?? [0, 0];
  const wanted = list(node, "output_shape", line);
  const auto = node.text("auto_pad", "NOTSET");
  const output = [0, 1].map((i) => {
    const full = strides[i as 0] * (input[i as 0] - 1) + (extra[i] as number) + reach[i as 0];
    const same =
      auto === "SAME_UPPER" || auto === "SAME_LOWER" ? input[i as 0] * strides[i as 0] : undefined;
    const size = (i === 0 && line ? undefined : wanted?.[i]) ?? same;
    if (size === undefined) return full - pads[i as 0] - pads[(i + 2) as 2];
    const total = Math.max(full - size, 0);
    const less = Math.floor(total / 2);
    pads[i as 0] = auto === "SAME_UPPER" ? less : total - less;
    pads[(i + 2) as 2] = total - pads[i as 0];
    return size;
  }) as Pair;
  const shape = [x.shape[0] as number, M, ...output];
  const inputs = bias === undefined ? [x, weights] : [x, weights, bias];
  const work = x.size * Mg * kh * kw;
  const given: Geometry & { groups: number; work: number } = {
    kernel,
    strides,
    dilations,
    pads,
    output,
    groups,
    work,
  };
  const [y] = builder.add("convTranspose", inputs, [{ ...x, shape }], given) as [Value];
  return back(builder, y, line);
}

/** One integer for each axis, a sequence's row filled up with 0. */
function list(node: Node, name: string, line: boolean): readonly number[] | undefined {
  const given = node.ints(name)?.slice(-2);
  return given !== undefined && line ? [0, ...given.slice(-1)] : given;
}

const pooling =
  (mode: "maximum" | "mean"): Operator =>
  (node, builder) => {
    const { x, line } = picture(node, builder);
    const kernel = pair(node, builder, "kernel_shape", line);
    const window = windowOf(node, builder, x, kernel, line);
    const output = places(window, node.flag("ceil_mode"));
    const { strides, dilations, pads } = window;
    if (node.outputCount > 1)
      builder.fail("graph", "expected one output, got two: indices are not made");
    const counted = node.flag("count_include_pad");
    const shape = [...x.shape.slice(0, 2), ...output];
    const given = { kernel, strides, dilations, pads, output };
    const code = mode === "maximum" ? 0 : counted ? 2 : 1;
    const [y] = builder.add("pool", [x], [{ ...x, shape }], { ...given, mode: code }) as [Value];
    return back(builder, y, line);
  };

/** (y − mean) / √(variance + ε) · scale + bias per channel: two constants per channel. */
function batchNormalization(node: Node, builder: Builder): Value {
  const x = node.input(0);
  if (node.flag("training_mode")) builder.fail("attribute", "training_mode: expected 0, got 1");
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => node.input(i)) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const epsilon = builder.scalar(variance, node.float("epsilon", 1e-5));
  const deviation = builder.unary("sqrt", builder.binary("add", variance, epsilon));
  const factor = builder.binary("divide", scale, deviation);
  const shift = builder.binary("subtract", bias, builder.binary("multiply", mean, factor));
  const shape = [scale.size, ...x.shape.slice(2).map(() => 1)];
  const scaled = builder.binary("multiply", x, builder.reshape(factor, shape));
  return builder.binary("add", scaled, builder.reshape(shift, shape));
}

/** Rows of x normalised: `rows` of `n`. */
function normalised(
  builder: Builder,
  x: Value,
  n: number,
  epsilon: number,
  parameters: readonly Value[] = [],
): Value {
  const rows = n === 0 ? 0 : x.size / n;
  return builder.add("normalise", [x, ...parameters], [x], { rows, n, epsilon })[0] as Value;
}

function layerNormalization(node: Node, builder: Builder): Value | Value[] {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", -1), x.shape.length);
  const n = sizeOf(x.shape.slice(axis));
  const [scale, bias] = [node.input(1), node.optional(2)];
  const epsilon = node.float("epsilon", 1e-5);
  const fits = [scale, bias].every((each) => each === undefined || each.size === n);
  let y: Value;
  if (fits) {
    y = normalised(builder, x, n, epsilon, bias === undefined ? [scale] : [scale, bias]);
  } else {
    y = builder.binary("multiply", normalised(builder, x, n, epsilon), scale);
    if (bias !== undefined) y = builder.binary("add", y, bias);
  }
  if (node.outputCount === 1) return y;
  // Mean and 1 / deviation are seldom asked for: they are computed once more.
  const axes = x.shape.map((_, i) => i).slice(axis);
  const mean = reduceAxes(builder, x, axes, "mean", true);
  const squares = builder.unary("square", builder.binary("subtract", x, mean));
  const variance = reduceAxes(builder, squares, axes, "mean", true);
  const shifted = builder.binary("add", variance, builder.scalar(x, epsilon));
  return [y, mean, builder.unary("reciprocal", builder.unary("sqrt", shifted))];
}

function instanceNormalization(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const n = sizeOf(x.shape.slice(2));
  const y = normalised(builder, x, n, node.float("epsilon", 1e-5));
  const shape = [node.input(1).size, ...x.shape.slice(2).map(() => 1)];
  const scaled = builder.binary("multiply", y, builder.reshape(node.input(1), shape));
  return builder.binary("add", scaled, builder.reshape(node.input(2), shape));
}

export const windowOperators = (): Readonly<Record<string, Operator>> => ({
  Conv: convolution,
  ConvTranspose: transposed,
  MaxPool: pooling("maximum"),
  AveragePool: pooling("mean"),
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
});
