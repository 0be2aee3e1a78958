import { describe, expect, it } from "vitest";
import { adagrad, adam, rmsprop, sgd } from "../../oracle/optimisers.js";
import { type Build, trainings, Workbench } from "../../support/kernels.js";
import { uniform } from "../../support/random.js";

const SIZES = [0, 1, 2, 3, 8, 33];
const STEPS = [1, 2, 3, 4, 5];
/** Of a handful of operations each; a square root of a small number doubles its error at most. */
const BOUND = 1e-14;

const drawn = (seed: number, n: number, scale: number): number[] => {
  const next = uniform(seed);
  return Array.from({ length: n }, () => scale * next());
};

const near = (got: ArrayLike<number>, want: readonly number[]): void => {
  want.forEach((value, i) => {
    const bound = BOUND * Math.max(Math.abs(value), 1e-3);
    expect(Math.abs((got[i] as number) - value)).toBeLessThanOrEqual(bound);
  });
};

const flags = [false, true];

/**
 * Compares weights after an update. In f32 they are rounded once, and the oracle goes on from the kernel's: moments stay within
 * the bound of f64.
 */
function follow({ numbers: { epsilon } }: Build<unknown>, got: Float64Array, w: number[]): void {
  if (epsilon < 1e-10) near(got, w);
  else {
    w.forEach((value, i) => {
      const bound = epsilon * Math.max(Math.abs(value), 1e-3);
      expect(Math.abs((got[i] as number) - value)).toBeLessThanOrEqual(bound);
    });
    w.splice(0, w.length, ...got);
  }
}

