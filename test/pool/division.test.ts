import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divide, divideAgain } from "../../src/pool/division.js";

const cost = (lengths: readonly number[], portion: readonly number[]): number =>
  portion.reduce((sum, i) => sum + (lengths[i] as number) + 1, 0);

/** When the last of the workers ends, each of which takes the next portion as soon as it is free. */
function makespan(lengths: readonly number[], portions: readonly number[][], workers: number) {
  const ends = Array(workers).fill(0);
  for (const portion of portions) {
    const first = ends.indexOf(Math.min(...ends));
    ends[first] += cost(lengths, portion);
  }
  return Math.max(...ends);
}

const all = (lengths: readonly number[]): number[] => [...lengths.keys()];

describe("the division of a call into portions", () => {
  it("each sequence is in one portion, the longest first", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3000), { maxLength: 400 }),
        fc.integer({ min: 1, max: 9 }),
        (lengths, workers) => {
          const order = divide(lengths, all(lengths), workers).flat();
          expect([...order].sort((a, b) => a - b)).toEqual(all(lengths));
          for (let k = 1; k < order.length; k++) {
            const [before, after] = [order[k - 1], order[k]] as [number, number];
            expect(lengths[before]).toBeGreaterThanOrEqual(lengths[after] as number);
          }
        },
      ),
      { seed: 9 },
    );
  });

  it("the last worker ends at most one longest sequence, or 257 rows, after a perfect division", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: 9 }),
        (lengths, workers) => {
          const portions = divide(lengths, all(lengths), workers);
          const perfect = cost(lengths, all(lengths)) / workers;
          const most = Math.max(...lengths) + 1;
          expect(makespan(lengths, portions, workers)).toBeLessThanOrEqual(perfect + most + 257);
        },
      ),
      { seed: 9 },
    );
  });

  it.each([
    ["5,000 lines of 60", Array(5000).fill(60), 2, 0.999],
    ["300 lines of 60", Array(300).fill(60), 2, 0.98],
    ["1,000 lines from 1 to 200", Array.from({ length: 1000 }, (_, i) => 1 + (i % 200)), 2, 0.995],
    ["64 lines of 200", Array(64).fill(200), 2, 0.95],
    [
      "16 texts of 18,000 beside 1,000 of 40",
      [...Array(16).fill(18000), ...Array(1000).fill(40)],
      2,
      0.99,
    ],
    ["5,000 lines of 60, on 16", Array(5000).fill(60), 16, 0.97],
  ])(
    "%s on %i workers: they are at work for at least %f of the time",
    (_, lengths, workers, least) => {
      const portions = divide(lengths, all(lengths), workers);
      const ideal = cost(lengths, all(lengths)) / workers;
      expect(ideal / makespan(lengths, portions, workers)).toBeGreaterThan(least);
      for (const portion of portions) expect(portion.length).toBeLessThanOrEqual(64);
    },
  );

  it("portions of short sequences hold more than 64 of them, in whole batches, and a small call is one portion", () => {
    const sizes = divide(Array(10_000).fill(3), all(Array(10_000).fill(3)), 2).map(
      (each) => each.length,
    );
    expect(sizes[0]).toBe(512);
    expect(divide([40, 30, 20], [0, 1, 2], 4)).toEqual([[0, 1, 2]]);
    expect(divide([], [], 4)).toEqual([]);
  });

  it("after the end of a worker its portion is divided until the last try has each sequence alone", () => {
    const portion = Array.from({ length: 64 }, (_, i) => i);
    expect(divideAgain(portion, 1)).toEqual(portion.map((i) => [i]));
    expect(divideAgain(portion, 2).map((each) => each.length)).toEqual(Array(8).fill(8));
    for (const triesLeft of [1, 2, 3, 9]) {
      expect(divideAgain(portion, triesLeft).flat()).toEqual(portion);
      expect(divideAgain([5], triesLeft)).toEqual([[5]]);
    }
  });
});
