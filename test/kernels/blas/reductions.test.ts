import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addProductRows, addRows } from "../../oracle/blas.js";
import { firstDifference } from "../../support/compare.js";
import { type TrainingTwin, trainingTwins, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";

function run(
  build: TrainingTwin,
  rows: number,
  n: number,
  x: Float64Array,
  y: Float64Array,
  shift = 0,
) {
  const bench = new Workbench(build);
  const from = bench.constant("x", x, shift);
  const to = bench.input("y", y, 1 - shift);
  build.kernels.add_rows(rows, n, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

describe.each(trainingTwins)("add_rows, $name build: every bit as the plain loop", (build) => {
  const { round } = build.numbers;

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 33])("n = %i, 0 to 300 rows added to what is there", (n) => {
    const next = uniform(3);
    for (const rows of [0, 1, 2, 3, 5, 300]) {
      const [x, y] = [randomArray(next, rows * n), randomArray(next, n)];
      for (const shift of [0, 1]) {
        const found = firstDifference(
          run(build, rows, n, x, y, shift),
          addRows(rows, n, x, y, round),
        );
        expect(found, `rows ${rows}, shift ${shift}`).toBeUndefined();
      }
    }
  });

  it("a sum goes on where another ended: k rows, then the others, 200 random shapes", () => {
    const shape = fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12), fc.integer());
    fc.assert(
      fc.property(shape, ([first, second, n, seed]) => {
        const next = uniform(seed);
        const [x, y] = [randomArray(next, (first + second) * n), randomArray(next, n)];
        const half = run(build, first, n, x.slice(0, first * n), y);
        const whole = run(build, second, n, x.slice(first * n), half);
        expect(firstDifference(whole, addRows(first + second, n, x, y, round))).toBeUndefined();
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it("NaN, ±Inf, ±0 and subnormal numbers", () => {
    for (let seed = 0; seed < 20; seed++) {
      const [x, y] = [specialArray(seed, 3 * 7), specialArray(100 + seed, 7)];
      expect(firstDifference(run(build, 3, 7, x, y), addRows(3, 7, x, y, round))).toBeUndefined();
    }
  });
});

interface Pairs {
  rows: number;
  n: number;
  lda: number;
  ldb: number;
  a: Float64Array;
  b: Float64Array;
  y: Float64Array;
}

/** The last row of a matrix ends with its n-th element. */
const extent = ({ rows, n }: { rows: number; n: number }, ld: number): number =>
  rows === 0 ? 0 : (rows - 1) * ld + n;

function checkProducts(
  build: TrainingTwin,
  { rows, n, lda, ldb, a, b, y }: Pairs,
  shift = 0,
): void {
  const bench = new Workbench(build);
  const left = bench.constant("a", a, shift).pointer;
  const right = bench.constant("b", b, 1 - shift).pointer;
  const to = bench.input("y", y, shift);
  build.kernels.add_product_rows(rows, n, lda, ldb, left, right, to.pointer);
  bench.check();
  const found = firstDifference(
    to.read(),
    addProductRows(rows, n, lda, ldb, a, b, y, build.numbers.round),
  );
  expect(found, `rows ${rows}, n ${n}, lda ${lda}, ldb ${ldb}, shift ${shift}`).toBeUndefined();
}

describe.each(trainingTwins)(
  "add_product_rows, $name build: every bit as the plain loop",
  (build) => {
    it.each([0, 1, 2, 3, 4, 5, 8, 9, 33])("n = %i, 0 to 40 rows at strides of their own", (n) => {
      const next = uniform(4);
      for (const rows of [0, 1, 2, 3, 40]) {
        for (const [lda, ldb] of [
          [n, n],
          [4 * n, n],
          [n + 1, n + 2],
        ] as const) {
          const shape = { rows, n, lda, ldb };
          const [a, b] = [lda, ldb].map((ld) => randomArray(next, extent(shape, ld)));
          const y = randomArray(next, n);
          for (const shift of [0, 1]) {
            checkProducts(build, { ...shape, a, b, y } as Pairs, shift);
          }
        }
      }
    });

    it("a may be b; NaN, ±Inf, ±0 and subnormal numbers", () => {
      for (let seed = 0; seed < 20; seed++) {
        const [a, b] = [specialArray(seed, 3 * 7), specialArray(50 + seed, 3 * 7)];
        const y = specialArray(100 + seed, 7);
        checkProducts(build, { rows: 3, n: 7, lda: 7, ldb: 7, a, b, y });
      }
      const bench = new Workbench(build);
      const [x, y] = [bench.constant("x", [1, 2, 3, 4, 5, 6]), bench.input("y", [1, 1, 1])];
      build.kernels.add_product_rows(2, 3, 3, 3, x.pointer, x.pointer, y.pointer);
      bench.check();
      expect([...y.read()]).toEqual([18, 30, 46]);
    });
  },
);
