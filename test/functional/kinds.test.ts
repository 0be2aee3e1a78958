import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/index.js";
import { vacancies } from "../support/arena.js";
import {
  type ActivationName,
  calls,
  everyBit,
  functionNames,
  goodOperands,
  type Operands,
} from "../support/operands.js";

// Operands that are no tensors: engines, caches, parameter objects, targets, options. Sizes: na = 5, ny = 2, m = 4, T = 7.

const good = goodOperands();
const bits = everyBit(good);

/** What a call with other operands throws; whatever it is, memory is as it was. */
function thrown(name: ActivationName, others: { [K in keyof Operands]?: unknown }): unknown {
  const before = vacancies(good.engine);
  try {
    calls[name]({ ...good, ...others } as Operands);
  } catch (error) {
    expect(vacancies(good.engine)).toEqual(before);
    return error;
  }
  throw new Error(`${name} took ${JSON.stringify(Object.keys(others))}`);
}

const KINDS = [
  [undefined, "undefined"],
  [null, "null"],
  [7, "number"],
  [{}, "Object"],
  [Object.create(null), "object"],
] as const;

it.each(functionNames)("%s: engine: what createEngine does not give is a TypeError", (name) => {
  for (const [engine, got] of KINDS) {
    const message = `${name}: engine: expected an engine of createEngine, got ${got}`;
    expect(thrown(name, { engine })).toStrictEqual(new TypeError(message));
  }
});

it.each([
  ["rnnCellBackward", "cache", "rnnCache", "RnnCache", "lstmCache"],
  ["rnnBackward", "caches", "rnnCaches", "RnnCaches", "lstmCaches"],
  ["lstmCellBackward", "cache", "lstmCache", "LstmCache", "rnnCache"],
  ["lstmBackward", "caches", "lstmCaches", "LstmCaches", "rnnCaches"],
  ["gruCellBackward", "cache", "gruCache", "GruCache", "gruCaches"],
  ["gruBackward", "caches", "gruCaches", "GruCaches", "lstmCaches"],
  [
    ...(["softmaxCrossEntropy", "caches", "lstmCaches"] as const),
    ...(["RnnCaches, LstmCaches or GruCaches", "lstmCache"] as const),
  ],
] as const)("%s: %s: any other kind is a TypeError", (name, operand, key, kind, other) => {
  const others = [...KINDS, [good[other], good[other].constructor.name] as const];
  for (const [value, got] of others) {
    const message = `${name}: ${operand}: expected ${kind}, got ${got}`;
    expect(thrown(name, { [key]: value })).toStrictEqual(new TypeError(message));
  }
});

it.each([
  ["rnnCellForward", "rnn", "Wax, Waa, ba, Wya, by"],
  ["rnnForward", "rnn", "Wax, Waa, ba, Wya, by"],
  ["lstmCellForward", "lstm", "Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by"],
  ["lstmForward", "lstm", "Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by"],
  ["gruCellForward", "gru", "Wu, bu, Wr, br, Wc, bc, bch, Wy, by"],
  ["gruForward", "gru", "Wu, bu, Wr, br, Wc, bc, bch, Wy, by"],
] as const)("%s: parameters: no object is a TypeError that names them all", (name, key, names) => {
  for (const [value, got] of KINDS.slice(0, 3)) {
    const message = `${name}: parameters: expected an object { ${names} }, got ${got}`;
    expect(thrown(name, { [key]: value })).toStrictEqual(new TypeError(message));
  }
});

it("Wf without an input column is a ShapeError", () => {
  for (const columns of [5, 4]) {
    const Wf = { shape: [5, columns], data: new Float64Array(5 * columns) };
    const message = `lstmForward: Wf: expected (na, na + nx) with nx ≥ 1, got (5, ${columns})`;
    const lstm = { ...good.lstm, Wf };
    expect(thrown("lstmForward", { lstm })).toStrictEqual(new ShapeError(message));
  }
});

it("Wu without an input column is a ShapeError", () => {
  const Wu = { shape: [5, 5], data: new Float64Array(25) };
  const message = "gruForward: Wu: expected (na, na + nx) with nx ≥ 1, got (5, 5)";
  const gru = { ...good.gru, Wu };
  expect(thrown("gruForward", { gru })).toStrictEqual(new ShapeError(message));
});

it.each(["rnnBackward", "lstmBackward", "gruBackward"] as const)(
  "%s: da over T + 1 steps says T",
  (name) => {
    const da = { shape: [5, 4, 8], data: new Float64Array(160) };
    const expected = "(na, m, T' ≤ T) with na = 5, m = 4, T' ≤ T = 7 (from the forward pass)";
    const message = `${name}: da: expected ${expected}, got (5, 4, 8)`;
    expect(thrown(name, { da })).toStrictEqual(new ShapeError(message));
  },
);

describe("softmaxCrossEntropy", () => {
  const SIZE = "targets: expected (m, T) with m = 4, T = 7 (from the caches), got";
  const ID = "expected a class id in 0 … 1 or −1, got";
  const rows = good.targets;
  const changed = (b: number, t: number, id: unknown): unknown[][] =>
    rows.map((row, i) => row.map((old, j) => (i === b && j === t ? id : old)));

  it.each([
    [rows.slice(1), `${SIZE} 3 rows`],
    [[...rows, []], `${SIZE} 5 rows`],
    [[...rows.slice(1), [0, 1]], `${SIZE} 2 ids in row 3`],
    [new Int32Array(27), `${SIZE} 27 ids`],
    [new Int32Array(28).fill(2, 9, 10), `targets[1][2]: ${ID} 2`],
    [changed(0, 0, 2), `targets[0][0]: ${ID} 2`],
    [changed(3, 6, -2), `targets[3][6]: ${ID} -2`],
    [changed(2, 1, 0.5), `targets[2][1]: ${ID} 0.5`],
    [changed(2, 1, Number.NaN), `targets[2][1]: ${ID} NaN`],
    [changed(2, 1, "1"), `targets[2][1]: ${ID} 1`],
    [changed(2, 1, undefined), `targets[2][1]: ${ID} undefined`],
  ])("targets of the wrong size are ShapeErrors, case %#", (targets, message) => {
    const error = new ShapeError(`softmaxCrossEntropy: ${message}`);
    expect(thrown("softmaxCrossEntropy", { targets })).toStrictEqual(error);
  });

  const KIND = "targets: expected Int32Array or an array of rows, got";
  it.each([
    [undefined, `${KIND} undefined`],
    [null, `${KIND} null`],
    [new Float64Array(28), `${KIND} Float64Array`],
    [{ length: 4 }, `${KIND} Object`],
    [[1, 2, 3, 4], "targets[0]: expected an array, got number"],
    [[...rows.slice(1), new Int32Array(7)], "targets[3]: expected an array, got Int32Array"],
  ])("targets of the wrong kind are TypeErrors, case %#", (targets, message) => {
    const error = new TypeError(`softmaxCrossEntropy: ${message}`);
    expect(thrown("softmaxCrossEntropy", { targets })).toStrictEqual(error);
  });

  it("an unknown reduction is a TypeError", () => {
    const message = 'softmaxCrossEntropy: reduction: expected "mean" or "sum", got none';
    const error = new TypeError(message);
    expect(thrown("softmaxCrossEntropy", { reduction: "none" })).toStrictEqual(error);
  });
});

it("after all of them every function gives the same bits", () => {
  expect(everyBit(good)).toBe(bits);
});
