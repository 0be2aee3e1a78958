import fc from "fast-check";
import { describe, it } from "vitest";
import {
  at,
  type CellRow,
  cells,
  type Draw,
  draw,
  FIXED,
  type State,
  seeds,
  sizes,
  span,
  type Tensors,
} from "../support/cells.js";
import { expectNear, expectSame } from "../support/compare.js";
import { engines, oracle } from "../support/engines.js";
import { expectError } from "../support/errors.js";

const numRuns = 25;

/** The state after step t. */
const after = ({ a, c }: Tensors, t: number): State => ({
  a: at(a as NonNullable<typeof a>, t),
  ...(c && { c: at(c, t) }),
});

/** The tensors of a cache under its names. */
const seen = (cell: CellRow, cache: object): Tensors =>
  Object.fromEntries(cell.seen.map((name) => [name, (cache as Tensors)[name] as Tensors[string]]));

/** Sums over a batch and over steps in another order, to 1e-12: at most 400 rows, 400·2^−53 = 4e-14. */
const BOUND = 1e-12;

describe.each(engines)("on the $name", (on) => {
  describe.each(cells)("$name", (cell) => {
    const holds = (check: (drawn: Draw) => void) =>
      fc.assert(
        fc.property(sizes(1), seeds, (size, seed) => check(draw(cell, size, seed))),
        { ...FIXED, numRuns },
      );

    it("forward over T steps is forward over k, then over the other T − k, bit for bit", () => {
      holds(({ x, initial, parameters, T }) => {
        const whole = cell.run(on, x, initial, parameters);
        for (const k of new Set([1, T >> 1, T - 1])) {
          const first = cell.run(on, span(x, 0, k), initial, parameters);
          const carried = k === 0 ? initial : after(first.outputs, k - 1);
          const second = cell.run(on, span(x, k, T), carried, parameters);
          for (const [name, value] of Object.entries(whole.outputs)) {
            expectSame({ [name]: first.outputs[name] }, { [name]: span(value, 0, k) });
            expectSame({ [name]: second.outputs[name] }, { [name]: span(value, k, T) });
          }
          first.dispose();
          second.dispose();
        }
        whole.dispose();
      });
    });

    it("the cell function gives each step of the sequence, and its cache, bit for bit", () => {
      holds(({ x, initial, parameters, T }) => {
        const pass = cell.run(on, x, initial, parameters);
        let state = initial;
        for (let t = 0; t < T; t++) {
          const step = cell.step(on, at(x, t), state, parameters);
          expectSame({ ...step.state }, { ...after(pass.outputs, t) });
          expectSame({ y: step.y }, { y: at(pass.outputs.y, t) });
          const cache = pass.at(t);
          expectSame(seen(cell, step.cache), seen(cell, cache));
          expectSame(seen(cell, pass.at(t - T)), seen(cell, cache));
          expectSame((cache as { parameters: Tensors }).parameters, parameters);
          state = step.state;
        }
        pass.dispose();
      });
    });

    it(`a step's cache holds what the exercise's tuple holds, to ${BOUND}`, () => {
      holds(({ x, initial, parameters, T }) => {
        const pass = cell.run(on, x, initial, parameters);
        const wanted = cell.run(oracle, x, initial, parameters);
        for (let t = 0; t < T; t++) {
          expectNear(seen(cell, pass.at(t)), seen(cell, wanted.at(t)), BOUND);
        }
        pass.dispose();
      });
    });

    it("the cell's backward, chained over caches.at(t), gives dx, da0, dc0 bit for bit", () => {
      holds(({ x, initial, parameters, T, da, d }) => {
        const pass = cell.run(on, x, initial, parameters);
        const { dx, da0, dc0 } = pass.backward(da, d.c && { dcLast: d.c });
        let carried: State = { a: at(span(da, T, T + 1), 0), ...(d.c && { c: d.c }) };
        for (let t = T - 1; t >= 0; t--) {
          const outside = at(da, t).data;
          const sum = carried.a.data.map((value, i) => value + (outside[i] as number));
          const whole = { ...carried, a: { shape: carried.a.shape, data: sum } };
          const g = cell.stepBackward(on, whole, pass.at(t));
          expectSame({ dxt: g.dxt }, { dxt: at(dx, t) });
          carried = { a: g.daPrev, ...(g.dcPrev && { c: g.dcPrev }) };
        }
        expectSame({ ...carried }, { a: da0, ...(dc0 && { c: dc0 }) });
        pass.dispose();
      });
    });

    it("caches.at outside −T … T − 1, or between two steps, is a RangeError", () => {
      const { x, initial, parameters } = draw(cell, { nx: 1, na: 1, ny: 1, m: 1, T: 3 }, 1);
      const pass = cell.run(on, x, initial, parameters);
      for (const t of [3, -4, 1.5, Number.NaN, Infinity]) {
        expectError(() => pass.at(t), RangeError, `caches.at: …T = 3… got ${t}`);
      }
      pass.dispose();
    });
  });
});
