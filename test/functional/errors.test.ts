import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/index.js";
import { vacancies } from "../support/arena.js";
import {
  type ActivationName,
  calls,
  everyBit,
  goodOperands,
  type Operands,
} from "../support/operands.js";
import type { Tensor } from "../support/subject.js";

// Each operand of each function in every wrong kind and shape: the class of the error, its whole message, nothing left
// allocated. What `expected` says is written out; sizes are nx = 3, na = 5, ny = 2, m = 4, T = 7.

const good = goodOperands();
const bits = everyBit(good);

/** An operand: what its messages expect, the axes that are not its own to decide, and what they say of a wrong rank. */
type Row = readonly [operand: string, expected: string, fixed: readonly number[], rank?: string];

const FORWARD = (first: string, x: string): readonly Row[] => [
  x === "x"
    ? ["x", `(nx, m, T) with nx = 3 (from ${first})`, [0]]
    : ["xt", `(nx, m) with nx = 3 (from ${first})`, [0]],
  [x === "x" ? "a0" : "aPrev", `(na, m) with na = 5, m = 4 (from ${first} and ${x})`, [0, 1]],
];
const FROM_FORWARD = "with na = 5, m = 4 (from the forward pass)";
const RNN: readonly Row[] = [
  ["rnn.Wax", "(na, nx), each at least 1", []],
  ["rnn.Waa", "(na, na) with na = 5 (from Wax)", [0, 1]],
  ["rnn.ba", "(na, 1) with na = 5 (from Wax)", [0, 1]],
  ["rnn.Wya", "(ny, na) with na = 5 (from Wax)", [1], "(ny, na), each at least 1"],
  ["rnn.by", "(ny, 1) with ny = 2 (from Wya)", [0, 1]],
];
const GATE = (gate: string): readonly Row[] => [
  [`lstm.W${gate}`, "(na, na + nx) with na = 5, na + nx = 8 (from Wf)", [0, 1]],
  [`lstm.b${gate}`, "(na, 1) with na = 5 (from Wf)", [0, 1]],
];
const LSTM: readonly Row[] = [
  ["lstm.Wf", "(na, na + nx), each at least 1", []],
  ["lstm.bf", "(na, 1) with na = 5 (from Wf)", [0, 1]],
  ...["i", "c", "o"].flatMap(GATE),
  ["lstm.Wy", "(ny, na) with na = 5 (from Wf)", [1], "(ny, na), each at least 1"],
  ["lstm.by", "(ny, 1) with ny = 2 (from Wy)", [0, 1]],
];
const FROM_WU = "with na = 5, na + nx = 8 (from Wu)";
const GRU: readonly Row[] = [
  ["gru.Wu", "(na, na + nx), each at least 1", []],
  ...["r", "c"].map((gate): Row => [`gru.W${gate}`, `(na, na + nx) ${FROM_WU}`, [0, 1]]),
  ...["bu", "br", "bc", "bch"].map(
    (name): Row => [`gru.${name}`, "(na, 1) with na = 5 (from Wu)", [0, 1]],
  ),
  ["gru.Wy", "(ny, na) with na = 5 (from Wu)", [1], "(ny, na), each at least 1"],
  ["gru.by", "(ny, 1) with ny = 2 (from Wy)", [0, 1]],
];
const TABLE: Partial<Record<ActivationName, readonly Row[]>> = {
  rnnCellForward: [...FORWARD("Wax", "xt"), ...RNN],
  rnnForward: [...FORWARD("Wax", "x"), ...RNN],
  rnnCellBackward: [["daNext", `(na, m) ${FROM_FORWARD}`, [0, 1]]],
  rnnBackward: [["da", `(na, m, T') ${FROM_FORWARD}`, [0, 1]]],
  lstmCellForward: [
    ...FORWARD("Wf", "xt"),
    ["cPrev", "(na, m) with na = 5, m = 4 (from Wf and xt)", [0, 1]],
    ...LSTM,
  ],
  lstmForward: [
    ...FORWARD("Wf", "x"),
    ["c0", "(na, m) with na = 5, m = 4 (from Wf and x)", [0, 1]],
    ...LSTM,
  ],
  lstmCellBackward: [
    ["daNext", `(na, m) ${FROM_FORWARD}`, [0, 1]],
    ["dcNext", `(na, m) ${FROM_FORWARD}`, [0, 1]],
  ],
  lstmBackward: [
    ["da", `(na, m, T') ${FROM_FORWARD}`, [0, 1]],
    ["dcLast", `(na, m) ${FROM_FORWARD}`, [0, 1]],
  ],
  gruCellForward: [...FORWARD("Wu", "xt"), ...GRU],
  gruForward: [...FORWARD("Wu", "x"), ...GRU],
  gruCellBackward: [["daNext", `(na, m) ${FROM_FORWARD}`, [0, 1]]],
  gruBackward: [["da", `(na, m, T') ${FROM_FORWARD}`, [0, 1]]],
};
const ROWS = Object.entries(TABLE).flatMap(([name, rows]) =>
  rows.map(([path, expected, fixed, rank = expected]) => {
    return { name: name as ActivationName, path, expected, fixed, rank };
  }),
);

