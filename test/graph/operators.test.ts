import { afterAll, describe, expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { type GraphInput, openGraph } from "../../src/onnx.js";
import { DOUBLE, INT64, model, type NodeSpec } from "../formats/onnx/writer.js";
import * as oracle from "../oracle/graph.js";
import { get, type Tensor, zeros } from "../oracle/tensor.js";
import { uniform } from "../support/random.js";
import { ABOVE_0, BINARY, REDUCED, UNARY } from "./plain_functions.js";

// Operators that the drawn graphs (draw.ts) leave out, each against a plain loop: as a run, and folded at opening.

const engine = createEngineSync();
afterAll(() => engine.dispose());

const BOOL = 9;
interface Operand {
  readonly tensor: Tensor;
  readonly dtype: number;
}

const next = uniform(11);
const floats = (...shape: number[]): Operand => ({
  tensor: { shape, data: zeros(...shape).data.map(() => 3 * next()) },
  dtype: DOUBLE,
});
const above0 = (...shape: number[]): Operand => ({
  tensor: { shape, data: zeros(...shape).data.map(() => 0.1 + Math.abs(next())) },
  dtype: DOUBLE,
});
const truths = (...shape: number[]): Operand => ({
  tensor: { shape, data: zeros(...shape).data.map(() => Number(next() > 0)) },
  dtype: BOOL,
});
const values = (list: readonly number[], shape = [list.length], dtype = DOUBLE): Operand => ({
  tensor: { shape, data: Float64Array.from(list) },
  dtype,
});
const ints = (list: readonly number[], shape = [list.length]) => values(list, shape, INT64);

interface Case {
  readonly title?: string;
  readonly operator: string;
  readonly inputs: readonly Operand[];
  readonly attributes?: NodeSpec["attributes"];
  /** Inputs that must be known at opening. */
  readonly known?: readonly number[];
  /** One tensor for each output. */
  readonly expected: (...tensors: Tensor[]) => readonly Tensor[];
}

const one =
  (f: (...tensors: Tensor[]) => Tensor) =>
  (...tensors: Tensor[]): Tensor[] => [f(...tensors)];

/** The places of a line of x along an axis, ordered by `before`. */
function order(x: Tensor, axis: number, index: readonly number[], largest: boolean): number[] {
  const at = (k: number) => get(x, ...index.map((i, a) => (a === axis ? k : i)));
  const places = Array.from({ length: x.shape[axis] as number }, (_, k) => k);
  return places.sort((a, b) => (largest ? at(b) - at(a) : at(a) - at(b)) || a - b);
}

const arg = (axis: number, largest: boolean) => (x: Tensor) =>
  oracle.build(
    x.shape.map((n, i) => (i === axis ? 1 : n)),
    (index) => order(x, axis, index, largest)[0] as number,
  );

function scattered(x: Tensor, indices: Tensor, updates: Tensor): Tensor {
  const data = [...x.data];
  const depth = indices.shape.at(-1) as number;
  const block = oracle.size(x.shape.slice(depth));
  for (let i = 0; i < indices.data.length / depth; i++) {
    let place = 0;
    for (let k = 0; k < depth; k++) {
      const at = indices.data[i * depth + k] as number;
      const extent = x.shape[k] as number;
      place = place * extent + (at < 0 ? at + extent : at);
    }
    for (let j = 0; j < block; j++) {
      data[place * block + j] = updates.data[i * block + j] as number;
    }
  }
  return { shape: x.shape, data: Float64Array.from(data) };
}

/** Along axis 1, whose places have constants of their own. */
const perChannel = (x: Tensor, f: (value: number, channel: number) => number): Tensor =>
  oracle.build(x.shape, (index) => f(get(x, ...index), index[1] as number));

const matrix = [floats(3, 4), floats(4, 2), floats(2)] as const;
const batch = [floats(2, 3, 4), floats(3), floats(3), floats(3), above0(3)] as const;

const cases: readonly Case[] = [
  ...Object.entries(UNARY).map(
    ([operator, f]): Case => ({
      operator,
      inputs: [
        ABOVE_0.includes(operator)
          ? above0(2, 9)
          : values([-2.5, -1.5, -0.5, -0.2, 0, 0.3, 0.5, 1, 1.5, 2.5, 2.9]),
      ],
      expected: one((x) => oracle.map(x, f)),
    }),
  ),
  ...Object.entries(BINARY).map(([operator, f]): Case => {
    const isLogic = ["And", "Or", "Xor"].includes(operator);
    const isEqual = /Equal/.test(operator);
    const a = isLogic ? truths(3, 1, 4) : isEqual ? values([1, 2, 3, 4], [1, 4]) : above0(3, 1, 4);
    const b = isLogic ? truths(2, 4) : isEqual ? values([1, 3, 3, 9, 2, 2], [6, 1]) : floats(2, 4);
    return { operator, inputs: [a, b], expected: one((x, y) => oracle.combine(f as never, x, y)) };
  }),
  ...Object.entries(REDUCED).flatMap(([operator, f]): Case[] =>
    [[0], [1], [0, 2]].map((axes) => ({
      title: `${operator} over ${axes}`,
      operator,
      inputs: [above0(2, 3, 4), ints(axes)],
      attributes: { keepdims: 0 },
      known: [1],
      expected: one((x) => oracle.reduce(x, axes, false, f)),
    })),
  ),
  {
    operator: "Clip",
    inputs: [floats(2, 5), values([-1], []), values([0.5], [])],
    expected: one((x) => oracle.map(x, (value) => Math.min(Math.max(value, -1), 0.5))),
  },
  {
    title: "Mod of floats, the sign of the dividend",
    operator: "Mod",
    inputs: [floats(7), above0(7)],
    attributes: { fmod: 1 },
    expected: one((a, b) => oracle.combine((x, y) => (x as number) % (y as number), a, b)),
  },
  {
    title: "Mod of integers, the sign of the divisor",
    operator: "Mod",
    inputs: [ints([-4, 7, 5, 4, -7, 8]), ints([2, -3, 8, -2, 3, 5])],
    expected: one((a, b) =>
      oracle.combine(
        (...[x, y]) => {
          const [dividend, divisor] = [x as number, y as number];
          return dividend - divisor * Math.floor(dividend / divisor);
        },
        a,
        b,
      ),
    ),
  },
  {
    operator: "Not",
    inputs: [truths(8)],
    expected: one((x) => oracle.map(x, (value) => 1 - value)),
  },
  {
    operator: "IsNaN",
    inputs: [values([1, Number.NaN, Number.POSITIVE_INFINITY])],
    expected: one((x) => oracle.map(x, (value) => Number(Number.isNaN(value)))),
  },
  {
    title: "Cast to integers, towards zero",
    operator: "Cast",
    inputs: [values([-2.7, -0.2, 0.9, 3.5])],
    attributes: { to: INT64 },
    expected: one((x) => oracle.map(x, Math.trunc)),
  },
  {
    operator: "Sum",
    inputs: [floats(2, 3), floats(3), floats(2, 1)],
    expected: one((...all) => oracle.combine((...list) => list.reduce((a, b) => a + b), ...all)),
  },
  {
    operator: "Mean",
    inputs: [floats(2, 3), floats(3), floats(2, 1)],
    expected: one((...all) =>
      oracle.combine((...list) => list.reduce((a, b) => a + b) / list.length, ...all),
    ),
  },
  ...[0, 1, 2].flatMap((axis): Case[] => [
    {
      title: `ArgMax along ${axis}`,
      operator: "ArgMax",
      inputs: [floats(3, 4, 2)],
      attributes: { axis },
      expected: one(arg(axis, true)),
    },
    {
      title: `ArgMin along ${axis}`,
      operator: "ArgMin",
      inputs: [floats(3, 4, 2)],
      attributes: { axis },
      expected: one(arg(axis, false)),
    },
    {
      title: `TopK along ${axis}`,
      operator: "TopK",
      inputs: [floats(3, 4, 2), ints([2])],
      attributes: { axis, largest: axis % 2 },
      known: [1],
      expected: (x) => {
        const shape = x.shape.map((n, i) => (i === axis ? 2 : n));
        const place = (index: readonly number[]): number =>
          order(x, axis, index, axis % 2 === 1)[index[axis] as number] as number;
        const top = oracle.build(shape, (index) =>
          get(x, ...index.map((i, a) => (a === axis ? place(index) : i))),
        );
        return [top, oracle.build(shape, place)];
      },
    },
    {
      title: `GatherElements along ${axis}`,
      operator: "GatherElements",
      inputs: [floats(3, 4, 2), ints([1, 0, -1, 1, 0, 1, -2, 0], [2, 2, 2])],
      attributes: { axis },
      expected: one((x, indices) =>
        oracle.build(indices.shape, (index) => {
          const at = get(indices, ...index);
          const from = at < 0 ? at + (x.shape[axis] as number) : at;
          return get(x, ...index.map((i, a) => (a === axis ? from : i)));
        }),
      ),
    },
    {
      title: `OneHot along ${axis}`,
      operator: "OneHot",
      inputs: [ints([0, 2, -1, 5, -4, 1], [2, 3]), ints([4], []), values([-0.5, 2])],
      attributes: { axis },
      known: [1],
      expected: one((indices) => {
        const shape = [...indices.shape.slice(0, axis), 4, ...indices.shape.slice(axis)];
        return oracle.build(shape, (index) => {
          const at = get(indices, ...index.filter((_, i) => i !== axis));
          return (at < 0 ? at + 4 : at) === index[axis] ? 2 : -0.5;
        });
      }),
    },
  ]),
  {
    title: "ScatterND of elements",
    operator: "ScatterND",
    inputs: [floats(3, 4), ints([0, 1, 2, -1], [2, 2]), floats(2)],
    expected: one(scattered),
  },
  {
    title: "ScatterND of rows",
    operator: "ScatterND",
    inputs: [floats(3, 4), ints([2, 0], [2, 1]), floats(2, 4)],
    expected: one(scattered),
  },
  {
    operator: "Flatten",
    inputs: [floats(2, 3, 4)],
    attributes: { axis: 2 },
    expected: one((x) => oracle.reshape(x, [6, 4])),
  },
  {
    operator: "Squeeze",
    inputs: [floats(2, 1, 3, 1), ints([1])],
    known: [1],
    expected: one((x) => oracle.reshape(x, [2, 3, 1])),
  },
  {
    operator: "Shape",
    inputs: [floats(2, 1, 3)],
    expected: one(({ shape }) => ({ shape: [shape.length], data: Float64Array.from(shape) })),
  },
  {
    operator: "Size",
    inputs: [floats(2, 1, 3)],
    expected: one(({ data }) => ({ shape: [], data: Float64Array.of(data.length) })),
  },
  {
    operator: "ConstantOfShape",
    inputs: [ints([2, 3])],
    attributes: { value: { shape: [1], data: Float64Array.of(1.5) } },
    known: [0],
    expected: one(() => oracle.build([2, 3], () => 1.5)),
  },
  {
    operator: "Range",
    inputs: [values([5], []), values([-1], []), values([-1.5], [])],
    known: [0, 1, 2],
    expected: one(() => ({ shape: [4], data: Float64Array.of(5, 3.5, 2, 0.5) })),
  },
  {
    title: "Gemm with A transposed, α and β",
    operator: "Gemm",
    inputs: [floats(4, 3), ...matrix.slice(1)],
    attributes: { transA: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
    expected: one((a, b, c) =>
      oracle.combine(
        (x, y) => 0.5 * (x as number) + 2 * (y as number),
        oracle.matmul(oracle.transpose(a, [1, 0]), b),
        c,
      ),
    ),
  },
  {
    operator: "BatchNormalization",
    inputs: batch,
    expected: one((x, scale, bias, mean, variance) =>
      perChannel(x, (value, c) => {
        const deviation = Math.sqrt(get(variance, c) + Math.fround(1e-5));
        return ((value - get(mean, c)) / deviation) * get(scale, c) + get(bias, c);
      }),
    ),
    attributes: { epsilon: { float: 1e-5 } },
  },
  {
    operator: "InstanceNormalization",
    inputs: batch.slice(0, 3),
    attributes: { epsilon: { float: 1e-3 } },
    expected: one((x, scale, bias) =>
      perChannel(
        oracle.normalise(x, 2, Math.fround(1e-3)),
        (value, c) => value * get(scale, c) + get(bias, c),
      ),
    ),
  },
  {
    operator: "GlobalAveragePool",
    inputs: [floats(2, 3, 4, 5)],
    expected: one((x) =>
      oracle.reduce(x, [2, 3], true, (list) => list.reduce((a, b) => a + b) / list.length),
    ),
  },
  {
    operator: "GlobalMaxPool",
    inputs: [floats(2, 3, 4)],
    expected: one((x) => oracle.reduce(x, [2], true, (list) => Math.max(...list))),
  },
];

/** The operator as a graph, and what is given for its inputs. */
function graphOf({ operator, inputs, attributes = {}, expected }: Case) {
  const names = inputs.map((_, i) => `x${i}`);
  const wanted = expected(...inputs.map(({ tensor }) => tensor));
  const outputs = wanted.map((_, i) => `y${i}`);
  const bytes = model({
    opset: 20,
    nodes: [{ operator, inputs: names, outputs, attributes }],
    inputs: inputs.map(({ tensor, dtype }, i) => [`x${i}`, dtype, tensor.shape] as const),
    outputs: outputs.map((name) => [name, DOUBLE] as const),
  });
  const given = Object.fromEntries(
    inputs.map(({ tensor: { shape, data }, dtype }, i) => [
      `x${i}`,
      { shape, data: dtype === DOUBLE ? data : Array.from(data) },
    ]),
  );
  return { bytes, given, names, wanted };
}

describe("plain loops in float64, within 1e-12 of the larger of 1 and the number", () => {
  it.each(cases.map((each) => [each.title ?? each.operator, each] as const))("%s", (_, each) => {
    const { bytes, given, names, wanted } = graphOf(each);
    for (const known of [(each.known ?? []).map((i) => names[i] as string), names]) {
      const fixed = known.map((name) => [name, given[name] as GraphInput]);
      const graph = openGraph(engine, bytes, { inputs: Object.fromEntries(fixed) });
      const outputs = graph.run(given);
      wanted.forEach(({ shape, data }, i) => {
        const got = outputs[`y${i}`];
        expect(got?.shape).toEqual([...shape]);
        const faults = Array.from(data).filter((want, k) => {
          const value = Number(got?.data[k]);
          return !(Math.abs(value - want) <= 1e-12 * Math.max(1, Math.abs(want)));
        });
        expect(faults).toEqual([]);
      });
      graph.dispose();
    }
  });
});
