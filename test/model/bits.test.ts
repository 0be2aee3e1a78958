import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type DenseDescription,
  type Engine,
  type LanguageModel,
  loadLanguageModel,
  loadTagger,
  type Score,
  type StoredNumbers,
  type Tagger,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { FIXED, seeds } from "../support/cells.js";
import { type EngineSubject, engines } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const precisions = ["f64", "f32"] as const;

async function* arriving<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const [i, item] of items.entries()) {
    if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
    yield item;
  }
}

/** What a stream says of a text, token by token. */
function pushed(model: LanguageModel, text: readonly number[]): number[] {
  const stream = model.stream();
  const logProbs = text.map((token) => stream.push(token));
  stream.dispose();
  return logProbs.slice(1);
}

const each = ({ tokenLogProbs }: Score): number[] => Array.from(tokenLogProbs);

describe.each(engines)("the same bits on the $name", ({ engine }) => {
  describe.each(precisions)("%s", (precision) => {
    it.each(LANGUAGE)(
      "$name: alone, in any batch and order, streamed, forked, restored, continued",
      async (plan) => {
        const description = describedOf(plan);
        const model = await loadLanguageModel(engine, description, { precision });
        const length = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 }));
        const lengths = fc.array(length, { minLength: 1, maxLength: 9 });
        const property = fc.asyncProperty(lengths, seeds, fc.nat(), async (lengths, seed, turn) => {
          const texts = textsOf(lengths, seed % 1000);
          const alone = texts.map((text) => model.scoreSync([text])[0] as Score);
          expect(model.scoreSync(texts)).toEqual(alone);
          const by = turn % texts.length;
          const turned = [...texts.slice(by), ...texts.slice(0, by)].reverse();
          const back = [...alone.slice(by), ...alone.slice(0, by)].reverse();
          expect(await model.score(turned, { yieldEvery: 0 })).toEqual(back);
          const many: Score[] = [];
          for await (const score of model.scoreMany(arriving(texts), {
            concurrency: 1 + (turn % 5),
          })) {
            many.push(score);
          }
          expect(many).toEqual(alone);

          const text = texts[by] as number[];
          const whole = alone[by] as Score;
          const live = pushed(model, text);
          expect(live).toEqual(each(whole));
          expect(live.reduce((sum, logProb) => sum + logProb, 0)).toBe(whole.logProb);

          const k = text.length === 0 ? 0 : seed % (text.length + 1);
          const [stream, restored] = [model.stream(), model.stream()];
          for (const token of text.slice(0, k)) stream.push(token);
          const fork = stream.fork();
          restored.push(3);
          restored.state.fromBytes(stream.state.toBytes());
          const rest = text.slice(k);
          const [continued] = model.scoreSync([rest, [1, 2, 3], []], { from: stream });
          // Of a stream that has read nothing the first token conditions.
          const want = each(whole).slice(Math.max(k - 1, 0));
          expect(each(continued as Score)).toEqual(want);
          for (const one of [stream, fork, restored]) {
            expect(rest.map((token) => one.push(token)).slice(k === 0 ? 1 : 0)).toEqual(want);
            one.reset();
            expect(text.map((token) => one.push(token)).slice(1)).toEqual(each(whole));
            one.dispose();
          }
        });
        await fc.assert(property, { ...FIXED, numRuns: 6 });
        model.dispose();
      },
    );
  });
});

describe.each(precisions)("the same bits, %s", (precision) => {
  const plan = LANGUAGE.find(({ name }) => name.startsWith("gru, two")) as ModelPlan;
  const description = describedOf(plan);

  it("more sequences than run side by side, in batches of every size around that", async () => {
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, description, { precision });
    const lengths = Array.from({ length: 200 }, (_, i) => (i * 37) % 50);
    const texts = textsOf(lengths);
    const alone = texts.map((text) => model.scoreSync([text])[0] as Score);
    for (const m of [63, 64, 65, 127, 128, 129, 200]) {
      expect(model.scoreSync(texts.slice(0, m))).toEqual(alone.slice(0, m));
    }
  });

  it("stacks of one kind as one, or one after the other", async () => {
    const engine = createEngineSync();
    const texts = textsOf([30, 4, 1, 17]);
    const joined = await loadLanguageModel(engine, description, { precision });
    // An option that says what is so anyway keeps them apart.
    const [gru, lstm, ...others] = description.recurrent;
    const apart = await loadLanguageModel(
      engine,
      {
        ...description,
        recurrent: [
          gru,
          { ...lstm, options: { ...lstm?.options, peepholes: false } },
          ...others,
        ] as typeof description.recurrent,
      },
      { precision },
    );
    expect(apart.scoreSync(texts)).toEqual(joined.scoreSync(texts));
    expect(pushed(apart, texts[0] as number[])).toEqual(pushed(joined, texts[0] as number[]));
  });

  const texts = textsOf([30, 4, 1, 17, 0, 25]);
  const first = texts[0] as number[];

  it("memory grows at any one of the allocations of a call", async () => {
    const open = async () => {
      const engine = createEngineSync();
      return { engine, model: await loadLanguageModel(engine, description, { precision }) };
    };
    const want = (await open()).model.scoreSync(texts);
    let more = true;
    let k = 0;
    for (; more; k++) {
      const { engine, model } = await open();
      growAt(engine, k);
      expect(model.scoreSync(texts)).toEqual(want);
      more = coreOf(engine).arena.growth > 0;
      engine.dispose();
    }
    expect(k).toBeGreaterThan(6);
  });

  it("memory grows between the slices of a run, and between the steps of a stream", async () => {
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, description, { precision });
    const want = model.scoreSync(texts);
    const live = pushed(model, first);
    const running = model.score(texts, { yieldEvery: 0 });
    grow(engine);
    const stream = model.stream();
    const got: number[] = [];
    for (const [t, token] of first.entries()) {
      if (t % 10 === 5) grow(engine);
      got.push(stream.push(token));
      if (t % 10 === 7) grow(engine);
      const next = stream.next();
      const fork = stream.fork();
      expect(fork.next()).toEqual(next);
      fork.dispose();
      if (t + 1 < first.length) expect(next[first[t + 1] as number]).toBe(live[t]);
    }
    expect(got.slice(1)).toEqual(live);
    expect(await running).toEqual(want);
  });
});