/** The operands with another value at "x" or "rnn.Wax". New parameter objects: none of them is packed yet. */
function replaced(path: string, value: unknown): Operands {
  const [group = "", name] = path.split(".");
  const fresh = { ...good, rnn: { ...good.rnn }, lstm: { ...good.lstm }, gru: { ...good.gru } };
  const changed =
    name === undefined
      ? value
      : { ...(fresh as unknown as Record<string, object>)[group], [name]: value };
  return { ...fresh, [group]: changed } as Operands;
}

/** Calls, and says what was thrown; whatever it was, memory is as it was. */
function thrown(name: ActivationName, path: string, value: unknown): unknown {
  const before = vacancies(good.engine);
  try {
    calls[name](replaced(path, value));
  } catch (error) {
    expect(vacancies(good.engine)).toEqual(before);
    return error;
  }
  throw new Error(`${name} took ${path} = ${JSON.stringify(value)}`);
}

const original = (path: string): Tensor =>
  path
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], good) as Tensor;

const format = (shape: readonly number[]): string =>
  shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;

const ofShape = (...shape: number[]): Tensor => ({
  shape,
  data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)),
});

describe.each(ROWS)("$name: $path: expected $expected", (row) => {
  const { name, path, expected, fixed, rank } = row;
  const { shape, data } = original(path);
  const operand = path.split(".").at(-1);
  const label = `${name}: ${operand}:`;

  it("wrong kinds are TypeErrors", () => {
    const kinds: [unknown, string][] = [
      [null, "null"],
      [5, "number"],
      ["text", "string"],
      [[1, 2], "shape: undefined"],
      [data, "shape: undefined"],
      [{ shape: "34", data }, "shape: string"],
      [{ shape }, "data: undefined"],
      [{ shape, data: [...data] }, "data: Array"],
      [{ shape, data: new Float32Array(data) }, "data: Float32Array"],
    ];
    // These two may be absent.
    if (path !== "c0" && path !== "dcLast") kinds.push([undefined, "undefined"]);
    for (const [value, got] of kinds) {
      const message = `${label} expected a tensor { shape, data: Float64Array }, got ${got}`;
      expect(thrown(name, path, value)).toStrictEqual(new TypeError(message));
    }
  });

  it("wrong ranks and extents are ShapeErrors", () => {
    for (const wrong of [[...shape, 1], shape.slice(0, -1), []]) {
      const message = `${label} expected ${rank}, got ${format(wrong)}`;
      expect(thrown(name, path, ofShape(...wrong))).toStrictEqual(new ShapeError(message));
    }
    for (const axis of fixed) {
      for (const change of [-1, 1]) {
        const wrong = shape.map((extent, i) => extent + (i === axis ? change : 0));
        const said = wrong.includes(0) ? rank : expected;
        const message = `${label} expected ${said}, got ${format(wrong)}`;
        expect(thrown(name, path, ofShape(...wrong))).toStrictEqual(new ShapeError(message));
      }
    }
  });

  it("tensors that contradict themselves are ShapeErrors", () => {
    const short = `${label} shape ${format(shape)} asks for ${data.length} elements, data has ${data.length - 1}`;
    expect(thrown(name, path, { shape, data: data.subarray(1) })).toStrictEqual(
      new ShapeError(short),
    );
    for (const extent of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      const wrong = [extent, ...shape.slice(1)];
      const message = `${label} shape: expected integers ≥ 0, got ${format(wrong)}`;
      expect(thrown(name, path, { shape: wrong, data })).toStrictEqual(new ShapeError(message));
    }
    const vast = [2 ** 30, 2 ** 30];
    const many = `${label} shape: ${format(vast)} has too many elements`;
    expect(thrown(name, path, { shape: vast, data })).toStrictEqual(new ShapeError(many));
  });
});

it("after all of them every function gives the same bits", () => {
  expect(everyBit(good)).toBe(bits);
});
