import { describe, expect, it } from "vitest";
import { trainings, Workbench } from "../../support/kernels.js";

const noise = (n: number, k = 0): number[] => Array.from({ length: n }, (_, i) => Math.sin(i + k));

describe.each(trainings())("$name", (build) => {
  const { kernels } = build;
  const { round } = build.numbers;
  const draw = (n: number, k = 0): number[] => noise(n, k).map(round);

  it("scatter_add_rows adds in ascending order, exactly, and writes nothing between rows", () => {
    for (const n of [1, 2, 3, 8]) {
      for (const [lds, ldt] of [
        [n, n],
        [n + 2, n + 1],
      ] as const) {
        for (const index of [[], [0], [2, 0, 2, 1, 2]]) {
          const source = draw(index.length * lds);
          const want = draw(3 * ldt, 5);
          const bench = new Workbench(build);
          const S = bench.constant("source", source, 1);
          const T = bench.input("target", want);
          kernels.scatter_add_rows(
            index.length,
            n,
            lds,
            ldt,
            S.pointer,
            bench.integers("index", index),
            T.pointer,
          );
          bench.check();
          index.forEach((to, r) => {
            for (let j = 0; j < n; j++) {
              want[to * ldt + j] = round(
                (want[to * ldt + j] as number) + (source[r * lds + j] as number),
              );
            }
          });
          expect([...T.read()]).toEqual(want);
        }
      }
    }
  });

  it("scale_rows multiplies each row by its factor, exactly", () => {
    for (const n of [1, 2, 5]) {
      const [x, factors] = [draw(3 * n), [2, 0.3, -1].map(round)];
      const bench = new Workbench(build);
      const X = bench.input("x", x, 1);
      kernels.scale_rows(3, n, bench.constant("factors", factors).pointer, X.pointer);
      bench.check();
      expect([...X.read()]).toEqual(
        x.map((value, i) => round(value * (factors[Math.floor(i / n)] as number))),
      );
    }
  });
});
