import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reverseAxes } from "../../oracle/blas.js";
import { firstDifference } from "../../support/compare.js";
import { type TrainingTwin, trainingTwins, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";

function run(build: TrainingTwin, a: number, b: number, c: number, x: Float64Array, shift = 0) {
  const bench = new Workbench(build);
  const from = bench.constant("x", x, shift);
  const to = bench.output("y", a * b * c, 1 - shift);
  build.kernels.reverse_axes(a, b, c, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

describe.each(trainingTwins)("reverse_axes, $name build: every bit as the plain loop", (build) => {
  const { round } = build.numbers;
  // The block is 8 × 8.
  const SIZES = [0, 1, 2, 7, 8, 9, 16, 17, 41];

  it.each([0, 1, 2, 3])("(a, %i, c) for a and c around the block's 8", (b) => {
    const next = uniform(2);
    for (const a of SIZES) {
      for (const c of SIZES) {
        const x = randomArray(next, a * b * c).map(round);
        for (const shift of [0, 1]) {
          const found = firstDifference(run(build, a, b, c, x, shift), reverseAxes(a, b, c, x));
          expect(found, `a ${a}, c ${c}, shift ${shift}`).toBeUndefined();
        }
      }
    }
  });

  it("twice is where it began, 300 random shapes up to (20, 6, 20)", () => {
    const shape = fc.tuple(fc.nat(20), fc.nat(6), fc.nat(20), fc.integer());
    fc.assert(
      fc.property(shape, ([a, b, c, seed]) => {
        const x = randomArray(uniform(seed), a * b * c).map(round);
        const y = run(build, a, b, c, x);
        expect(firstDifference(y, reverseAxes(a, b, c, x))).toBeUndefined();
        expect(firstDifference(run(build, c, b, a, y), x)).toBeUndefined();
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("NaN, ±Inf, ±0 and subnormal numbers", () => {
    const x = specialArray(2, 9 * 2 * 10).map(round);
    expect(firstDifference(run(build, 9, 2, 10, x), reverseAxes(9, 2, 10, x))).toBeUndefined();
  });
});
