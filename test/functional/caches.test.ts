import { describe, expect, it } from "vitest";
import * as recurra from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError } from "../support/errors.js";
import { goodOperands } from "../support/operands.js";

// Caches as handles: what they show, what they own, and how they end.

const { engine, x, xt, a0: a, c0: c, da, daNext, rnn, lstm, gru } = goodOperands();
const { StateError } = recurra;

const CELLS = {
  rnn: {
    step: () => recurra.rnnCellForward(engine, xt, a, rnn).cache,
    sequence: () => recurra.rnnForward(engine, x, a, rnn).caches,
    backward: (caches: never) => recurra.rnnBackward(engine, da, caches),
    stepBackward: (cache: never) => recurra.rnnCellBackward(engine, daNext, cache),
    gates: [],
  },
  lstm: {
    step: () => recurra.lstmCellForward(engine, xt, a, c, lstm).cache,
    sequence: () => recurra.lstmForward(engine, x, a, lstm).caches,
    backward: (caches: never) => recurra.lstmBackward(engine, da, caches),
    stepBackward: (cache: never) => recurra.lstmCellBackward(engine, daNext, c, cache),
    gates: ["cNext", "cPrev", "it", "ft", "cct", "ot"],
  },
  gru: {
    step: () => recurra.gruCellForward(engine, xt, a, gru).cache,
    sequence: () => recurra.gruForward(engine, x, a, gru).caches,
    backward: (caches: never) => recurra.gruBackward(engine, da, caches),
    stepBackward: (cache: never) => recurra.gruCellBackward(engine, daNext, cache),
    gates: ["ut", "rt", "cct"],
  },
} as const;

/** Every name that JavaScript sees of an object, without those of all objects. */
function members(value: object): string[] {
  const names: string[] = [];
  for (let at = value; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  return [...new Set(names)].filter((name) => name !== "constructor").sort();
}

describe.each(Object.entries(CELLS))("%s", (name, { step, sequence, backward, ...cell }) => {
  const getters = [...cell.gates, "aNext", "aPrev", "xt", "parameters"];

  it("members are the documented ones", () => {
    using cache = step();
    using caches = sequence();
    expect(members(cache)).toEqual([...getters, "dispose"].sort());
    expect(members(caches)).toEqual(["at", "dispose", "length", "x"]);
  });

  it("after dispose every use is a StateError that names it, and memory is free again", () => {
    step().dispose();
    const before = vacancies(engine);
    const cache = step();
    cache.dispose();
    cache.dispose();
    expect(vacancies(engine)).toEqual(before);
    for (const getter of getters) {
      const error = new StateError(`${getter}: the cache is disposed`);
      expect(() => Reflect.get(cache, getter)).toThrow(error);
    }
    const where = `${name}CellBackward`;
    const error = new StateError(`${where}: the cache is disposed`);
    expect(() => cell.stepBackward(cache as never)).toThrow(error);
    const caches = sequence();
    const { length } = caches;
    caches.dispose();
    expect(caches.length).toBe(length);
    const disposed = (at: string) => new StateError(`${at}: the caches object is disposed`);
    expect(() => caches.at(0)).toThrow(disposed("caches.at"));
    expect(() => caches.x).toThrow(disposed("x"));
    expect(() => backward(caches as never)).toThrow(disposed(`${name}Backward`));
  });

  it("a step of a sequence ends with its caches; its own dispose ends the step alone", () => {
    const caches = sequence();
    const [first, last] = [caches.at(0), caches.at(-1)];
    const before = vacancies(engine);
    first.dispose();
    expect(vacancies(engine)).toEqual(before);
    expectError(() => first.aNext, StateError, "aNext: the cache is disposed");
    expect(last.aNext.shape).toEqual(a.shape);
    caches.dispose();
    expectError(() => last.aNext, StateError, "aNext: the caches object is disposed");
    expect(() => cell.stepBackward(last as never)).toThrow(StateError);
  });
});

it.each([7, -8, 0.5, Number.NaN])("caches.at(%d) of 7 steps is a RangeError", (t) => {
  using caches = CELLS.rnn.sequence();
  const message = `caches.at: expected a step below T = 7, got ${t}`;
  expectError(() => caches.at(t), RangeError, message);
});
