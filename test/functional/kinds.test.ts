import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectSaid } from "../support/errors.js";
import {
  allBits,
  calls,
  type FunctionName,
  functionNames,
  goodOperands,
  type Operands,
} from "../support/operands.js";

// Operands that are no tensors: engines, caches, parameter objects, targets, options. Sizes: na = 5, ny = 2, m = 4, T = 7.

const good = goodOperands();
const bits = allBits(good.engine, good);

/** What a call with other operands throws; whatever it is, memory is as it was. */
function thrown(name: FunctionName, others: { [K in keyof Operands]?: unknown }): unknown {
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

it.each(functionNames)("%s: engine: anything but an engine is a TypeError", (name) => {
  for (const [engine, got] of KINDS) {
    expectSaid(thrown(name, { engine }), TypeError, `${name}: engine: …${got}`);
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
    const message = `${name}: ${operand}: …${kind}…${got}`;
    expectSaid(thrown(name, { [key]: value }), TypeError, message);
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
    const message = `${name}: parameters: …{ ${names} }…${got}`;
    expectSaid(thrown(name, { [key]: value }), TypeError, message);
  }
});

it("Wf without an input column is a ShapeError", () => {
  for (const columns of [5, 4]) {
    const Wf = { shape: [5, columns], data: new Float64Array(5 * columns) };
    const message = `lstmForward: Wf: expected (na, na + nx) with nx ≥ 1, got (5, ${columns})`;
    const lstm = { ...good.lstm, Wf };
    expectSaid(thrown("lstmForward", { lstm }), ShapeError, message);
  }
});

it("Wu without an input column is a ShapeError", () => {
  const Wu = { shape: [5, 5], data: new Float64Array(25) };
  const message = "gruForward: Wu: … got (5, 5)";
  const gru = { ...good.gru, Wu };
  expectSaid(thrown("gruForward", { gru }), ShapeError, message);
});

it.each(["rnnBackward", "lstmBackward", "gruBackward"] as const)(
  "%s: da over T + 1 steps says T",
  (name) => {
    const da = { shape: [5, 4, 8], data: new Float64Array(160) };
    expectSaid(thrown(name, { da }), ShapeError, `${name}: da: …T' ≤ T = 7… got (5, 4, 8)`);
  },
);

describe("softmaxCrossEntropy", () => {
  const rows = good.targets;
  const changed = (b: number, t: number, id: unknown): unknown[][] =>
    rows.map((row, i) => row.map((old, j) => (i === b && j === t ? id : old)));

  it.each([
    [rows.slice(1), "targets: expected (m, T) with m = 4, T = 7 (from the caches), got 3 rows"],
    [[...rows, []], "targets: … got 5 rows"],
    [[...rows.slice(1), [0, 1]], "targets: … got 2 ids in row 3"],
    [new Int32Array(27), "targets: … got 27 ids"],
    [new Int32Array(28).fill(2, 9, 10), "targets[1][2]: expected a class id in 0 … 1 or −1, got 2"],
    [changed(0, 0, 2), "targets[0][0]: … got 2"],
    [changed(3, 6, -2), "targets[3][6]: … got -2"],
    [changed(2, 1, 0.5), "targets[2][1]: … got 0.5"],
    [changed(2, 1, Number.NaN), "targets[2][1]: … got NaN"],
    [changed(2, 1, "1"), "targets[2][1]: … got 1"],
    [changed(2, 1, undefined), "targets[2][1]: … got undefined"],
  ])("targets of the wrong size are ShapeErrors, case %#", (targets, message) => {
    const error = thrown("softmaxCrossEntropy", { targets });
    expectSaid(error, ShapeError, `softmaxCrossEntropy: ${message}`);
  });

  it.each([
    [undefined, "targets: expected Int32Array or an array of rows, got undefined"],
    [null, "targets: …null"],
    [new Float64Array(28), "targets: …Float64Array"],
    [{ length: 4 }, "targets: …Object"],
    [[1, 2, 3, 4], "targets[0]: expected an array, got number"],
    [[...rows.slice(1), new Int32Array(7)], "targets[3]: …"],
  ])("targets of the wrong kind are TypeErrors, case %#", (targets, message) => {
    const error = thrown("softmaxCrossEntropy", { targets });
    expectSaid(error, TypeError, `softmaxCrossEntropy: ${message}`);
  });

  it("an unknown reduction is a TypeError", () => {
    const message = 'softmaxCrossEntropy: reduction: expected "mean" or "sum", got none';
    expectSaid(thrown("softmaxCrossEntropy", { reduction: "none" }), TypeError, message);
  });
});

it("after all of them every function gives the same bits", () => {
  expect(allBits(good.engine, good)).toBe(bits);
});
