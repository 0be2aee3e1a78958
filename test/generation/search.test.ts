import { afterAll, describe, expect, it } from "vitest";
import { beamSearch, complete } from "../../src/generate.js";
import { AbortedError, createEngineSync, loadLanguageModel } from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { describedOf, type ModelPlan, tokensOf } from "../support/models.js";
import { type Continuation, type Ends, everyContinuation } from "./oracle.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const V = 4;
const PLANS: readonly ModelPlan[] = [
  {
    name: "lstm",
    size: V,
    input: "embedding",
    parts: [{ cell: "lstm", hiddenSize: 5, layers: 2 }],
    dense: [[V, "identity"]],
  },
  {
    name: "one-hot gru and rnn",
    size: V,
    input: "one-hot",
    parts: [
      { cell: "gru", hiddenSize: 5 },
      { cell: "rnn", hiddenSize: 3 },
    ],
    dense: [[V, "softmax"]],
  },
];
const vocabulary = ["a", "b", "ab", "."];
const prefix = [0, 2, 1];
const WORDS = ["a", "ab.", "abab", "bb", "b", ".a", "aab"];
/** Their ids, the longest token first. */
const PATHS = [[0], [2, 3], [2, 2], [1, 1], [1], [3, 0], [0, 2]];

const CASES: readonly (readonly [string, object, Omit<Ends, "vocabulary">])[] = [
  ["every text of 4 tokens", { maxTokens: 4 }, { maxTokens: 4, lengthEnds: true }],
  ["up to a token", { maxTokens: 5, stop: 3 }, { maxTokens: 5, stopIds: [3], lengthEnds: false }],
  [
    "up to one of two texts",
    { maxTokens: 4, stop: ["ba", "abb"] },
    { maxTokens: 4, stopTexts: ["ba", "abb"], lengthEnds: false },
  ],
  [
    "up to a token or a text",
    { maxTokens: 4, stop: [".", 2] },
    { maxTokens: 4, stopIds: [2], stopTexts: ["."], lengthEnds: false },
  ],
  ["of a dictionary", { allowed: WORDS }, { maxTokens: 9, allowed: PATHS, lengthEnds: false }],
];

interface Result {
  readonly text: string;
  readonly logProb: number;
  readonly reason: string;
  readonly tokens: Int32Array;
  readonly tokenLogProbs: Float64Array;
}

function expectSame(results: readonly Result[], want: readonly Continuation[]): void {
  expect(results.map(({ text, reason }) => ({ text, reason }))).toEqual(
    want.map(({ text, reason }) => ({ text, reason })),
  );
  results.forEach(({ logProb, tokens, tokenLogProbs, reason }, i) => {
    const { path, logProb: own } = want[i] as Continuation;
    expect(Math.abs(logProb - own)).toBeLessThan(1e-12);
    expect([...tokens]).toEqual(path.slice(0, tokens.length));
    expect(tokenLogProbs).toHaveLength(tokens.length);
    if (reason === "stop") return;
    expect(tokens).toHaveLength(path.length);
    expect(tokenLogProbs.reduce((a, b) => a + b, 0)).toBe(logProb);
  });
}

