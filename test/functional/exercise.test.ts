import { describe, expect, it } from "vitest";
import { loaded } from "../oracle/tensor.js";
import { relativeError } from "../support/compare.js";
import { subjects } from "../support/engines.js";
import { misprints, runSeedCase, type SeedCase } from "../support/exercise.js";
import { fixtures } from "../support/fixtures.js";
import type { Tensor } from "../support/subject.js";

// numpy sums the same products in another order, over at most 70 terms: 70·2^−53 = 8e-15.
const BOUND = 1e-12;

const cases = fixtures<SeedCase>("seed-cases");

describe.each(subjects)("the exercise's programs on the $name", (subject) => {
  it.each(cases)(`$name: every array to ${BOUND}`, ({ content }) => {
    const outputs = runSeedCase(subject, content);
    const names = Object.keys(content.expected);
    expect(names).not.toEqual([]);
    for (const name of names) {
      const want = loaded(content.expected[name] as (typeof content.expected)[string]);
      expect(relativeError(outputs[name] as Tensor, want), name).toBeLessThan(BOUND);
    }
  });

  it.each(cases)("$name: every printed figure to its last digit", ({ content }) => {
    const outputs = runSeedCase(subject, content);
    expect(misprints(outputs, content.printed)).toEqual([]);
  });
});

it("the text prints figures for eight of the nine programs", () => {
  const printing = cases.filter(({ content }) => Object.keys(content.printed).length > 0);
  expect([cases.length, printing.length]).toEqual([9, 8]);
});
