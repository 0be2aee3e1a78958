import { afterAll, describe, expect, it } from "vitest";
import {
  beamSearch,
  complete,
  type GenerateOptions,
  generate,
  generateMany,
} from "../../src/generate.js";
import {
  AbortedError,
  createEngineSync,
  type LanguageModel,
  loadLanguageModel,
  loadTagger,
  StateError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { vacancies } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan, tokensOf } from "../support/models.js";
import { continued } from "./oracle.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const planOf = (start: string) => LANGUAGE.find(({ name }) => name.startsWith(start)) as ModelPlan;
const described = describedOf(planOf("gru, two"));
const prompt = tokensOf(5, 3);

async function all(model: LanguageModel, options: GenerateOptions) {
  const [tokens, logProbs, texts]: [number[], number[], string[]] = [[], [], []];
  for await (const { token, logProb, text } of generate(model, options)) {
    tokens.push(token);
    logProbs.push(logProb);
    texts.push(text);
  }
  return { tokens, logProbs, texts };
}

const RULES = [
  { seed: 1 },
  { seed: 2 ** 53 - 2, temperature: 0.7, topK: 5 },
  { seed: 3, topP: 0.8, minP: 0.1, repetitionPenalty: 1.4 },
  { seed: 4, temperature: 0 },
];