describe.each(trainings())("$name", (build) => {
  const { kernels } = build;
  const { round } = build.numbers;
  const draw = (seed: number, n: number, scale = 1): number[] => drawn(seed, n, scale).map(round);

  it.each([
    { momentum: 0, dampening: 0, nesterov: false },
    { momentum: 0.9, dampening: 0, nesterov: true },
    { momentum: 0.8, dampening: 0.3, nesterov: false },
  ])("sgd_update is the oracle's to 1e-14 over five updates: %o", (options) => {
    for (const n of SIZES) {
      for (const decay of [0, 0.01]) {
        const bench = new Workbench(build);
        const [w, v] = [draw(1, n), Array<number>(n).fill(0)];
        const [W, V] = [bench.input("w", w, 1), bench.doubles("v", v)];
        for (const t of STEPS) {
          const g = draw(10 + t, n);
          const G = bench.constant("g", g, t % 2);
          const { momentum, dampening, nesterov } = options;
          const first = t === 1;
          sgd(w, g, v, { ...options, rate: 0.1, decay, first });
          kernels.sgd_update(
            n,
            0.1,
            decay,
            momentum,
            dampening,
            +nesterov,
            +first,
            G.pointer,
            W.pointer,
            V.pointer,
          );
          bench.check();
          follow(build, W.read(), w);
          near(V.read(), v);
        }
      }
    }
  });

  it.each(flags.flatMap((decoupled) => flags.map((amsgrad) => ({ decoupled, amsgrad }))))(
    "adam_update is the oracle's to 1e-14 over five updates: %o",
    ({ decoupled, amsgrad }) => {
      const [rate, decay, epsilon] = [0.01, 0.02, 1e-8];
      const betas = [0.9, 0.999] as const;
      for (const n of SIZES) {
        const bench = new Workbench(build);
        const [w, m, v, most] = [draw(1, n), ...[0, 0, 0].map((x) => Array<number>(n).fill(x))] as [
          number[],
          number[],
          number[],
          number[],
        ];
        const [W, M, V] = [bench.input("w", w), bench.doubles("m", m), bench.doubles("v", v)];
        const most1 = bench.doubles("most", most);
        for (const t of STEPS) {
          const g = draw(20 + t, n, 1 / t);
          const G = bench.constant("g", g);
          adam(w, g, [m, v, amsgrad ? most : undefined], {
            rate,
            decay,
            decoupled,
            betas,
            epsilon,
            t,
          });
          kernels.adam_update(
            n,
            rate / (1 - betas[0] ** t),
            decoupled ? 0 : decay,
            decoupled ? 1 - rate * decay : 1,
            ...betas,
            epsilon,
            Math.sqrt(1 - betas[1] ** t),
            G.pointer,
            W.pointer,
            M.pointer,
            V.pointer,
            amsgrad ? most1.pointer : 0,
          );
          bench.check();
          follow(build, W.read(), w);
          near(M.read(), m);
          near(V.read(), v);
          near(most1.read(), most);
        }
      }
    },
  );

  it.each(flags.flatMap((centered) => [0, 0.5].map((momentum) => ({ centered, momentum }))))(
    "rmsprop_update is the oracle's to 1e-14 over five updates: %o",
    ({ centered, momentum }) => {
      const options = { rate: 0.01, decay: 0.02, alpha: 0.9, epsilon: 1e-2, momentum };
      for (const n of SIZES) {
        const bench = new Workbench(build);
        const w = draw(1, n);
        const [s, v, mean] = [0, 0, 0].map((x) => Array<number>(n).fill(x)) as [
          number[],
          number[],
          number[],
        ];
        const [W, S, V] = [bench.input("w", w), bench.doubles("s", s), bench.doubles("v", v)];
        const A = bench.doubles("mean", mean);
        for (const t of STEPS) {
          const g = draw(30 + t, n);
          const G = bench.constant("g", g);
          rmsprop(w, g, [s, v, centered ? mean : undefined], options);
          kernels.rmsprop_update(
            n,
            0.01,
            0.02,
            0.9,
            1e-2,
            momentum,
            G.pointer,
            W.pointer,
            S.pointer,
            V.pointer,
            centered ? A.pointer : 0,
          );
          bench.check();
          follow(build, W.read(), w);
          near(S.read(), s);
          near(V.read(), v);
          near(A.read(), mean);
        }
      }
    },
  );

  it("adagrad_update is the oracle's to 1e-14 over five updates", () => {
    for (const n of SIZES) {
      const bench = new Workbench(build);
      const [w, s] = [draw(1, n), Array<number>(n).fill(0.1)];
      const [W, S] = [bench.input("w", w, 1), bench.doubles("s", s)];
      for (const t of STEPS) {
        const g = draw(40 + t, n);
        const G = bench.constant("g", g);
        adagrad(w, g, s, { rate: 0.1 / t, decay: 0.01, epsilon: 1e-10 });
        kernels.adagrad_update(n, 0.1 / t, 0.01, 1e-10, G.pointer, W.pointer, S.pointer);
        bench.check();
        follow(build, W.read(), w);
        near(S.read(), s);
      }
    }
  });

  it("sum_squares, scale_map and clamp_map: sums to 1e-15·n, the others exact", () => {
    for (const n of [...SIZES, 1000]) {
      const x = draw(n, n, 3);
      const bench = new Workbench(build);
      const X = bench.input("x", x, 1);
      const sum = x.reduce((all, value) => all + value * value, 0);
      expect(Math.abs(kernels.sum_squares(n, X.pointer) - sum)).toBeLessThanOrEqual(
        1e-15 * n * sum,
      );
      const scaled = (value: number): number => round(round(0.3) * value);
      kernels.scale_map(n, 0.3, X.pointer);
      expect([...X.read()]).toEqual(x.map(scaled));
      kernels.clamp_map(n, 0.25, X.pointer);
      const limit = (value: number): number => Math.min(Math.max(scaled(value), -0.25), 0.25);
      expect([...X.read()]).toEqual(x.map(limit));
      bench.check();
    }
  });

  it("clamp_map keeps NaN and holds infinities", () => {
    const bench = new Workbench(build);
    const X = bench.input("x", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    kernels.clamp_map(3, 2, X.pointer);
    expect([...X.read()]).toEqual([Number.NaN, 2, -2]);
  });
});
