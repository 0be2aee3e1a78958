import { describe, expect, it } from "vitest";
import { bitsPerCharacter, kneserNey } from "../../scripts/kneser_ney.mjs";

const near = (got: number, want: number): void => {
  expect(Math.abs(got - want)).toBeLessThan(1e-12);
};

describe("interpolated Kneser-Ney", () => {
  // By hand. Bigrams: start-a 2, aa 1, ab 2, so D = 1/(1 + 2·2) = 1/5. Characters that stand before a: 2 (start, a), before
  // b: 1, so D = 1/(1 + 2·1) = 1/3, and with three characters, the unknown one included, P(a) = (2 − 1/3)/3 + 2/9·1/3.
  const { probability, size } = kneserNey(["aab", "ab"], { order: 2 });

  it("bigrams of two lines, computed by hand, to 1e-12", () => {
    expect(size).toBe(3);
    near(probability("a", []), 26 / 27);
    near(probability("a", ["a"]), 142 / 405);
    near(probability("b", ["a"]), 259 / 405);
    near(probability("c", ["a"]), 4 / 405);
    near(probability("a", ["c"]), 17 / 27);
    near(probability("b", ["b"]), 8 / 27);
  });

  it("bits: the mean of −log2 of these", () => {
    const { bits, characters } = bitsPerCharacter({ probability, size }, ["aa", "b"], 2);
    expect(characters).toBe(3);
    const first = (0.2 * 0.5 * 8) / 27;
    near(bits, -(Math.log2(26 / 27) + Math.log2(142 / 405) + Math.log2(first)) / 3);
  });

  it.each([
    [1, false],
    [3, false],
    [5, false],
    [5, true],
  ])(
    "order %i, modified %s: the probabilities of all characters sum to 1 within 1e-12",
    (order, modified) => {
      const lines = Array.from(
        { length: 40 },
        (_, i) => `the ${"cat dog bird sat".slice(i % 9, 4 + (i % 7))}${i}\n`,
      );
      const model = kneserNey(lines, { order, modified });
      const characters = [...new Set(lines.join("")), "\ufffd"];
      for (const before of [[], ["t"], [..."the "], [..."xyz"], [..."at the c"]]) {
        near(
          characters.reduce((sum, each) => sum + model.probability(each, before), 0),
          1,
        );
      }
    },
  );
});
