import { describe, expect, it } from "vitest";
import { loadLanguageModel, type Precision } from "../../src/index.js";
import { tokenLogProbs } from "../oracle/model.js";
import { describedOf, LANGUAGE, textsOf } from "../support/models.js";
import { engines } from "../support/subjects.js";

// A few dozen roundings of numbers near 1 at each of 40 steps of a stable network.
const BOUNDS: Readonly<Record<Precision, number>> = { f64: 1e-13, f32: 2e-5 };

const lengths = [12, 0, 1, 40, 2, 7, 7, 40, 3, 25, 1, 0];

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
