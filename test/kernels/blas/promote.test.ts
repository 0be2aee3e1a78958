import { describe, expect, it } from "vitest";
import { firstDifference } from "../../support/compare.js";
import { builds, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";

describe.each(builds)("promote, $name build: every bit", (build) => {
  const next = uniform(51);

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 33, 100])("n = %i", (n) => {
    for (const x of [randomArray(next, n), specialArray(n, n)]) {
      const single = Float32Array.from(x);
      for (const shift of [0, 1]) {
        const bench = new Workbench(build);
        const from = bench.typed("x", single).pointer;
        const to = bench.output("y", n, shift);
        build.kernels.promote(n, from, to.pointer);
        bench.check();
        expect(firstDifference(to.read(), single), `shift ${shift}`).toBeUndefined();
      }
    }
  });
});
