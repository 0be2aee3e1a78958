import { formatShape } from "../../tensor.js";
import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import { replaced, sameShape, sizeOf, type Value } from "../value.js";
import { around } from "./reduce.js";

/** Picks along one axis. One known index, or a known run of them, is a view. */
export function gather(node: Node, builder: Builder): Value | Value[] {
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const extents = around(x.shape, axis);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  if (indices.data !== undefined) {
    const wrong = indices.data.find(
      (i) => !(Number.isInteger(i) && i >= -extents.n && i < extents.n),
    );
    if (wrong !== undefined) {
      const range = `${-extents.n} … ${extents.n - 1}`;
      builder.fail("graph", `indices: expected integers in ${range}, got ${wrong}`);
    }
    const [first = 0] = indices.data;
    const start = first < 0 ? first + extents.n : first;
    if (indices.size === 1) return builder.reshape(builder.along(x, axis, start, 1), shape);
  }
  return builder.add("gather", [x, indices], [{ ...x, shape }], extents);
}

function gatherElements(node: Node, builder: Builder): Value[] {
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const { shape } = indices;
  const fits =
    shape.length === x.shape.length &&
    shape.every((extent, i) => i === axis || extent <= (x.shape[i] as number));
  if (!fits) {
    const got = `${formatShape(shape)} for ${formatShape(x.shape)}`;
    builder.fail("shape", `indices: expected a shape within that of the data, got ${got}`);
  }
  // Only the part that the indices' other axes reach is looked at.
  const n = x.shape[axis] as number;
  const part = builder.slice(
    x,
    replaced(shape, axis, n),
    shape.map(() => 0),
  );
  const count = shape[axis] as number;
  const extents = { ...around(part.shape, axis), count };
  return builder.add("gatherElements", [part, indices], [{ ...x, shape }], extents);
}

function scatterND(node: Node, builder: Builder): Value[] {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const reduction = node.text("reduction", "none");
  if (reduction !== "none") {
    builder.fail("attribute", `reduction: expected none, got ${reduction.slice(0, 32)}`);
  }
  const depth = indices.shape.at(-1) ?? 0;
  const rank = x.shape.length;
  if (indices.shape.length === 0 || depth > rank) {
    builder.fail(
      "shape",
      `indices: expected tuples of ≤ ${rank}, got ${formatShape(indices.shape)}`,
    );
  }
  const extents = x.shape.slice(0, depth);
  const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
  if (!sameShape(updates.shape, expected)) {
    const got = formatShape(updates.shape);
    builder.fail("shape", `updates: expected ${formatShape(expected)}, got ${got}`);
  }
  const given = {
    extents,
    block: sizeOf(x.shape.slice(depth)),
    count: sizeOf(indices.shape.slice(0, -1)),
  };
  const same = builder.convert(updates, x.kind, x.precision);
  return builder.add("scatter", [x, indices, same], [x], given);
}

/** Off and on; indices outside −depth … depth − 1 are off everywhere. */
function oneHot(node: Node, builder: Builder): Value {
  const [indices, depth, values] = [node.input(0), node.list(1, 1), node.input(2)];
  const [n = 0] = depth;
  const axis = node.axis(node.int("axis", -1), indices.shape.length + 1);
  const along = [n, ...indices.shape.slice(axis).map(() => 1)];
  builder.checkShape(along);
  const hits = [0, -n].map((first) => {
    const places = builder.integers(
      Array.from({ length: n }, (_, i) => first + i),
      along,
    );
    const shape = [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)];
    return builder.binary("equal", builder.reshape(indices, shape), places, "bool");
  }) as [Value, Value];
  const [off, on] = [0, 1].map((i) => builder.reshape(builder.along(values, 0, i, 1), [])) as [
    Value,
    Value,
  ];
  return builder.select(builder.binary("or", ...hits), on, off);
}

function top(node: Node, builder: Builder): Value[] {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", -1), x.shape.length);
  const extents = around(x.shape, axis);
  const k = node.opset < 10 ? node.int("k") : (node.list(1, 1)[0] ?? 0);
  if (!(k >= 0 && k <= extents.n)) builder.fail("shape", `k: expected 0 … ${extents.n}, got ${k}`);
  const shape = replaced(x.shape, axis, k);
  const outputs = [
    { ...x, shape },
    { kind: "int", precision: "f64", shape },
  ] as const;
  // The kernel inserts into a sorted list: n · k.
  const work = x.size * k;
  return builder.add("top", [x], outputs, {
    largest: node.flag("largest", true),
    ...extents,
    k,
    work,
  });
}

export const indexingOperators = (): Readonly<Record<string, Operator>> => ({
  Gather: gather,
  GatherElements: gatherElements,
  OneHot: oneHot,
  ScatterND: scatterND,
  TopK: top,
});
