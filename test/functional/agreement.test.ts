import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
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
import { expectNear } from "../support/compare.js";
import { engines, oracle } from "../support/engines.js";

// Sums of at most 40 products, rounded in another order, over at most 20 steps of a network that does not enlarge them;
// sums over 400 rows in the gradients of the weights: 400·2^−53 = 4e-14, against 1e-2 of an array's largest element (measured
// over these draws: 1e-13).
const BOUND = 1e-12;

const options = fc.record({
  /** The part of the steps that da covers. */
  covered: fc.double({ min: 0, max: 1, noNaN: true }),
  withDcLast: fc.boolean(),
  throughTime: fc.boolean(),
  reduction: fc.constantFrom("mean", "sum"),
});

/** Everything that a pass gives. */
function everything(
  pass: Pass,
  { da, d, targets, T }: Draw,
  chosen: typeof options extends fc.Arbitrary<infer O> ? O : never,
): { loss: number; tensors: Tensors } {
  const { covered, withDcLast, throughTime, reduction } = chosen;
  const { loss, gradients } = pass.loss(targets, reduction);
  const some = span(da, 0, Math.round(covered * T));
  const backward = pass.backward(some, {
    throughTime,
    ...(withDcLast && d.c ? { dcLast: d.c } : {}),
  });
  const { da: dh, ...head } = gradients;
  const { dx, da0 } = pass.backward(dh);
  pass.dispose();
  const tensors = { ...pass.outputs, ...head, dh, ...backward, dxOfLoss: dx, da0OfLoss: da0 };
  return { loss, tensors };
}

describe.each(cells)("$name", (cell) => {
  it(`forward, loss and backward are the oracle's, to ${BOUND}, in both builds`, () => {
    const property = fc.property(sizes(), seeds, options, (size, seed, chosen) => {
      const drawn = draw(cell, size, seed);
      const { x, initial, parameters } = drawn;
      const want = everything(cell.run(oracle, x, initial, parameters), drawn, chosen);
      for (const engine of engines) {
        const got = everything(cell.run(engine, x, initial, parameters), drawn, chosen);
        expectNear(got.tensors, want.tensors, BOUND);
        expect(Math.abs(got.loss - want.loss)).toBeLessThanOrEqual(BOUND * Math.abs(want.loss));
      }
    });
    fc.assert(property, FIXED);
  });
});
