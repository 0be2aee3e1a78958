import fc from "fast-check";
import { describe, it } from "vitest";
import {
  type CellRow,
  cells,
  type Draw,
  draw,
  FIXED,
  pick,
  type State,
  seeds,
  sizes,
  type Tensors,
} from "../support/cells.js";
import { expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import type { Subject, Tensor } from "../support/subject.js";

const pickState = ({ a, c }: State, picks: readonly number[]): State => ({
  a: pick(a, picks),
  ...(c && { c: pick(c, picks) }),
});

/** What belongs to a row of the batch: all but the gradients of the weights. */
function ofRows(on: Subject, cell: CellRow, drawn: Draw): Tensors {
  const { x, initial, parameters, da, d, targets } = drawn;
  const pass = cell.run(on, x, initial, parameters);
  const { dx, da0, dc0 } = pass.backward(da, d.c && { dcLast: d.c });
  // The mean would divide by the number of all targets.
  const { gradients } = pass.loss(targets, "sum");
  pass.dispose();
  return { ...pass.outputs, dx, da0, ...(dc0 && { dc0 }), dh: gradients.da };
}

/** The same rows in another batch. */
function picked(drawn: Draw, picks: readonly number[]): Draw {
  const { x, initial, da, d, targets, m, T } = drawn;
  const ids = { shape: [1, m, T], data: Float64Array.from(targets) };
  return {
    ...drawn,
    m: picks.length,
    x: pick(x, picks),
    initial: pickState(initial, picks),
    da: pick(da, picks),
    d: pickState(d, picks),
    targets: Int32Array.from(pick(ids, picks).data),
  };
}

const pickAll = (tensors: Tensors, picks: readonly number[]): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, pick(value, picks)]));

/** Writes `values` over row b of a tensor, again and again. */
function spoil({ shape, data }: Tensor, b: number, values: readonly number[]): void {
  const [n = 0, m = 0, T = 1] = shape;
  for (let i = 0; i < n; i++) {
    for (let t = 0; t < T; t++) {
      data[(i * m + b) * T + t] = values[(i * T + t) % values.length] as number;
    }
  }
}

const numRuns = 25;

describe.each(engines)("on the $name", (on) => {
  describe.each(cells)("$name", (cell) => {
    it("a row's results depend neither on its place nor on the batch around it, bit for bit", () => {
      // Any rows, in any order, some of them more than once: of 1 to 23.
      const places = fc.array(fc.nat(), { minLength: 1, maxLength: 23 });
      const property = fc.property(sizes(1), seeds, places, (size, seed, numbers) => {
        const drawn = draw(cell, size, seed);
        const picks = numbers.map((number) => number % size.m);
        const whole = ofRows(on, cell, drawn);
        expectSame(ofRows(on, cell, picked(drawn, picks)), pickAll(whole, picks));
        const last = [size.m - 1];
        expectSame(ofRows(on, cell, picked(drawn, last)), pickAll(whole, last));
      });
      fc.assert(property, { ...FIXED, numRuns });
    });

    it("NaN, infinities and huge numbers in one row leave 0 bits changed in the others", () => {
      const values = fc.array(
        fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e308, -1e308, 1e4, -1e4, 5e-324),
        { minLength: 1, maxLength: 5 },
      );
      const property = fc.property(sizes(1), seeds, fc.nat(), values, (size, seed, n, specials) => {
        const drawn = draw(cell, size, seed);
        const b = n % size.m;
        const others = Array.from({ length: size.m }, (_, i) => i).filter((i) => i !== b);
        const want = pickAll(ofRows(on, cell, drawn), others);
        for (const operand of [drawn.x, drawn.initial.a, drawn.initial.c, drawn.da, drawn.d.c]) {
          if (operand !== undefined) spoil(operand, b, specials);
        }
        expectSame(pickAll(ofRows(on, cell, drawn), others), want);
      });
      fc.assert(property, { ...FIXED, numRuns });
    });
  });
});
