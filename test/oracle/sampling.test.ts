import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pick, type SamplingRule, samplingWeights, uniformAt } from "./sampling.js";
import { logSoftmax } from "./softmax.js";

interface Case {
  readonly n: number;
  readonly seed: number;
  readonly rule: SamplingRule;
  readonly seen: readonly number[];
  readonly probabilities: readonly number[];
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL("../fixtures/torch-sampling.json", import.meta.url), "utf8"),
);

/** As scripts/make_torch_sampling.py has them. */
const logitsOf = (n: number, seed: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 7919 + seed * 104729) % 1009) / 126 - 4);

describe("Hugging Face's rules in PyTorch", () => {
  it.each(cases.map((one) => [JSON.stringify(one.rule), one] as const))(
    "%s: the oracle's probabilities to 1e-14, the same tokens cut away",
    (_, { n, seed, rule, seen, probabilities }) => {
      const weights = samplingWeights(logSoftmax(logitsOf(n, seed)), rule, new Set(seen));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, id) => {
        const want = probabilities[id] as number;
        expect(weight === 0).toBe(want === 0);
        expect(Math.abs(weight / total - want)).toBeLessThan(1e-14);
      });
    },
  );
});

it("pick gives the token whose part holds the number, parts in the order of ids", () => {
  const weights = [1, 0, 2, 1];
  expect([0, 0.24, 0.25, 0.74, 0.75, 0.9999].map((u) => pick(weights, u))).toEqual([
    0, 0, 2, 2, 3, 3,
  ]);
});

it("uniformAt is SplitMix64, as its authors publish it for seed 1234567", () => {
  const published = [
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ];
  published.forEach((number, i) => {
    expect(uniformAt(1234567n, BigInt(i))).toBe(Number(number >> 11n) * 2 ** -53);
  });
});
