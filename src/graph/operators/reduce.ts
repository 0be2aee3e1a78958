import type { Builder } from "../builder.js";
import { REDUCE } from "../codes.js";
import type { Node, Operator } from "../node.js";
import { sizeOf, type Value } from "../value.js";
import { axesOf } from "./shape.js";

/** The extents around one axis: (outer, n, inner). */
export function around(shape: readonly number[], axis: number) {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    n: shape[axis] as number,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

/** x reduced along these axes, which stay with an extent of 1 if `keep`. */
export function reduceAxes(
  builder: Builder,
  x: Value,
  axes: readonly number[],
  name: keyof typeof REDUCE,
  keep: boolean,
): Value {
  const { shape } = x;
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const sorted = [...axes].sort((a, b) => a - b);
  const result = keep
    ? shape.map((extent, i) => (axes.includes(i) ? 1 : extent))
    : kept.map((i) => shape[i] as number);
  if (axes.length === 0) return builder.reshape(x, result);
  // Axes that lie side by side are one; others go to the end first.
  const [first, last] = [sorted[0] as number, sorted.at(-1) as number];
  const together = last - first + 1 === sorted.length;
  const turned = together ? x : builder.permute(x, [...kept, ...sorted]);
  const outer = together
    ? sizeOf(shape.slice(0, first))
    : sizeOf(kept.map((i) => shape[i] as number));
  const n = sizeOf(sorted.map((i) => shape[i] as number));
  const inner = together ? sizeOf(shape.slice(last + 1)) : 1;
  const parameters = { code: REDUCE[name], outer, n, inner };
  return builder.add("reduce", [turned], [{ ...x, shape: result }], parameters)[0] as Value;
}

/** The axes of a reduction: an attribute before opset `since`, then an input; none means all. */
function reduced(node: Node, since: number): number[] {
  const rank = node.input(0).shape.length;
  const given = axesOf(node, since);
  if (given !== undefined && given.length > 0) return node.axes(given, rank);
  if (node.flag("noop_with_empty_axes")) return [];
  return node.input(0).shape.map((_, i) => i);
}

type Step = (builder: Builder, x: Value) => Value;

export const reduction =
  (name: keyof typeof REDUCE, since = 18, after?: Step): Operator =>
  (node, builder) => {
    const y = reduceAxes(
      builder,
      node.input(0),
      reduced(node, since),
      name,
      node.flag("keepdims", true),
    );
    return after === undefined ? y : after(builder, y);
  };

/** ln Σ eˣ, with the maximum taken out. */
function logSumExp(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const axes = reduced(node, 18);
  const keep = node.flag("keepdims", true);
  const most = reduceAxes(builder, x, axes, "maximum", true);
  const shifted = builder.unary("exp", builder.binary("subtract", x, most));
  const log = builder.unary("log", reduceAxes(builder, shifted, axes, "sum", true));
  const y = builder.binary("add", log, most);
  return keep
    ? y
    : builder.reshape(
        y,
        y.shape.filter((_, i) => !axes.includes(i)),
      );
}

const arg =
  (least: boolean): Operator =>
  (node, builder) => {
    const x = node.input(0);
    const axis = node.axis(node.int("axis", 0), x.shape.length);
    const extents = around(x.shape, axis);
    if (extents.n === 0) builder.fail("shape", "expected an axis that is not empty");
    const keep = node.flag("keepdims", true);
    const shape = x.shape.flatMap((extent, i) => (i !== axis ? [extent] : keep ? [1] : []));
    const parameters = { least, last: node.flag("select_last_index"), ...extents };
    return builder.add("arg", [x], [{ kind: "int", precision: "f64", shape }], parameters);
  };

function cumulativeSum(node: Node, builder: Builder): Value[] {
  const x = node.input(0);
  const axis = node.axis(node.list(1, 1)[0] ?? 0, x.shape.length);
  const parameters = { exclusive: node.flag("exclusive"), reverse: node.flag("reverse") };
  return builder.add("cumulate", [x], [x], { ...parameters, ...around(x.shape, axis) });
}

/** Along one axis; before opset 13 along all from `axis` on. */
export const softmax =
  (log: boolean): Operator =>
  (node, builder) => {
    const x = node.input(0);
    const rank = x.shape.length;
    const old = node.opset < 13;
    const axis = node.axis(node.int("axis", old ? 1 : -1), Math.max(rank, 1));
    if (rank === 0) return builder.unary("affine", x, 0, log ? 0 : 1);
    if (old || axis === rank - 1) {
      const n = sizeOf(x.shape.slice(axis));
      const rows = n === 0 ? 0 : x.size / n;
      return builder.add("softmax", [x], [x], { log, rows, n });
    }
    const order = x.shape.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
    const turned = builder.permute(x, order);
    const n = turned.shape.at(-1) as number;
    const rows = n === 0 ? 0 : x.size / n;
    const [y] = builder.add("softmax", [turned], [turned], { log, rows, n }) as [Value];
    return builder.permute(y, order);
  };

export const global =
  (name: "maximum" | "mean"): Operator =>
  (node, builder) => {
    const x = node.input(0);
    const axes = x.shape.map((_, i) => i).slice(2);
    return reduceAxes(builder, x, axes, name, true);
  };

export const reductionOperators = (): Readonly<Record<string, Operator>> => ({
  ReduceSum: reduction("sum", 13),
  ReduceMean: reduction("mean"),
  ReduceMax: reduction("maximum"),
  ReduceMin: reduction("minimum"),
  ReduceProd: reduction("product"),
  ReduceL1: reduction("l1"),
  ReduceL2: reduction("l2"),
  ReduceSumSquare: reduction("sumOfSquares"),
  ReduceLogSum: reduction("sum", 18, (builder, x) => builder.unary("log", x)),
  ReduceLogSumExp: logSumExp,
  ArgMax: arg(false),
  ArgMin: arg(true),
  CumSum: cumulativeSum,
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  GlobalMaxPool: global("maximum"),
  GlobalAveragePool: global("mean"),
});
