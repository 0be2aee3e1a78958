import { describe, expect, it } from "vitest";
import { packPanels } from "../../oracle/blas.js";
import { firstDifference } from "../../support/compare.js";
import { type Twin, twins, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { width } from "./product.js";

// A panel holds 4 outputs, in f32 8: below, at, just above and many times that.
const OUTPUTS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33];
const INPUTS = [0, 1, 2, 3, 8, 17];

/** Packs `w` and says where the result differs from the oracle's. */
function difference(
  build: Twin,
  n: number,
  k: number,
  rowStride: number,
  columnStride: number,
  w: Float64Array,
  shift: number,
): string | undefined {
  const bench = new Workbench(build);
  const from = bench.constant("w", w, shift);
  const want = packPanels(n, k, rowStride, columnStride, w, width(build));
  const to = bench.output("packed", want.length, 1 - shift);
  build.kernels.pack_panels(n, k, rowStride, columnStride, from.pointer, to.pointer);
  bench.check();
  return firstDifference(to.read(), want.map(build.numbers.round));
}

/** Elements from the first to the last of a strided n × k matrix. */
const spanOf = (n: number, k: number, rowStride: number, columnStride: number): number =>
  n === 0 || k === 0 ? 0 : (n - 1) * rowStride + (k - 1) * columnStride + 1;

describe.each(twins)("pack_panels, $name build: every bit as the plain loop", (build) => {
  const everyShape = (strides: (n: number, k: number) => [number, number]): void => {
    const next = uniform(1);
    for (const n of OUTPUTS) {
      for (const k of INPUTS) {
        const [rowStride, columnStride] = strides(n, k);
        const w = randomArray(next, spanOf(n, k, rowStride, columnStride));
        for (const shift of [0, 1]) {
          const found = difference(build, n, k, rowStride, columnStride, w, shift);
          expect(found, `n ${n}, k ${k}, shift ${shift}`).toBeUndefined();
        }
      }
    }
  };

  it("a matrix (n, k)", () => everyShape((_, k) => [k, 1]));
  it("the transpose of a matrix (k, n)", () => everyShape((n) => [1, n]));
  it("a part of a wider matrix", () => everyShape((_, k) => [k + 3, 1]));
  it("the transpose of a part of a wider matrix", () => everyShape((n) => [1, n + 5]));

  it("NaN, ±Inf, ±0 and subnormal numbers", () => {
    expect(difference(build, 11, 13, 13, 1, specialArray(1, 11 * 13), 0)).toBeUndefined();
  });

  it("the last panel is filled up with 0 where the outputs end", () => {
    const bench = new Workbench(build);
    const packed = bench.output("packed", width(build) * 3);
    const w = bench.constant("w", [1, 2, 3]);
    build.kernels.pack_panels(1, 3, 3, 1, w.pointer, packed.pointer);
    const zeros = Array.from({ length: width(build) - 1 }, () => 0);
    expect([...packed.read()]).toEqual([1, ...zeros, 2, ...zeros, 3, ...zeros]);
  });
});