describe.each(PLANS)("$name", (plan) => {
  const description = describedOf(plan, 3);
  const open = () => loadLanguageModel(engine, description, { vocabulary });

  describe.each(CASES)("%s", (_, options, ends) => {
    const want = everyContinuation(description, prefix, { vocabulary, ...ends });

    it("complete gives the likeliest of all, and all there are", async () => {
      expect(want.length).toBeGreaterThan(6);
      const model = await open();
      for (const n of [1, 5, 10_000]) {
        const { completions, isExact, steps } = await complete(model, prefix, { n, ...options });
        expect(isExact).toBe(true);
        expect(steps).toBeLessThan(4 ** 5);
        expectSame(completions, want.slice(0, n));
      }
      model.dispose();
    });

    it("a small budget gives the first of them, and says that it ended", async () => {
      const model = await open();
      const whole = await complete(model, prefix, { n: 6, ...options });
      let inexact = 0;
      for (let budget = 1; budget <= whole.steps + 1; budget++) {
        const { completions, isExact, steps } = await complete(model, prefix, {
          n: 6,
          budget,
          ...options,
        });
        expect(steps).toBeLessThanOrEqual(budget);
        expect(isExact).toBe(completions.length === 6);
        expectSame(completions, want.slice(0, completions.length));
        inexact += +!isExact;
      }
      expect(inexact).toBeGreaterThan(0);
      model.dispose();
    });

    it("beam search with as many beams as beginnings gives the likeliest of all", async () => {
      const model = await open();
      const all = everyContinuation(description, prefix, { vocabulary, ...ends, lengthEnds: true });
      const got = await beamSearch(model, { prompt: prefix, beams: 1024, n: 12, ...options });
      expectSame(got, all.slice(0, 12));
      for (const { score, logProb } of got) expect(score).toBe(logProb);
      model.dispose();
    });
  });

  it("few beams give what plain loops with as many beams give", async () => {
    const model = await open();
    for (const beams of [1, 2, 3]) {
      const got = await beamSearch(model, { prompt: prefix, beams, n: beams, maxTokens: 5 });
      // Without stops the beams of one length are the best of all that the beams before go on to.
      let kept: readonly number[][] = [[]];
      for (let length = 1; length <= 5; length++) {
        const scored = kept.flatMap((path) =>
          everyContinuation(description, [...prefix, ...path], {
            vocabulary,
            maxTokens: 1,
            lengthEnds: true,
          }).map(({ path: [token = 0] }) => {
            const longer = [...path, token];
            const { logProb } = model.scoreSync([[...prefix, ...longer]])[0] as { logProb: number };
            return { longer, logProb };
          }),
        );
        kept = scored
          .sort((a, b) => b.logProb - a.logProb)
          .slice(0, beams)
          .map(({ longer }) => longer);
      }
      expect(got.map(({ tokens }) => [...tokens])).toEqual(kept);
    }
    model.dispose();
  });

  it("a length penalty ranks by logProb / tokens^penalty, over all lengths", async () => {
    const model = await open();
    for (const lengthPenalty of [0.5, 1, 2]) {
      const all = everyContinuation(description, prefix, {
        vocabulary,
        maxTokens: 5,
        stopIds: [3],
        lengthEnds: true,
      });
      const score = ({ logProb, path }: Continuation) => logProb / path.length ** lengthPenalty;
      const want = [...all].sort((a, b) => score(b) - score(a)).slice(0, 8);
      const options = { prompt: prefix, beams: 1024, n: 8, maxTokens: 5, stop: 3, lengthPenalty };
      const got = await beamSearch(model, options);
      expectSame(got, want);
      got.forEach((each, i) => {
        expect(Math.abs(each.score - score(want[i] as Continuation))).toBeLessThan(1e-12);
      });
    }
    model.dispose();
  });

  it("a length penalty drops no beam that may still win, of 12 models", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const other = describedOf(plan, seed);
      const model = await loadLanguageModel(engine, other, { vocabulary });
      const options = { maxTokens: 4, stop: [0, 3], lengthPenalty: 1.5 };
      const ends = { vocabulary, maxTokens: 4, stopIds: [0, 3], lengthEnds: true };
      const score = ({ logProb, path }: Continuation) => logProb / path.length ** 1.5;
      const all = everyContinuation(other, prefix, ends).sort((a, b) => score(b) - score(a));
      const got = await beamSearch(model, { prompt: prefix, beams: 256, n: 1, ...options });
      expectSame(got, all.slice(0, 1));
      model.dispose();
    }
  });

  it("of equal ones the lower ids come first", async () => {
    const flat = describedOf(plan);
    for (const { weight, bias } of flat.dense) {
      weight.data.fill(0);
      bias?.data.fill(0);
    }
    const model = await loadLanguageModel(engine, flat, { vocabulary });
    const { completions } = await complete(model, prefix, { n: 6, maxTokens: 2 });
    const beams = await beamSearch(model, { prompt: prefix, beams: 6, n: 6, maxTokens: 2 });
    const want = [
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 0],
      [1, 1],
    ];
    for (const found of [completions, beams]) {
      expect(found.map(({ tokens }) => [...tokens])).toEqual(want);
    }
    model.dispose();
  });

  it("f32, a stream and a start token: the scores of the model itself", async () => {
    const options = { vocabulary, precision: "f32", start: 2 } as const;
    const model = await loadLanguageModel(engine, description, options);
    const stream = model.stream();
    stream.push(1);
    const { completions } = await complete(model, "", { n: 3, maxTokens: 3, from: stream });
    const beams = await beamSearch(model, { beams: 64, n: 3, maxTokens: 3, from: stream });
    for (const found of [completions, beams]) {
      expect(found).toHaveLength(3);
      for (const { tokens, logProb } of found) {
        expect(model.scoreSync([tokens], { from: stream })[0]?.logProb).toBe(logProb);
      }
    }
    expect(beams.map(({ text }) => text)).toEqual(completions.map(({ text }) => text));
    model.dispose();
  });
});

