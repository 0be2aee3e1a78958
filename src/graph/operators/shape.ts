import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import { allocate, broadcast, itemOf, MAX_RANK, replaced, sizeOf, type Value } from "../value.js";

/** Axes from an attribute (before `since`) or from input i. */
export function axesOf(node: Node, since: number, i = 1): readonly number[] | undefined {
  if (node.opset < since) return node.ints("axes");
  return node.optional(i) === undefined ? undefined : node.list(i);
}

function reshape(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const wanted = node.opset < 5 ? [...(node.ints("shape") ?? [])] : node.list(1, MAX_RANK);
  const keepZeros = node.flag("allowzero");
  const shape = wanted.map((extent, i) => {
    if (extent !== 0 || keepZeros) return extent;
    return (
      x.shape[i] ?? builder.fail("shape", `expected 0 only for an axis that x has, got axis ${i}`)
    );
  });
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = shape.reduce((size, extent, i) => (i === open ? size : size * extent), 1);
    const extent = rest === 0 ? 0 : x.size / rest;
    if (!Number.isInteger(extent) || (rest === 0 && x.size > 0)) {
      builder.fail("shape", `expected a shape of ${x.size} elements, got (${shape.join(", ")})`);
    }
    shape[open] = extent;
  }
  return builder.reshape(x, shape);
}

function squeeze(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const rank = x.shape.length;
  const given = axesOf(node, 13);
  const axes = given === undefined ? undefined : node.axes(given, rank);
  const wrong = axes?.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) {
    builder.fail("shape", `axis ${wrong}: expected an extent of 1, got ${x.shape[wrong]}`);
  }
  const goes = (i: number): boolean => (axes === undefined ? x.shape[i] === 1 : axes.includes(i));
  return builder.reshape(
    x,
    x.shape.filter((_, i) => !goes(i)),
  );
}

function unsqueeze(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const given = axesOf(node, 13) ?? [];
  const rank = x.shape.length + given.length;
  if (rank > MAX_RANK) builder.checkShape(new Array(rank).fill(1));
  const axes = node.axes(given, rank);
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, i) =>
    axes.includes(i) ? 1 : (rest.shift() as number),
  );
  return builder.reshape(x, shape);
}

function flatten(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const rank = x.shape.length;
  const axis = node.int("axis", 1);
  const cut = axis === rank ? rank : node.axis(axis, Math.max(rank, 1));
  return builder.reshape(x, [sizeOf(x.shape.slice(0, cut)), sizeOf(x.shape.slice(cut))]);
}

function transpose(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const rank = x.shape.length;
  const order = node.ints("perm") ?? x.shape.map((_, i) => rank - 1 - i);
  if (order.length !== rank)
    builder.fail("attribute", `perm: expected ${rank} axes, got ${order.length}`);
  return builder.permute(x, node.axes(order, rank));
}

/** Begin, end and step of one axis, as numpy has them; what lies outside is cut off. */
function cut(extent: number, begin: number, end: number, step: number): [number, number] {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? extent : extent - 1;
  const clamp = (place: number): number =>
    Math.min(Math.max(place < 0 ? place + extent : place, low), high);
  const start = clamp(begin);
  return [start, Math.max(Math.ceil((clamp(end) - start) / step), 0)];
}

function slice(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const rank = x.shape.length;
  const old = node.opset < 10;
  const begins = old ? (node.ints("starts") ?? []) : node.list(1);
  const ends = old ? (node.ints("ends") ?? []) : node.list(2);
  const given = old ? node.ints("axes") : node.optional(3) && node.list(3);
  const axes = node.axes(given ?? begins.map((_, i) => i), rank);
  const steps = old || node.optional(4) === undefined ? axes.map(() => 1) : node.list(4);
  if (new Set([begins.length, ends.length, axes.length, steps.length]).size !== 1) {
    builder.fail("shape", "expected as many starts as ends, axes and steps");
  }
  const shape = [...x.shape];
  const starts = shape.map(() => 0);
  const strides = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const step = steps[i] as number;
    if (step === 0) builder.fail("attribute", "steps: expected integers ≠ 0, got 0");
    const [start, count] = cut(shape[axis] as number, begins[i] as number, ends[i] as number, step);
    starts[axis] = count === 0 ? 0 : start;
    shape[axis] = count;
    strides[axis] = step;
  });
  return builder.slice(x, shape, starts, strides);
}

