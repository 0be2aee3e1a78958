import { describe, expect, it } from "vitest";
import { gatherRows } from "../../oracle/blas.js";
import { firstDifference } from "../../support/compare.js";
import { type Twin, twins, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";

interface Rows {
  rows: number;
  n: number;
  lds: number;
  ldt: number;
  source: Float64Array;
  index: number[] | undefined;
}

/** The elements of a matrix whose last row ends with its n-th element. */
const extent = (rows: number, n: number, ld: number): number =>
  rows === 0 ? 0 : (rows - 1) * ld + n;

/** What stands in `target` before must stay between the rows. */
function check(build: Twin, { rows, n, lds, ldt, source, index }: Rows, shift = 0): void {
  const { round } = build.numbers;
  const bench = new Workbench(build);
  const from = bench.constant("source", source, shift).pointer;
  const places = index === undefined ? 0 : bench.integers("index", index);
  const before = new Float64Array(extent(rows, n, ldt)).fill(Number.NaN);
  const to = bench.output("target", before.length, 1 - shift);
  build.kernels.gather_rows(rows, n, lds, ldt, from, places, to.pointer);
  bench.check();
  const want = gatherRows(rows, n, lds, ldt, source.map(round), index, before);
  const where = `rows ${rows}, n ${n}, lds ${lds}, ldt ${ldt}, shift ${shift}`;
  expect(firstDifference(to.read(), want), where).toBeUndefined();
}

describe.each(twins)("gather_rows, $name build: every bit as the plain loop", (build) => {
  const next = uniform(50);

  // A vector holds 2 elements, in f32 4.
  it.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 33])("n = %i, rows of 5 in any order, or in turn", (n) => {
    for (const index of [[], [4], [2, 2, 0], [4, 3, 2, 1, 0], [0, 4, 1, 1, 3, 0, 2]]) {
      for (const more of [0, 1, 3]) {
        const source = randomArray(next, 5 * (n + more));
        for (const shift of [0, 1]) {
          check(build, { rows: index.length, n, lds: n + more, ldt: n, source, index }, shift);
          check(build, { rows: index.length, n, lds: n, ldt: n + more, source, index }, shift);
        }
      }
    }
    for (const rows of [0, 1, 5]) {
      const source = randomArray(next, extent(rows, n, n + 2));
      check(build, { rows, n, lds: n + 2, ldt: n + 1, source, index: undefined });
    }
  });

  it("a stride of 0 gives one row to all", () => {
    const source = randomArray(next, 5);
    for (const index of [undefined, [0, 3, 9]]) {
      check(build, { rows: 3, n: 5, lds: 0, ldt: 6, source, index });
    }
  });

  it("NaN, ±Inf, ±0 and subnormal numbers", () => {
    const source = specialArray(50, 4 * 19);
    check(build, { rows: 3, n: 19, lds: 19, ldt: 19, source, index: [3, 0, 2] });
  });
});
