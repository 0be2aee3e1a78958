import type { Builder } from "../builder.js";
import type { Node } from "../node.js";
import { replaced, type Value } from "../value.js";

/** Constant padding by an operation of its own; the other modes put slices of x, forwards or backwards, around it. */
export function pad(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const rank = x.shape.length;
  const old = node.opset < 11;
  const given = old ? (node.ints("pads") ?? node.ints("paddings") ?? []) : node.list(1);
  const named = node.optional(3);
  const axes = named === undefined ? x.shape.map((_, i) => i) : node.axes(node.list(3), rank);
  if (given.length !== 2 * axes.length) {
    builder.fail("shape", `pads: expected ${2 * axes.length} integers, got ${given.length}`);
  }
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  axes.forEach((axis, i) => {
    before[axis] = given[i] as number;
    after[axis] = given[axes.length + i] as number;
  });
  // Negative padding cuts off.
  const shape = x.shape.map(
    (n, i) => n + Math.min(before[i] as number, 0) + Math.min(after[i] as number, 0),
  );
  const inner = builder.slice(
    x,
    shape,
    before.map((n) => Math.max(-n, 0)),
  );
  const mode = node.text("mode", "constant");
  if (mode === "constant") {
    const filling = node.optional(2);
    const value = old
      ? node.float("value", 0)
      : filling === undefined
        ? 0
        : (builder.numbers(filling)[0] ?? 0);
    return padConstant(builder, inner, before, after, value);
  }
  if (mode !== "reflect" && mode !== "edge") {
    return builder.fail(
      "attribute",
      `mode: expected constant, reflect or edge, got ${mode.slice(0, 32)}`,
    );
  }
  return before.reduce(
    (value, n, axis) =>
      padAround(builder, value, axis, mode, Math.max(n, 0), Math.max(after[axis] as number, 0)),
    inner,
  );
}

function padConstant(
  builder: Builder,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  value = 0,
): Value {
  const starts = before.map((n) => Math.max(n, 0));
  const shape = x.shape.map((n, i) => n + (starts[i] as number) + Math.max(after[i] as number, 0));
  if (shape.every((n, i) => n === x.shape[i])) return x;
  return builder.add("pad", [x], [{ ...x, shape }], { starts, value })[0] as Value;
}

function padAround(
  builder: Builder,
  x: Value,
  axis: number,
  mode: "reflect" | "edge",
  before: number,
  after: number,
): Value {
  if (before === 0 && after === 0) return x;
  const n = x.shape[axis] as number;
  if (n === 0 || (mode === "reflect" && Math.max(before, after) >= n)) {
    builder.fail(
      "shape",
      `pads: axis ${axis} of ${n}: expected less padding, got ${before} and ${after}`,
    );
  }
  const part = (count: number, start: number, place: number): Value =>
    mode === "reflect"
      ? builder.along(x, axis, start, count, -1)
      : builder.expand(builder.along(x, axis, place, 1), replaced(x.shape, axis, count));
  const parts = [
    ...(before > 0 ? [part(before, before, 0)] : []),
    x,
    ...(after > 0 ? [part(after, n - 2, n - 1)] : []),
  ];
  return builder.concat(parts, axis);
}
