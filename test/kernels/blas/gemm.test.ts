import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gemm, type Product } from "../../oracle/blas.js";
import { firstDifference } from "../../support/compare.js";
import { type Twin, twins } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { makeProduct, runInPlace, runProduct } from "./product.js";

// Tiles are 4 rows by 4 outputs, then 2 by 8, then 1 by 16 and 1 by 8, in f32 twice as many outputs: below, at, just above
// and many times each.
const ROWS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 19];
const OUTPUTS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 20, 23, 24, 25, 31, 32, 33, 48, 49, 63, 64,
  65,
];
const TERMS = [0, 1, 2, 3, 7, 32];

const difference = (build: Twin, product: Product, shift = 0): string | undefined =>
  firstDifference(runProduct(build, product, shift), gemm(product, build.numbers.round));

describe.each(twins)("gemm_packed, $name build: every bit as the plain loop", (build) => {
  it.each(ROWS)("%i rows, any n and k, on and off the 16-byte grid", (rows) => {
    const next = uniform(rows);
    for (const n of OUTPUTS) {
      for (const k of TERMS) {
        const product = makeProduct(next, { rows, n, k });
        for (const shift of [0, 1, 2]) {
          expect(difference(build, product, shift), `n ${n}, k ${k}`).toBeUndefined();
        }
      }
    }
  });

  it("one row of init for all rows (a bias)", () => {
    const next = uniform(20);
    for (const rows of ROWS) {
      for (const n of OUTPUTS) {
        const product = makeProduct(next, { rows, n, k: 5, bias: true });
        expect(difference(build, product), `rows ${rows}, n ${n}`).toBeUndefined();
      }
    }
  });

  it("strides larger than the rows; what stands between the rows of c stays", () => {
    const next = uniform(21);
    for (const rows of ROWS) {
      for (const n of OUTPUTS) {
        const product = makeProduct(next, { rows, n, k: 6, slack: [3, 1, 5] });
        expect(difference(build, product, 1), `rows ${rows}, n ${n}`).toBeUndefined();
      }
    }
  });

  it("c as its own init: the sum goes on from memory", () => {
    const next = uniform(22);
    for (const rows of ROWS) {
      for (const n of OUTPUTS) {
        const made = makeProduct(next, { rows, n, k: 4, slack: [0, 0, 2] });
        const c = randomArray(next, made.c.length);
        const want = gemm({ ...made, c, init: c, ldi: made.ldc }, build.numbers.round);
        const found = firstDifference(runInPlace(build, { ...made, c }), want);
        expect(found, `rows ${rows}, n ${n}`).toBeUndefined();
      }
    }
  });

  it("a matrix many times the caches' first level: 67 rows, n 260, k 300", () => {
    expect(difference(build, makeProduct(uniform(23), { rows: 67, n: 260, k: 300 }))).toBe(
      undefined,
    );
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers", () => {
    for (let seed = 0; seed < 300; seed++) {
      const [rows, n, k] = [1 + (seed % 6), 1 + (seed % 11), seed % 5];
      const product = makeProduct(() => 0, { rows, n, k });
      const special = {
        ...product,
        a: specialArray(seed, rows * k),
        w: specialArray(1000 + seed, n * k),
        init: specialArray(2000 + seed, rows * n),
      };
      expect(difference(build, special), `seed ${seed}`).toBeUndefined();
    }
  });

  it("300 random shapes, strides and places up to (13, 40, 11)", () => {
    const slack = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3));
    const shape = fc.record({
      rows: fc.nat(13),
      n: fc.nat(40),
      k: fc.nat(11),
      slack,
      bias: fc.boolean(),
    });
    fc.assert(
      fc.property(shape, fc.nat(2), fc.integer(), (sizes, shift, seed) => {
        expect(difference(build, makeProduct(uniform(seed), sizes), shift)).toBeUndefined();
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe.each(twins)("gemm_packed, $name build: a row's bits are its own", (build) => {
  it("alone, or anywhere in a batch of 1 to 13, beside plain, infinite and NaN rows", () => {
    const next = uniform(24);
    for (const n of [1, 4, 5, 8, 9, 16, 21, 35]) {
      for (let rows = 1; rows <= 13; rows++) {
        for (const mate of [next(), Number.POSITIVE_INFINITY, Number.NaN]) {
          const alone = makeProduct(next, { rows: 1, n, k: 7 });
          const want = runProduct(build, alone);
          const batch = makeProduct(() => mate, { rows, n, k: 7 });
          for (let place = 0; place < rows; place++) {
            const a = batch.a.slice();
            const init = batch.init.slice();
            a.set(alone.a, place * 7);
            init.set(alone.init, place * n);
            const all = runProduct(build, { ...batch, a, init, w: alone.w });
            const found = firstDifference(all.slice(place * n, (place + 1) * n), want);
            expect(found, `n ${n}, row ${place} of ${rows}`).toBeUndefined();
          }
        }
      }
    }
  });

  it("k terms in one product, or in two with the sum in memory between them", () => {
    const next = uniform(25);
    for (const cut of [0, 1, 4, 9, 10]) {
      const { rows, n, k } = { rows: 6, n: 7, k: 10 };
      const whole = makeProduct(next, { rows, n, k });
      const columns = (x: Float64Array, from: number, to: number): Float64Array =>
        x.filter((_, i) => i % k >= from && i % k < to);
      const part = (from: number, to: number, init: Float64Array): Product => ({
        ...whole,
        k: to - from,
        lda: to - from,
        init,
        a: columns(whole.a, from, to),
        w: columns(whole.w, from, to),
      });
      const half = runProduct(build, part(0, cut, whole.init));
      const rest = runProduct(build, part(cut, k, half));
      expect(firstDifference(rest, runProduct(build, whole)), `cut at ${cut}`).toBeUndefined();
    }
  });
});
