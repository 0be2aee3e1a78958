import { describe, expect, it } from "vitest";
import { writeModel } from "../../src/formats/safetensors.js";
import { createEngineSync, loadLanguageModel, type Precision } from "../../src/index.js";
import { tokenLogProbs } from "../oracle/model.js";
import { engines } from "../support/engines.js";
import { describedOf, LANGUAGE, textsOf } from "../support/models.js";

// A few dozen roundings of numbers near 1 at each of 40 steps of a stable network.
const BOUNDS: Readonly<Record<Precision, number>> = { f64: 1e-13, f32: 2e-5 };

const lengths = [12, 0, 1, 40, 2, 7, 7, 40, 3, 25, 1, 0];

describe("a model in a file", () => {
  const engine = createEngineSync();
  it.each(LANGUAGE)("$name: written and opened again, 0 bits of difference", async (plan) => {
    const vocabulary = Object.fromEntries(Array.from("abcdefghijk", (letter, id) => [letter, id]));
    const metadata = new Map([
      ["vocabulary", JSON.stringify(vocabulary)],
      ["start", "k"],
      ["unknown", "b"],
    ]);
    const described = { ...describedOf(plan), metadata };
    const bytes = writeModel(described);
    const here = await loadLanguageModel(engine, described);
    // As bytes, and as a buffer of their own.
    for (const source of [bytes, Uint8Array.from(bytes).buffer]) {
      const there = await loadLanguageModel(engine, source);
      expect(there.hash).toBe(here.hash);
      expect(there.start).toBe(10);
      const texts = ["bad", "a cab", "", "jjj"];
      const scores = there.scoreSync(texts);
      expect(scores).toEqual(here.scoreSync(texts));
      expect(scores.map(({ tokens }) => tokens)).toEqual([3, 5, 0, 3]);
      there.dispose();
    }
    here.dispose();
  });
});

describe.each(engines)("log-probabilities on the $name", ({ engine }) => {
  describe.each(["f64", "f32"] as const)(`%s, to ${JSON.stringify(BOUNDS)} nats`, (precision) => {
    it.each(LANGUAGE)("$name", async (plan) => {
      const description = describedOf(plan);
      const model = await loadLanguageModel(engine, description, { precision });
      const texts = textsOf(lengths);
      const scores = model.scoreSync(texts);
      expect(await model.score(texts)).toEqual(scores);
      expect(scores).toHaveLength(texts.length);
      texts.forEach((text, b) => {
        const score = scores[b] as (typeof scores)[number];
        const want = tokenLogProbs(description, text);
        expect(score.tokens).toBe(Math.max(text.length - 1, 0));
        expect(score.tokenLogProbs).toHaveLength(score.tokens);
        let sum = 0;
        want.forEach((value, t) => {
          const got = score.tokenLogProbs[t] as number;
          expect(Math.abs(got - value), `${b}, ${t}`).toBeLessThan(BOUNDS[precision]);
          sum += got;
        });
        expect(score.logProb).toBe(sum);
        if (score.tokens === 0) {
          expect([score.perplexity, score.bitsPerToken]).toEqual([Number.NaN, Number.NaN]);
          return;
        }
        const perToken = -sum / score.tokens;
        expect(Math.abs(score.perplexity / Math.exp(perToken) - 1)).toBeLessThan(1e-15);
        expect(Math.abs(score.bitsPerToken / (perToken / Math.LN2) - 1)).toBeLessThan(1e-15);
      });
      model.dispose();
    });
  });
});