function split(node: Node, builder: Builder): Value[] {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const extent = x.shape[axis] as number;
  const outputs = node.outputCount;
  const given = node.opset < 13 ? node.ints("split") : node.optional(1) && node.list(1, outputs);
  const each = Math.ceil(extent / outputs);
  const sizes =
    given ??
    Array.from({ length: outputs }, (_, i) => Math.max(Math.min(each, extent - i * each), 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length !== outputs || total !== extent || sizes.some((size) => size < 0)) {
    builder.fail("shape", `expected ${outputs} sizes ≥ 0 that add up to ${extent}, got ${sizes}`);
  }
  let start = 0;
  return sizes.map((size) => {
    const part = builder.along(x, axis, start, size);
    start += size;
    return part;
  });
}

function concat(node: Node, builder: Builder): Value {
  let values: Value[] = node.inputs();
  const first = node.input(0);
  const rank = first.shape.length;
  const axis = node.axis(node.int("axis", 1), rank);
  for (const { shape } of values) {
    if (
      shape.length === rank &&
      shape.every((extent, i) => i === axis || extent === first.shape[i])
    ) {
      continue;
    }
    builder.fail("shape", `expected shapes that differ in axis ${axis} only, got (${shape})`);
  }
  if (values.some(({ precision }) => precision !== first.precision)) {
    values = values.map((value) => builder.convert(value, value.kind, "f64"));
  }
  return builder.concat(values, axis);
}

function expand(node: Node, builder: Builder): Value {
  const x = node.input(0);
  const wanted = node.list(1, MAX_RANK);
  const shape = broadcast(x.shape, wanted);
  if (shape === undefined) {
    return builder.fail("shape", `expected a shape that (${x.shape}) fits, got (${wanted})`);
  }
  return builder.expand(x, shape);
}

/** One axis after the other, as (outer, 1, rest) expanded to (outer, r, rest). */
function tile(node: Node, builder: Builder): Value {
  let x = node.input(0);
  const repeats = node.list(1, MAX_RANK);
  if (repeats.length !== x.shape.length || repeats.some((r) => r < 0)) {
    builder.fail("shape", `expected ${x.shape.length} integers ≥ 0, got (${repeats})`);
  }
  repeats.forEach((r, axis) => {
    if (r === 1) return;
    const outer = sizeOf(x.shape.slice(0, axis));
    const rest = sizeOf(x.shape.slice(axis));
    const shape = replaced(x.shape, axis, (x.shape[axis] as number) * r);
    const apart = builder.reshape(x, [outer, 1, rest]);
    x = builder.reshape(builder.expand(apart, [outer, r, rest]), shape);
  });
  return x;
}

function shapeOf(node: Node, builder: Builder): Value {
  const { shape } = node.input(0);
  return builder.integers(
    shape.slice(node.int("start", 0), node.has("end") ? node.int("end") : undefined),
  );
}

function constantOfShape(node: Node, builder: Builder): Value {
  const shape = node.list(0, MAX_RANK);
  builder.checkShape(shape);
  const value = node.tensor("value");
  const { kind, precision, data } = value ?? {
    kind: "float" as const,
    precision: builder.precision,
    data: undefined,
  };
  builder.count(sizeOf(shape) * itemOf(precision));
  return builder.constant(kind, shape, allocate(precision, sizeOf(shape)).fill(data?.[0] ?? 0));
}

function range(node: Node, builder: Builder): Value {
  const values = node.inputs();
  const { kind, precision } = node.input(0);
  const [start, limit, delta] = values.map((value) => builder.numbers(value)[0]) as number[];
  const count = Math.max(Math.ceil(((limit as number) - (start as number)) / (delta as number)), 0);
  if (!Number.isFinite(count)) builder.fail("shape", "expected a range of finite length");
  builder.count(count * itemOf(precision));
  const data = allocate(precision, count);
  for (let i = 0; i < count; i++) data[i] = (start as number) + i * (delta as number);
  return builder.constant(kind, [count], data);
}

function constant(node: Node, builder: Builder): Value {
  const value = node.tensor("value");
  if (value !== undefined) return value;
  if (node.has("value_int")) return builder.integers([node.int("value_int")], []);
  const scalar = { kind: "float", precision: builder.precision } as const;
  if (node.has("value_float")) return builder.scalar(scalar, node.float("value_float"));
  const { ints, floats } = node.attribute("value_ints") ?? node.attribute("value_floats") ?? {};
  if (node.has("value_ints")) return builder.integers(ints ?? []);
  if (!node.has("value_floats")) {
    return builder.fail("attribute", "expected a tensor, numbers or a number");
  }
  const list = floats ?? [];
  builder.count(list.length * itemOf(builder.precision));
  const data = allocate(builder.precision, list.length);
  data.set(list);
  return builder.constant("float", [list.length], data);
}

export const shapeOperators = (): Readonly<Record<string, Operator>> => ({
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  Shape: shapeOf,
  Size: (node, builder) => builder.integers([node.input(0).size], []),
  ConstantOfShape: constantOfShape,
  Range: range,
  Constant: constant,
});
