import { describe, expect, it } from "vitest";
import { lstmGatesBackward, lstmGatesForward } from "../../oracle/cells.js";
import { expectSameBits, units } from "../../support/compare.js";
import { trainingTwins, twins } from "../../support/kernels.js";
import { specialArray, uniform } from "../../support/random.js";
import { functionsOf, plainOf } from "../activations.js";
import { makeReaching, makeStep, runBackward, runForward } from "./lstm_steps.js";

// A vector holds 2 units, in f32 4: below, at, just above and many times that; odd ones leave a unit alone in every block.
const UNITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 33];
const BATCHES = [0, 1, 2, 3, 7];

const part = (x: Float64Array, m: number, row: number): Float64Array =>
  x.slice((row * x.length) / m, ((row + 1) * x.length) / m);

describe.each(twins)("lstm_gates_forward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(40);
  const wide = (): number => 8 * next() ** 3;

  it.each(UNITS)("na = %i: every bit as the plain loop around the kernels' functions", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const step = makeStep(wide, m, na);
        expectSameBits(runForward(build, step, shift), lstmGatesForward(step, own), `m ${m}`);
      }
    }
  });

  // Positive numbers, so that f·cPrev + i·g does not cancel. A sigmoid and a tanh within 2.1 units each (seen), a product,
  // a sum, and the tanh of it, whose relative error is no larger than its argument's: seen at 3.5.
  it("within 6 units of a plain loop with Math.exp and Math.tanh", () => {
    for (const na of UNITS) {
      const step = makeStep(() => Math.abs(wide()), 3, na);
      const [got, want] = [runForward(build, step), lstmGatesForward(step, plainOf(build))];
      for (const name of ["gates", "c", "h"] as const) {
        const error = units(got[name], want[name], want[name], build.numbers);
        expect(error, name).toBeLessThanOrEqual(6);
      }
    }
  });

  it("gives the same bits where c is cPrev itself", () => {
    for (const na of UNITS) {
      const step = makeStep(wide, 3, na);
      expectSameBits(runForward(build, step, 0, true), runForward(build, step), `na ${na}`);
    }
  });

  it("gates that are saturated are exactly 0, 1 and ±1: they keep, clear and set the memory", () => {
    const inf = Number.POSITIVE_INFINITY;
    const [i, f, g, o] = [
      [-inf, 1e3, 1e3],
      [inf, -1e3, -1e3],
      [1e3, inf, -inf],
      [1e3, 1e3, -inf],
    ];
    const gates = Float64Array.from([i, f, g, o].flatMap((block) => block ?? []));
    const made = runForward(build, { m: 1, na: 3, gates, cPrev: Float64Array.of(0.5, 7, 7) });
    expect([...made.gates]).toEqual([0, 1, 1, 1, 0, 0, 1, 1, -1, 1, 1, 0]);
    expect([...made.c]).toEqual([0.5, 1, -1]);
    expect([...made.h]).toEqual([own.tanh(0.5), own.tanh(1), -0]);
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them", () => {
    for (let seed = 0; seed < 40; seed++) {
      const [m, na] = [2, 5];
      const [gates, cPrev] = [specialArray(seed, m * 4 * na), specialArray(seed + 100, m * na)];
      const step = { m, na, gates, cPrev };
      expectSameBits(runForward(build, step), lstmGatesForward(step, own), `seed ${seed}`);
    }
  });
});

describe.each(trainingTwins)("lstm_gates_backward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(41);

  it.each(UNITS)("na = %i: every bit as the plain loop around the kernels' tanh", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const [step, reaching] = [makeStep(next, m, na), makeReaching(next, m, na)];
        const want = lstmGatesBackward(step, reaching, own);
        expectSameBits(runBackward(build, step, reaching, shift), want, `m ${m}`);
      }
    }
  });

  // Positive numbers below 1, so that no sum cancels and 1 − tanh²c ≥ 0.4 amplifies the 2.1 units of tanh at most 3 times:
  // seen at 4.3.
  it("within 8 units of a plain loop with Math.tanh", () => {
    for (const na of UNITS) {
      const positive = (): number => Math.abs(next());
      const [step, reaching] = [makeStep(positive, 3, na), makeReaching(positive, 3, na)];
      const got = runBackward(build, step, reaching);
      const want = lstmGatesBackward(step, reaching, plainOf(build));
      expect(units(got.dz, want.dz, want.dz, build.numbers)).toBeLessThanOrEqual(8);
      expect(units(got.dcPrev, want.dcPrev, want.dcPrev, build.numbers)).toBeLessThanOrEqual(8);
    }
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them", () => {
    for (let seed = 0; seed < 40; seed++) {
      const [m, na] = [2, 5];
      const special = (more: number, n: number) => specialArray(seed + 100 * more, n);
      const step = { m, na, gates: special(0, m * 4 * na), cPrev: special(1, m * na) };
      const [c, dy, dh, dc] = [2, 3, 4, 5].map((more) => special(more, m * na));
      const reaching = { c, dy, dh, dc } as ReturnType<typeof makeReaching>;
      const want = lstmGatesBackward(step, reaching, own);
      expectSameBits(runBackward(build, step, reaching), want, `seed ${seed}`);
    }
  });
});

type Operands<K extends string> = { [name in K]: Float64Array };

/** Runs a row alone, then in each place of a batch of 4 beside rows of NaN, Infinity and ½, and compares every bit. */
function compareRows<K extends string>(
  row: Operands<K>,
  run: (m: number, operands: Operands<K>) => Record<string, Float64Array>,
): void {
  const [m, want] = [4, run(1, row)];
  for (const mate of [Number.NaN, Number.POSITIVE_INFINITY, 0.5]) {
    for (let place = 0; place < m; place++) {
      const beside = Object.entries<Float64Array>(row).map(([name, x]) => {
        const all = new Float64Array(m * x.length).fill(mate);
        all.set(x, place * x.length);
        return [name, all];
      });
      const all = run(m, Object.fromEntries(beside) as Operands<K>);
      const own = Object.entries(all).map(([name, x]) => [name, part(x, m, place)] as const);
      expectSameBits(Object.fromEntries(own), want, `row ${place} beside ${mate}`);
    }
  }
}

const NA = [1, 2, 3, 5, 9];

describe.each(twins)("lstm_gates_forward, $name build: a row's bits are its own", (build) => {
  it.each(NA)("na = %i", (na) => {
    const { gates, cPrev } = makeStep(uniform(42), 1, na);
    compareRows({ gates, cPrev }, (m, operands) => runForward(build, { m, na, ...operands }));
  });
});

describe.each(trainingTwins)(
  "lstm_gates_backward, $name build: a row's bits are its own",
  (build) => {
    it.each(NA)("na = %i", (na) => {
      const next = uniform(43);
      const { gates, cPrev } = makeStep(next, 1, na);
      const reaching = makeReaching(next, 1, na);
      compareRows({ gates, cPrev, ...reaching }, (m, { gates, cPrev, ...reaching }) =>
        runBackward(build, { m, na, gates, cPrev }, reaching),
      );
    });
  },
);