describe.each(LANGUAGE)("$name", (plan) => {
  it.each(RULES)(
    "%o: the tokens of the oracle, and its log-probabilities to 1e-12",
    async (rule) => {
      const description = describedOf(plan);
      const model = await loadLanguageModel(engine, description);
      const want = continued(description, prompt, { maxTokens: 12, ...rule });
      const got = await all(model, { prompt, maxTokens: 12, ...rule });
      expect(got.tokens).toEqual(want.tokens);
      got.logProbs.forEach((logProb, i) => {
        expect(Math.abs(logProb - (want.logProbs[i] as number))).toBeLessThan(1e-12);
      });
      model.dispose();
    },
  );

  it.each(["f64", "f32"] as const)(
    "%s: many side by side have the bits of each alone, and of a stream",
    async (precision) => {
      const model = await loadLanguageModel(engine, describedOf(plan), { precision });
      const prompts = [3, 1, 7, 4, 2].map((length, i) => tokensOf(length, i));
      const options = { maxTokens: 9, seed: 5, stop: 3, repetitionPenalty: 1.2 };
      const many = await generateMany(model, { prompts, samples: 3, ...options });
      expect(many).toHaveLength(15);
      for (const [i, sample] of many.entries()) {
        const own = prompts[Math.floor(i / 3)] as number[];
        const alone = await all(model, { prompt: own, ...options, seed: 5 + i });
        expect([...sample.tokens]).toEqual(alone.tokens);
        expect([...sample.tokenLogProbs]).toEqual(alone.logProbs);
        const stream = model.stream();
        for (const token of own) stream.push(token);
        expect([...sample.tokens].map((token) => stream.push(token))).toEqual(alone.logProbs);
        stream.dispose();
        expect(sample.reason).toBe(sample.tokens.length < 9 ? "stop" : "length");
        expect(sample.stop).toBe(sample.reason === "stop" ? 3 : undefined);
        expect(sample.logProb).toBe(alone.logProbs.reduce((a, b) => a + b, 0));
      }
      expect(new Set(many.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(10);
      model.dispose();
    },
  );
});

const ALPHABET = ["a", "b", "ab", "bc", "c", "d", " ", "cd", "da", "\n", "ba"];

describe("a model whose tokens have several characters", () => {
  const open = () => loadLanguageModel(engine, described, { vocabulary: ALPHABET });

  it("gives the text of each token, and the whole as its last value", async () => {
    const model = await open();
    const { tokens, texts } = await all(model, { prompt: "abcd", maxTokens: 40, seed: 9 });
    expect(texts).toEqual(tokens.map((token) => ALPHABET[token]));
    const iterator = generate(model, { prompt: "abcd", maxTokens: 40, seed: 9 });
    let step = await iterator.next();
    while (!step.done) step = await iterator.next();
    expect(step.value).toMatchObject({ text: texts.join(""), reason: "length" });
    expect([...step.value.tokens]).toEqual(tokens);
    model.dispose();
  });

  it.each(["bcd", "ba", "c", "dab", "dd", "abab", " b"])(
    "stops before %j wherever tokens begin and end, and gives nothing of it",
    async (stop) => {
      const model = await open();
      let found = 0;
      for (let seed = 0; seed < 40; seed++) {
        const options = { prompt: "a", maxTokens: 30, seed };
        const whole = (await all(model, options)).texts.join("");
        const want = whole.includes(stop) ? whole.slice(0, whole.indexOf(stop)) : whole;
        const { texts } = await all(model, { ...options, stop });
        expect(texts.join("")).toBe(want);
        expect(texts.every((text) => text !== "")).toBe(true);
        const many = { prompts: ["a"], maxTokens: 30, seed, stop };
        const [sample] = await generateMany(model, many);
        expect(sample?.text).toBe(want);
        expect(sample?.stop).toBe(whole.includes(stop) ? stop : undefined);
        found += +whole.includes(stop);
      }
      expect(found).toBeGreaterThan(1);
      model.dispose();
    },
  );

  it("of several stops the first that ends counts, and of those the longest", async () => {
    const model = await open();
    const stops = ["bcd", "cd", "da", "ab\n"];
    for (let seed = 0; seed < 60; seed++) {
      const options = { prompt: "a", maxTokens: 30, seed };
      const whole = (await all(model, options)).texts.join("");
      const ends = stops
        .filter((stop) => whole.includes(stop))
        .map((stop) => ({ stop, at: whole.indexOf(stop), end: whole.indexOf(stop) + stop.length }))
        .sort((a, b) => a.end - b.end || a.at - b.at);
      const [sample] = await generateMany(model, {
        prompts: ["a"],
        maxTokens: 30,
        seed,
        stop: stops,
      });
      expect(sample?.text).toBe(whole.slice(0, ends[0]?.at));
      expect(sample?.stop).toBe(ends[0]?.stop);
    }
    model.dispose();
  });

  it("gives a token as soon as it cannot be part of a stop", async () => {
    const model = await open();
    const plain = await all(model, { prompt: "a", maxTokens: 20, seed: 2 });
    const iterator = generate(model, {
      prompt: "a",
      maxTokens: 1e6,
      seed: 2,
      stop: "no such text",
    });
    const first = await iterator.next();
    expect(first.value).toMatchObject({ token: plain.tokens[0], text: plain.texts[0] });
    await iterator.return(undefined as never);
    model.dispose();
  });
});

describe("allowed continuations", () => {
  const open = () => loadLanguageModel(engine, described, { vocabulary: ALPHABET });

  it("a sample is always one of them, and each comes up as often as the model says", async () => {
    const model = await open();
    const allowed = ["ac", "a d", "bcd", "dd", "ddd", "b"];
    const samples = await generateMany(model, { prompts: ["ab"], samples: 3000, allowed });
    const counts = new Map<string, number>();
    for (const { text, reason } of samples) {
      expect(reason).toBe("allowed");
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    // "dd" begins "ddd", so it is not an end: the sample goes on.
    expect([...counts.keys()].sort()).toEqual(["a d", "ac", "b", "bcd", "ddd"]);
    model.dispose();
  });

  it("nothing follows a long dictionary's word, and a row that is taken over has flags of its own", async () => {
    const model = await open();
    const words = Array.from({ length: 200 }, (_, i) => [i % 11, (i * 7) % 11, (i * 3 + 1) % 11]);
    const allowed = new Set(words.map((word) => word.join()));
    const options = { allowed: words, repetitionPenalty: 1.1, seed: 1 };
    const samples = await generateMany(model, { prompts: ["a", "b"], samples: 100, ...options });
    for (const { tokens } of samples) expect(allowed.has(tokens.join())).toBe(true);
    for (const i of [0, 63, 64, 150, 199]) {
      const alone = await all(model, { ...options, prompt: i < 100 ? "a" : "b", seed: 1 + i });
      expect(alone.tokens).toEqual([...(samples[i]?.tokens ?? [])]);
    }
    model.dispose();
  });
});

describe("where it begins", () => {
  it("a start token stands before the prompt, or in place of one", async () => {
    const model = await loadLanguageModel(engine, described, { start: 4 });
    const plain = await loadLanguageModel(engine, described);
    const options = { maxTokens: 8, seed: 1 };
    expect(await all(model, options)).toEqual(await all(plain, { ...options, prompt: [4] }));
    const longer = await all(model, { ...options, prompt });
    expect(longer).toEqual(await all(plain, { ...options, prompt: [4, ...prompt] }));
    await expect(all(plain, options)).rejects.toThrow("prompt: expected at least one token");
    model.dispose();
    plain.dispose();
  });

  it("a stream stands before the prompt, as it was at the call, and does not move", async () => {
    const model = await loadLanguageModel(engine, described);
    const stream = model.stream();
    for (const token of prompt) stream.push(token);
    const before = stream.next();
    const options = { maxTokens: 8, seed: 1 };
    const want = await all(model, { ...options, prompt: [...prompt, 2] });
    const later = generate(model, { ...options, prompt: [2], from: stream });
    const many = generateMany(model, { ...options, prompts: [[2]], from: stream });
    expect(stream.next()).toEqual(before);
    stream.dispose();
    const tokens: number[] = [];
    for await (const { token } of later) tokens.push(token);
    expect(tokens).toEqual(want.tokens);
    expect([...((await many)[0]?.tokens ?? [])]).toEqual(want.tokens);
    model.dispose();
  });

  it("no prompts are no samples", async () => {
    const model = await loadLanguageModel(engine, described);
    expect(await generateMany(model, { prompts: [] })).toEqual([]);
    model.dispose();
  });
});

describe("time and memory", () => {
  it("many samples let timers run, and end when the signal says so", async () => {
    const model = await loadLanguageModel(engine, described);
    const controller = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      turns++;
      if (turns === 3) controller.abort(new Error("enough"));
    }, 1);
    const { signal } = controller;
    const work = generateMany(model, { prompts: [prompt], samples: 2, maxTokens: 1e9, signal });
    const error = await work.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    clearInterval(timer);
    expect(error).toBeInstanceOf(AbortedError);
    expect((error as AbortedError<unknown>).completed).toEqual([undefined, undefined]);
    expect((error as Error).cause).toEqual(new Error("enough"));
    model.dispose();
  });

  it("an aborted stream of tokens has given what it says", async () => {
    const model = await loadLanguageModel(engine, described);
    const controller = new AbortController();
    const tokens: number[] = [];
    const work = async () => {
      const options = { prompt, maxTokens: 100, signal: controller.signal };
      for await (const { token } of generate(model, options)) {
        tokens.push(token);
        if (tokens.length === 7) controller.abort();
      }
    };
    await expect(work()).rejects.toThrow("generate: aborted after 7 of 100");
    expect(tokens).toHaveLength(7);
    model.dispose();
  });

  it("a model that is disposed of meanwhile lives until the end; nothing is left behind", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    await all(model, { prompt, maxTokens: 2 });
    const empty = vacancies(own);
    const want = await all(model, { prompt, maxTokens: 50 });
    const tokens: number[] = [];
    for await (const { token } of generate(model, { prompt, maxTokens: 50 })) {
      tokens.push(token);
      if (tokens.length === 3) model.dispose();
    }
    expect(tokens).toEqual(want.tokens);
    const other = await loadLanguageModel(own, described);
    for await (const _ of generate(other, { prompt, maxTokens: 50 })) break;
    await generateMany(other, { prompts: [prompt, [1]], samples: 40, maxTokens: 3 });
    await generateMany(other, { prompts: [prompt], samples: 40, maxTokens: 3 });
    expect(vacancies(own)).toEqual(empty);
    own.dispose();
  });

  it("a call that is aborted before it begins leaves nothing behind, not even its copy of a stream", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const from = model.stream();
    from.push(1);
    await all(model, { from, maxTokens: 2 });
    const empty = vacancies(own);
    const options = { from, maxTokens: 5, signal: AbortSignal.abort() };
    await expect(all(model, options)).rejects.toThrow(AbortedError);
    await expect(generateMany(model, options)).rejects.toThrow(AbortedError);
    await expect(beamSearch(model, options)).rejects.toThrow(AbortedError);
    await expect(complete(model, [], options)).rejects.toThrow(AbortedError);
    expect(vacancies(own)).toEqual(empty);
    own.dispose();
  });

  it("an engine that is disposed of ends it with a StateError", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const work = async () => {
      for await (const _ of generate(model, { prompt, maxTokens: 50 })) own.dispose();
    };
    await expect(work()).rejects.toThrow(StateError);
  });

  it("views survive a growth of linear memory", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const want = await all(model, { prompt, maxTokens: 20, repetitionPenalty: 1.3 });
    const tokens: number[] = [];
    const blocks = [];
    for await (const { token } of generate(model, {
      prompt,
      maxTokens: 20,
      repetitionPenalty: 1.3,
    })) {
      tokens.push(token);
      blocks.push(coreOf(own).arena.allocate(2 ** 20));
    }
    expect(tokens).toEqual(want.tokens);
    own.dispose();
  });
});

