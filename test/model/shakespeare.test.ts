import { beforeAll, describe, expect, it } from "vitest";
import { createEngineSync, type LanguageModel, loadLanguageModel } from "../../src/index.js";
import { shakespeare } from "../support/fixtures.js";

describe("the Shakespeare model, 20,000 characters, against PyTorch", () => {
  const { model: bytes, vocabulary, text, reference } = shakespeare();
  let model: LanguageModel;
  const engine = createEngineSync();
  const open = (precision: "f64" | "f32") =>
    loadLanguageModel(engine, bytes, { vocabulary, precision });

  beforeAll(async () => {
    model = await open("f64");
  });

  const near = (got: ArrayLike<number>, want: ArrayLike<number>, bound: number): void => {
    expect(got.length).toBe(want.length);
    let worst = 0;
    for (let i = 0; i < want.length; i++) {
      worst = Math.max(worst, Math.abs((got[i] as number) - (want[i] as number)));
    }
    expect(worst).toBeLessThan(bound);
  };

  it("the whole text: 1e-9 nats in total, 1e-12 in each of the first and last 64 tokens", async () => {
    const [score] = await model.score([text]);
    expect(score?.tokens).toBe(19_999);
    expect(Math.abs((score?.logProb ?? 0) - reference.total_log_prob)).toBeLessThan(1e-9);
    const logProbs = score?.tokenLogProbs ?? [];
    near(logProbs.slice(0, 64), reference.first_64_token_log_probs, 1e-12);
    near(logProbs.slice(-64), reference.last_64_token_log_probs, 1e-12);
    expect(score?.perplexity).toBeCloseTo(Math.exp(reference.nats_per_char), 10);
    expect(score?.bitsPerToken).toBeCloseTo(reference.nats_per_char / Math.LN2, 12);
  });

  it("167 lines: each to 1e-12, 1e-9 in total", async () => {
    const { lines } = reference;
    expect(lines).toHaveLength(167);
    const scores = await model.score(lines.map((line) => line.text));
    near(
      scores.map(({ logProb }) => logProb),
      lines.map(({ log_prob }) => log_prob),
      1e-12,
    );
    const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
    const [got, want] = [scores.map((s) => s.logProb), lines.map((line) => line.log_prob)];
    expect(Math.abs(sum(got) - sum(want))).toBeLessThan(1e-9);
  });

  it("the final states of both layers, 1e-11, out of a stream's bytes; each token's bits as scored", () => {
    const stream = model.stream();
    const logProbs = Array.from(text.slice(0, -1), (character) => stream.push(character));
    // The reference has not read the last character either: it is a target only.
    const bytes = stream.state.toBytes();
    logProbs.push(stream.push(text.at(-1) as string));
    const [score] = model.scoreSync([text]);
    expect(logProbs.slice(1)).toEqual(Array.from(score?.tokenLogProbs ?? []));
    expect(logProbs.reduce((sum, each) => sum + each, 0)).toBe(score?.logProb);
    // h of both layers, then c.
    const numbers = new Float64Array(bytes.slice(28, -16).buffer);
    const { final_h, final_c } = reference;
    const want = [...final_h.flat(), ...final_c.flat()];
    near(numbers, want, 1e-11);
    stream.dispose();
  });

  // float32 rounds at 2^−24; the memory of this model reaches 366, and errors live on in it.
  it("f32: the whole text to 0.001 nats in 27,323, a token to 0.0001", async () => {
    const single = await open("f32");
    const [score] = await single.score([text]);
    const [exact] = model.scoreSync([text]);
    expect(Math.abs((score?.logProb ?? 0) - reference.total_log_prob)).toBeLessThan(0.001);
    near(score?.tokenLogProbs ?? [], exact?.tokenLogProbs ?? [], 0.0001);
    single.dispose();
  });
});