/** Makes memory grow, so that every view is detached. */
function grow(engine: Engine): void {
  const { arena } = coreOf(engine);
  const { growth } = arena;
  arena.allocate(arena.bytes).release();
  if (arena.growth === growth) throw new Error("memory has not grown");
}

/** Makes memory grow at the allocation after k more. */
function growAt(engine: Engine, k: number): void {
  const { arena } = coreOf(engine);
  const allocate = arena.allocate.bind(arena);
  let left = k;
  arena.allocate = (bytes) => {
    if (left-- === 0) allocate(arena.bytes).release();
    return allocate(bytes);
  };
}

describe("the same bits with a table of input products and without", () => {
  // Above 64 MiB there is no table. The small model's tokens are the first ones of the large one.
  const na = 64;
  it.each([
    ["rnn", "f64", 131_073],
    ["gru", "f64", 43_700],
    ["lstm", "f64", 32_769],
    ["lstm", "f32", 65_537],
  ] as const)("%s, %s, %i tokens", async (cell, precision, many) => {
    const few = 11;
    const plan: ModelPlan = {
      name: cell,
      size: few,
      input: "embedding",
      dense: [[few, "identity"]],
      parts: [{ cell, hiddenSize: na, layers: 2 }],
    };
    const small = describedOf(plan);
    if (small.input.kind !== "embedding") throw new Error("no embedding");
    const widened = ({ shape: [rows = 0, n = 0], data }: StoredNumbers): StoredNumbers => {
      const all = new Float64Array(many * n);
      for (let at = 0; at < all.length; at += rows * n) {
        all.set(data.subarray(0, Math.min(rows * n, all.length - at)), at);
      }
      return { shape: [many, n], data: all };
    };
    const input = { ...small.input, weight: widened(small.input.weight) };
    const texts = textsOf([30, 4, 0, 17], 1, few);

    const engine = createEngineSync();
    const [table, none] = [small, { ...small, input }].map((described) =>
      loadTagger(engine, described, { precision }),
    ) as [Promise<Tagger>, Promise<Tagger>];
    expect((await none).tagSync(texts)).toEqual((await table).tagSync(texts));

    const weight = widened((small.dense[0] as DenseDescription).weight);
    const dense: DenseDescription[] = [{ name: "dense", weight, activation: "identity" }];
    const [with_, without] = await Promise.all(
      [small, { ...small, input, dense }].map((described) =>
        loadLanguageModel(engine, described, { precision }),
      ) as [Promise<LanguageModel>, Promise<LanguageModel>],
    );
    const numbers = (model: LanguageModel): Uint8Array => {
      const stream = model.stream();
      for (const token of texts[0] as number[]) stream.push(token);
      return stream.state.toBytes().subarray(28, -16);
    };
    expect(numbers(without)).toEqual(numbers(with_));
    // One text by the same road, streamed and whole.
    const text = texts[3] as number[];
    expect(each(without.scoreSync([text])[0] as Score)).toEqual(pushed(without, text));
    engine.dispose();
  });
});

describe("a debug build and a release build, and two engines of one build", () => {
  it.each(precisions)("0 bits of difference, %s", async (precision) => {
    const [release, debug] = engines as readonly EngineSubject[];
    for (const plan of LANGUAGE) {
      const texts = textsOf([30, 4, 1, 17, 0, 25]);
      const all: Score[][] = [];
      for (const engine of [release?.engine, debug?.engine, createEngineSync()]) {
        const model = await loadLanguageModel(engine as Engine, describedOf(plan), { precision });
        all.push(model.scoreSync(texts));
        model.dispose();
      }
      expect(all[1]).toEqual(all[0]);
      expect(all[2]).toEqual(all[0]);
    }
  });
});