describe("careless calls", () => {
  const CASES: readonly (readonly [string, object, new (...a: never[]) => Error, string])[] = [
    [
      "an unknown option",
      { temprature: 1 },
      TypeError,
      'unknown option "temprature": did you mean temperature?',
    ],
    [
      "temperature",
      { temperature: -1 },
      RangeError,
      "temperature: expected a finite number ≥ 0, got -1",
    ],
    [
      "temperature",
      { temperature: "hot" },
      TypeError,
      "temperature: expected a finite number ≥ 0, got string",
    ],
    ["topK", { topK: 0 }, RangeError, "topK: expected an integer ≥ 1, got 0"],
    ["topP", { topP: 1.1 }, RangeError, "topP: expected a number in 0 … 1, got 1.1"],
    ["minP", { minP: Number.NaN }, RangeError, "minP: expected a number in 0 … 1, got NaN"],
    [
      "penalty",
      { repetitionPenalty: 0 },
      RangeError,
      "repetitionPenalty: expected a finite number > 0, got 0",
    ],
    ["seed", { seed: 1.5 }, RangeError, "seed: expected an integer in 0 … 2^53 − 1, got 1.5"],
    ["maxTokens", { maxTokens: 0 }, RangeError, "maxTokens: expected an integer ≥ 1, got 0"],
    ["stop", { stop: [""] }, TypeError, "stop[0]"],
    ["stop", { stop: 11 }, RangeError, "stop: expected an id in 0 … 10, got 11"],
    ["stop", { stop: "a" }, TypeError, "stop: a text needs a vocabulary"],
    ["stop", { stop: [{}] }, TypeError, "stop[0]: expected a text or an id, got Object"],
    ["allowed", { allowed: [] }, RangeError, "allowed: expected at least one continuation"],
    ["allowed", { allowed: [[]] }, RangeError, "allowed[0]: expected at least one token"],
    ["allowed", { allowed: "abc" }, TypeError, "allowed: expected an array, got string"],
    ["from", { from: {} }, TypeError, "from: expected a stream, got Object"],
    ["signal", { signal: 1 }, TypeError, "signal: expected an AbortSignal, got number"],
  ];

  it.each(CASES)("%s %o", async (_, options, kind, message) => {
    const model = await loadLanguageModel(engine, described);
    const call = () => generate(model, { prompt, ...options } as GenerateOptions);
    if (message === "stop[0]") expect(call).toThrow(/stop\[0\]/);
    else {
      expect(call).toThrow(kind);
      expect(call).toThrow(
        `generate: ${message}`.replace("generate: unknown", "generate: options: unknown"),
      );
    }
    await expect(generateMany(model, { prompts: [prompt], ...options } as never)).rejects.toThrow(
      /^generateMany: /,
    );
    model.dispose();
  });

  it("what is no model, a disposed one, a stream of another, seeds that run out", async () => {
    const model = await loadLanguageModel(engine, described);
    const other = await loadLanguageModel(engine, described);
    const tagger = await loadTagger(engine, described);
    const of = (value: unknown) => () => generate(value as LanguageModel, { prompt });
    for (const value of [undefined, {}, engine, tagger, model.stream()]) {
      expect(of(value)).toThrow(/^generate: model: expected a model of loadLanguageModel, got /);
    }
    expect(() => generate(model, { prompt, from: other.stream() })).toThrow(StateError);
    expect(() => generate(model, { prompt, from: model as never })).toThrow(
      "from: expected a stream",
    );
    await expect(
      generateMany(model, { prompts: [prompt], samples: 2, seed: 2 ** 53 - 1 }),
    ).rejects.toThrow("seed");
    model.dispose();
    expect(of(model)).toThrow("generate: the model is disposed");
    tagger.dispose();
    other.dispose();
  });

  it("a model that gives NaN ends with an error that says so", async () => {
    const broken = describedOf(planOf("lstm over"));
    const [top] = broken.dense;
    // 1.7e308 and as much again for the first token, or for all others.
    top?.bias?.data.fill(1.7e308);
    top?.weight.data.fill(-1.7e308).fill(1.7e308, 0, 7);
    const model = await loadLanguageModel(engine, broken);
    await expect(all(model, { prompt })).rejects.toThrow(
      "generate: the model gives no probability to any token after 0 tokens",
    );
    model.dispose();
  });
});