describe("memory, time, careless calls", () => {
  const plan = PLANS[0] as ModelPlan;

  it("nothing is left behind, whether the search ends, gives up or is aborted", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, describedOf(plan), { vocabulary });
    await beamSearch(model, { prompt: "ab", maxTokens: 2 });
    // How far a search comes until its signal depends on the machine, and memory that grew does not shrink: blocks only.
    const blocks = (): readonly number[] => vacancies(own).slice(0, -1);
    const empty = blocks();
    await complete(model, "ab", { maxTokens: 5, n: 20 });
    await complete(model, "ab", { maxTokens: 90, n: 20, budget: 100 });
    await beamSearch(model, { prompt: "ab", maxTokens: 5 });
    const signal = AbortSignal.timeout(20);
    const work = complete(model, "ab", { maxTokens: 1e9, budget: 1e9, signal });
    await expect(work).rejects.toThrow(AbortedError);
    const beams = beamSearch(model, { prompt: "ab", maxTokens: 1e9, signal });
    await expect(beams).rejects.toThrow(AbortedError);
    expect(blocks()).toEqual(empty);
    own.dispose();
  });

  it("tokens of a large dictionary are found by steps of its words alone", async () => {
    const model = await loadLanguageModel(engine, describedOf(plan), { vocabulary });
    const allowed = Array.from({ length: 3000 }, (_, i) => tokensOf(9, i, V));
    const { completions, steps, isExact } = await complete(model, "a", { n: 4, allowed });
    expect(isExact).toBe(true);
    expect(steps).toBeLessThan(allowed.length);
    const scores = model.scoreSync(allowed.map((path) => [0, ...path]));
    const unique = new Map(
      scores.map(({ logProb }, i) => [(allowed[i] as number[]).join(), logProb]),
    );
    const best = [...unique.values()].sort((a, b) => b - a).slice(0, 4);
    expect(completions.map(({ logProb }) => logProb)).toEqual(best);
    model.dispose();
  });

  it.each([
    [{}, TypeError, "complete: options: expected stop, allowed or maxTokens"],
    [{ maxTokens: 3, n: 0 }, RangeError, "complete: n: expected an integer ≥ 1, got 0"],
    [{ maxTokens: 3, budget: -1 }, RangeError, "complete: budget: expected an integer ≥ 1, got -1"],
    [{ maxTokens: 3, best: 2 }, TypeError, 'complete: options: unknown option "best"'],
  ] as const)("complete %o", async (options, kind, message) => {
    const model = await loadLanguageModel(engine, describedOf(plan), { vocabulary });
    const work = complete(model, "a", options as never);
    await expect(work).rejects.toThrow(kind);
    await expect(complete(model, "a", options as never)).rejects.toThrow(message);
    model.dispose();
  });

  it.each([
    [{ beams: 0 }, "beamSearch: beams: expected an integer in 1 … 1024, got 0"],
    [{ beams: 2, n: 3 }, "beamSearch: n: expected at most 2, the number of beams, got 3"],
    [{ lengthPenalty: -1 }, "beamSearch: lengthPenalty: expected a finite number ≥ 0, got -1"],
    [{ beam: 3 }, 'beamSearch: options: unknown option "beam": did you mean beams?'],
  ])("beamSearch %o", async (options, message) => {
    const model = await loadLanguageModel(engine, describedOf(plan), { vocabulary });
    await expect(beamSearch(model, { prompt: "a", ...options })).rejects.toThrow(message);
    model.dispose();
  });
});
