import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectSaid } from "../support/errors.js";
import {
  allBits,
  calls,
  type FunctionName,
  goodOperands,
  type Operands,
} from "../support/operands.js";
import type { Tensor } from "../support/subject.js";

// Each operand of each function in every wrong kind and shape: the class of the error, what its message names (the
// operand, its letters, what was found), nothing left allocated. Sizes are nx = 3, na = 5, ny = 2, m = 4, T = 7.

const good = goodOperands();
const bits = allBits(good.engine, good);

/** An operand, the letters of its shape, and those axes that others decide. */
type Row = readonly [operand: string, letters: string, fixed: readonly number[]];

const INPUT: Row = ["x", "(nx, m, T)", [0]];
const STEP: Row = ["xt", "(nx, m)", [0]];
const state = (name: string): Row => [name, "(na, m)", [0, 1]];
const rows = (...names: string[]): readonly Row[] =>
  names.map((name): Row => [name, "(na, 1)", [0, 1]]);
const gates = (...names: string[]): readonly Row[] =>
  names.map((name): Row => [name, "(na, na + nx)", [0, 1]]);
const output = (cell: string, W: string): readonly Row[] => [
  [`${cell}.${W}`, "(ny, na)", [1]],
  [`${cell}.by`, "(ny, 1)", [0, 1]],
];
const RNN: readonly Row[] = [
  ["rnn.Wax", "(na, nx)", []],
  ["rnn.Waa", "(na, na)", [0, 1]],
  ...rows("rnn.ba"),
  ...output("rnn", "Wya"),
];
const LSTM: readonly Row[] = [
  ["lstm.Wf", "(na, na + nx)", []],
  ...gates("lstm.Wi", "lstm.Wc", "lstm.Wo"),
  ...rows("lstm.bf", "lstm.bi", "lstm.bc", "lstm.bo"),
  ...output("lstm", "Wy"),
];
const GRU: readonly Row[] = [
  ["gru.Wu", "(na, na + nx)", []],
  ...gates("gru.Wr", "gru.Wc"),
  ...rows("gru.bu", "gru.br", "gru.bc", "gru.bch"),
  ...output("gru", "Wy"),
];
const GRADIENT: Row = ["da", "(na, m, T')", [0, 1]];
const TABLE: Partial<Record<FunctionName, readonly Row[]>> = {
  rnnCellForward: [STEP, state("aPrev"), ...RNN],
  rnnForward: [INPUT, state("a0"), ...RNN],
  rnnCellBackward: [state("daNext")],
  rnnBackward: [GRADIENT],
  lstmCellForward: [STEP, state("aPrev"), state("cPrev"), ...LSTM],
  lstmForward: [INPUT, state("a0"), state("c0"), ...LSTM],
  lstmCellBackward: [state("daNext"), state("dcNext")],
  lstmBackward: [GRADIENT, state("dcLast")],
  gruCellForward: [STEP, state("aPrev"), ...GRU],
  gruForward: [INPUT, state("a0"), ...GRU],
  gruCellBackward: [state("daNext")],
  gruBackward: [GRADIENT],
};
const ROWS = Object.entries(TABLE).flatMap(([name, rows]) =>
  rows.map(([path, letters, fixed]) => {
    return { name: name as FunctionName, path, letters, fixed };
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
function thrown(name: FunctionName, path: string, value: unknown): unknown {
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

describe.each(ROWS)("$name: $path: expected $letters", ({ name, path, letters, fixed }) => {
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
      expectSaid(thrown(name, path, value), TypeError, `${label} …${got}`);
    }
  });

  it("wrong ranks and extents are ShapeErrors", () => {
    const extents = fixed.flatMap((axis) =>
      [-1, 1].map((change) => shape.map((extent, i) => extent + (i === axis ? change : 0))),
    );
    for (const wrong of [[...shape, 1], shape.slice(0, -1), [], ...extents]) {
      const message = `${label} …${letters}… got ${format(wrong)}`;
      expectSaid(thrown(name, path, ofShape(...wrong)), ShapeError, message);
    }
  });

  it("tensors that contradict themselves are ShapeErrors", () => {
    const short = { shape, data: data.subarray(1) };
    expectSaid(thrown(name, path, short), ShapeError, `${label} …${data.length - 1}`);
    for (const extent of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      const wrong = [extent, ...shape.slice(1)];
      const message = `${label} shape: … got ${format(wrong)}`;
      expectSaid(thrown(name, path, { shape: wrong, data }), ShapeError, message);
    }
    const vast = { shape: [2 ** 30, 2 ** 30], data };
    expectSaid(thrown(name, path, vast), ShapeError, `${label} shape: …${format(vast.shape)}…`);
  });
});

it.each([
  [TypeError, null, "rnnForward: Waa: expected a tensor { shape, data: Float64Array }, got null"],
  [
    ShapeError,
    ofShape(5, 4),
    "rnnForward: Waa: expected (na, na) with na = 5 (from Wax), got (5, 4)",
  ],
  [
    ShapeError,
    { shape: [5, 5], data: new Float64Array(24) },
    "rnnForward: Waa: shape (5, 5) asks for 25 elements, data has 24",
  ],
  [
    ShapeError,
    { shape: [0.5, 5], data: new Float64Array(25) },
    "rnnForward: Waa: shape: expected integers ≥ 0, got (0.5, 5)",
  ],
  [
    ShapeError,
    { shape: [2 ** 30, 2 ** 30], data: new Float64Array(25) },
    "rnnForward: Waa: shape: (1073741824, 1073741824) has too many elements",
  ],
] as const)("the whole sentence, %#", (kind, value, message) => {
  expectSaid(thrown("rnnForward", "rnn.Waa", value), kind, message);
});

it.each([
  ["x", "x: expected (nx, m, T) with nx = 3 (from Wax), got (3,)"],
  ["a0", "a0: expected (na, m) with na = 5, m = 4 (from Wax and x), got (3,)"],
  ["rnn.Wax", "Wax: expected (na, nx), each at least 1, got (3,)"],
] as const)("the whole sentence of a wrong shape of %s", (path, message) => {
  expectSaid(thrown("rnnForward", path, ofShape(3)), ShapeError, `rnnForward: ${message}`);
});

it("after all of them every function gives the same bits", () => {
  expect(allBits(good.engine, good)).toBe(bits);
});
