import { describe, expect, it } from "vitest";
import { lstmGatesBackward, lstmGatesForward } from "../oracle/gates.js";
import { firstDifference, units } from "../support/compare.js";
import { functionsOf, PLAIN } from "../support/functions.js";
import { builds } from "../support/kernels.js";
import { makeReaching, makeStep, runBackward, runForward } from "../support/lstm_kernels.js";
import { uniform } from "../support/random.js";
import { specialArray } from "../support/special.js";

// A vector holds 2 units: below, at, just above and many times that; odd ones leave a unit alone in every block.
const UNITS = [0, 1, 2, 3, 4, 5, 8, 9, 33];
const BATCHES = [0, 1, 2, 3, 7];

/** Compares what has the same name, bit for bit. */
function compare(
  got: Record<string, Float64Array>,
  want: Record<string, Float64Array>,
  where: string,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, values] of Object.entries(want)) {
    expect(firstDifference(got[name] as Float64Array, values), `${name}, ${where}`).toBeUndefined();
  }
}

const part = (x: Float64Array, m: number, row: number): Float64Array =>
  x.slice((row * x.length) / m, ((row + 1) * x.length) / m);

describe.each(builds)("lstm_gates_forward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(40);
  const wide = (): number => 8 * next() ** 3;

  it.each(UNITS)("na = %i: every bit as the plain loop around the kernels' functions", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const step = makeStep(wide, m, na);
        compare(runForward(build, step, shift), lstmGatesForward(step, own), `m ${m}`);
      }
    }
  });

  // Positive numbers, so that f·cPrev + i·g does not cancel. A sigmoid and a tanh within 2.1 units each (seen), a product,
  // a sum, and the tanh of it, whose relative error is no larger than its argument's: seen at 3.5.
  it("within 6·2^−52 of a plain loop with Math.exp and Math.tanh", () => {
    for (const na of UNITS) {
      const step = makeStep(() => Math.abs(wide()), 3, na);
      const [got, want] = [runForward(build, step), lstmGatesForward(step, PLAIN)];
      for (const name of ["gates", "c", "h"] as const) {
        expect(units(got[name], want[name]), name).toBeLessThanOrEqual(6);
      }
    }
  });

  it("gives the same bits where c is cPrev itself", () => {
    for (const na of UNITS) {
      const step = makeStep(wide, 3, na);
      compare(runForward(build, step, 0, true), runForward(build, step), `na ${na}`);
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
      compare(runForward(build, step), lstmGatesForward(step, own), `seed ${seed}`);
    }
  });
});

describe.each(builds)("lstm_gates_backward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(41);

  it.each(UNITS)("na = %i: every bit as the plain loop around the kernels' tanh", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const [step, reaching] = [makeStep(next, m, na), makeReaching(next, m, na)];
        const want = lstmGatesBackward(step, reaching, own);
        compare(runBackward(build, step, reaching, shift), want, `m ${m}`);
      }
    }
  });

  // Positive numbers below 1, so that no sum cancels and 1 − tanh²c ≥ 0.4 amplifies the 2.1 units of tanh at most 3 times:
  // seen at 4.3.
  it("within 8·2^−52 of a plain loop with Math.tanh", () => {
    for (const na of UNITS) {
      const positive = (): number => Math.abs(next());
      const [step, reaching] = [makeStep(positive, 3, na), makeReaching(positive, 3, na)];
      const got = runBackward(build, step, reaching);
      const want = lstmGatesBackward(step, reaching, PLAIN);
      expect(units(got.dz, want.dz)).toBeLessThanOrEqual(8);
      expect(units(got.dcPrev, want.dcPrev)).toBeLessThanOrEqual(8);
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
      compare(runBackward(build, step, reaching), want, `seed ${seed}`);
    }
  });
});

describe.each(builds)("LSTM gates, $name build: a row's bits are its own", (build) => {
  it.each([1, 2, 5])("na = %i, alone or beside NaN and infinite rows in a batch of 4", (na) => {
    const next = uniform(42);
    const [m, alone, reaching] = [4, makeStep(next, 1, na), makeReaching(next, 1, na)];
    const forward = runForward(build, alone);
    const backward = runBackward(build, alone, reaching);
    for (const mate of [Number.NaN, Number.POSITIVE_INFINITY, 0.5]) {
      for (let row = 0; row < m; row++) {
        const beside = (x: Float64Array): Float64Array => {
          const all = new Float64Array(m * x.length).fill(mate);
          all.set(x, row * x.length);
          return all;
        };
        const step = { m, na, gates: beside(alone.gates), cPrev: beside(alone.cPrev) };
        const [c, dy, dh, dc] = [reaching.c, reaching.dy, reaching.dh, reaching.dc].map(beside);
        const all = {
          ...runForward(build, step),
          ...runBackward(build, step, { c, dy, dh, dc } as typeof reaching),
        };
        const own = Object.entries(all).map(([name, x]) => [name, part(x, m, row)] as const);
        compare(Object.fromEntries(own), { ...forward, ...backward }, `row ${row}`);
      }
    }
  });
});
