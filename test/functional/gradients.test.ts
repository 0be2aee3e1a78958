import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { add, each } from "../oracle/tensor.js";
import {
  at,
  cells,
  type Draw,
  draw,
  FIXED,
  type Pass,
  seeds,
  sizes,
  span,
  type Tensors,
} from "../support/cells.js";
import { expectNear, expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { randomTensor, uniform } from "../support/random.js";

// Each sum has at most 400 terms (rows of a weight's gradient): 400·2^−53 = 4e-14, and what cancels is at most a hundred
// times larger than what is left (test/support/compare.ts).
const BOUND = 1e-12;

const sum = (one: Tensors, other: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(one).map(([name, value]) => [name, add(value, other[name] as typeof value)]),
  );

describe.each(engines)("on the $name", (on) => {
  describe.each(cells)("$name", (cell) => {
    const holds = (check: (pass: Pass, drawn: Draw) => void) =>
      fc.assert(
        fc.property(sizes(1), seeds, (size, seed) => {
          const drawn = draw(cell, size, seed);
          const pass = cell.run(on, drawn.x, drawn.initial, drawn.parameters);
          check(pass, drawn);
          pass.dispose();
        }),
        { ...FIXED, numRuns: 25 },
      );
    const last = ({ d }: Draw) => (d.c ? { dcLast: d.c } : {});

    it("the same backward twice, another one between them, gives the same bits", () => {
      holds((pass, drawn) => {
        const first = pass.backward(drawn.da, last(drawn));
        const { gradients } = pass.loss(drawn.targets);
        pass.backward(gradients.da);
        expectSame(pass.backward(drawn.da, last(drawn)), first);
        expectSame(pass.loss(drawn.targets).gradients, gradients);
      });
    });

    it(`gradients of two losses add up to those of their sum, to ${BOUND}`, () => {
      holds((pass, drawn) => {
        const { da, d, na, m, T } = drawn;
        const other = randomTensor(uniform(m), na, m, T);
        const two = sum(pass.backward(da, last(drawn)), pass.backward(other, last(drawn)));
        const dcLast = d.c && { dcLast: each((value) => 2 * value, d.c) };
        expectNear(pass.backward(add(da, other), dcLast), two, BOUND);
      });
    });

    it("da over T' < T steps is da with zeros beyond them, bit for bit", () => {
      holds((pass, { da, T }) => {
        for (const covered of new Set([0, 1, T >> 1, T - 1])) {
          const { dx, ...others } = pass.backward(span(da, 0, covered));
          const padded = pass.backward(span(span(da, 0, covered), 0, T));
          expectSame({ dx, ...others }, { ...padded, dx: span(padded.dx, 0, covered) });
        }
      });
    });

    it("no gradient in, exact zeros out", () => {
      holds((pass, { da }) => {
        const gradients = pass.backward(each(() => 0, da));
        for (const [name, { data }] of Object.entries(gradients)) {
          expect(
            data.every((value) => value === 0),
            name,
          ).toBe(true);
        }
      });
    });
  });

  describe.each(cells.filter(({ hasCellState }) => hasCellState))("$name", (cell) => {
    it(`throughTime: false gives the cells' own dx bit for bit, their weights' sums to ${BOUND}`, () => {
      const property = fc.property(sizes(1), seeds, (size, seed) => {
        const drawn = draw(cell, size, seed);
        const { x, initial, parameters, da, d, T } = drawn;
        const pass = cell.run(on, x, initial, parameters);
        const dcLast = d.c as NonNullable<typeof d.c>;
        const { dx, da0, dc0, ...weights } = pass.backward(da, { throughTime: false, dcLast });
        let total: Tensors | undefined;
        for (let t = T - 1; t >= 0; t--) {
          const c = t === T - 1 ? dcLast : each(() => 0, dcLast);
          const own = cell.stepBackward(on, { a: at(da, t), c }, pass.at(t));
          const { dxt, daPrev, dcPrev, ...ofStep } = own;
          expectSame({ dxt }, { dxt: at(dx, t) });
          if (t === 0) expectSame({ da0, dc0 }, { da0: daPrev, dc0: dcPrev });
          total = total ? sum(total, ofStep) : ofStep;
        }
        expectNear(weights, total ?? {}, BOUND);
        pass.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    it("dcLast reaches the memory of the last step that da covers, bit for bit", () => {
      const property = fc.property(sizes(2), seeds, (size, seed) => {
        const { x, initial, parameters, da, d, T } = draw(cell, size, seed);
        const dcLast = d.c as NonNullable<typeof d.c>;
        const whole = cell.run(on, x, initial, parameters);
        const covered = T >> 1;
        const short = cell.run(on, span(x, 0, covered), initial, parameters);
        const some = span(da, 0, covered);
        expectSame(whole.backward(some, { dcLast }), short.backward(some, { dcLast }));
        whole.dispose();
        short.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });
  });
});
