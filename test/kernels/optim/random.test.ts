import { describe, expect, it } from "vitest";
import { openTraining, trainings, Workbench } from "../../support/kernels.js";

const build = openTraining();
const { kernels } = build;
const MASK = 2n ** 64n - 1n;

/** Number i of SplitMix64's sequence, 64 bits. */
function splitMix(seed: bigint, i: bigint): bigint {
  let z = (seed + (i + 1n) * 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

const uniform = (seed: bigint, i: bigint): number => Number(splitMix(seed, i) >> 11n) * 2 ** -53;

it("the oracle gives the numbers that the generator's authors publish for seed 1234567", () => {
  expect([0n, 1n, 2n, 3n, 4n].map((i) => splitMix(1234567n, i))).toEqual([
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
});

it("random_map is the oracle's in every bit, from any place", () => {
  for (const [low, high] of [
    [0, 0],
    [1234567, 0],
    [4294967295, 2097151],
  ] as const) {
    for (const first of [0, 1, 2 ** 40, 2 ** 53 - 8]) {
      const bench = new Workbench(build);
      const y = bench.output("y", 7, 1);
      kernels.random_map(7, low, high, first, y.pointer);
      bench.check();
      const seed = (BigInt(high) << 32n) | BigInt(low);
      const want = Array.from({ length: 7 }, (_, i) => uniform(seed, BigInt(first) + BigInt(i)));
      expect([...y.read()]).toEqual(want);
    }
  }
});

describe.each(trainings())("$name", (own) => {
  const { round } = own.numbers;

  it("dropout_mask is 0 where the uniform number is below p, and 1 / (1 − p) elsewhere", () => {
    for (const p of [0, 0.1, 0.5, 0.99]) {
      const bench = new Workbench(own);
      const mask = bench.output("mask", 999, 1);
      own.kernels.dropout_mask(999, p, 5, 6, 77, mask.pointer);
      bench.check();
      const seed = (6n << 32n) | 5n;
      const u = Array.from({ length: 999 }, (_, i) => uniform(seed, 77n + BigInt(i)));
      expect([...mask.read()]).toEqual(u.map((x) => (x < p ? 0 : round(1 / (1 - p)))));
    }
  });

  it("multiply_map is exact, in place too", () => {
    for (const n of [0, 1, 2, 3, 4, 5, 7]) {
      const [a, b] = [0, 3].map((k) =>
        Array.from({ length: n }, (_, i) => round(Math.sin(i + k))),
      ) as [number[], number[]];
      const bench = new Workbench(own);
      const [A, B] = [bench.input("a", a, 1), bench.constant("b", b)];
      own.kernels.multiply_map(n, A.pointer, B.pointer, A.pointer);
      bench.check();
      expect([...A.read()]).toEqual(a.map((x, i) => round(x * (b[i] as number))));
    }
  });
});
