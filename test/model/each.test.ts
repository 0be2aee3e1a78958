import { describe, expect, expectTypeOf, it } from "vitest";
import {
  AbortedError,
  createEngineSync,
  type EachScore,
  type IndexedScore,
  loadLanguageModel,
  loadTagger,
  type Score,
  type ScoreEachOptions,
  type Sequence,
  StateError,
  type Tagged,
  UnknownTokenError,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectSaid, saying, thrownBy } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const engine = createEngineSync();
const description = describedOf(LANGUAGE[2] as ModelPlan);
const vocabulary = Array.from("abcdefghijk");
const model = await loadLanguageModel(engine, description, { vocabulary });
const tagger = await loadTagger(engine, description, { vocabulary });
/** Lengths 0 … 399, in no order. */
const texts = textsOf(Array.from({ length: 200 }, (_, i) => (i * 149) % 400));
const want = model.scoreSync(texts);
const places = vacancies(engine);

const nextTask = () => new Promise((resolve) => setImmediate(resolve));

/** All that comes, by place, and the order in which it came. */
async function drain(each: AsyncIterable<EachScore<"throw" | "return">>) {
  const got: (Score | Error)[] = [];
  const order: number[] = [];
  let thrown: unknown;
  try {
    for await (const { index, score, error } of each) {
      expect(got[index]).toBeUndefined();
      got[index] = score ?? (error as Error);
      order.push(index);
    }
  } catch (error) {
    thrown = error;
  }
  return { got, order, thrown };
}

describe("scoreEach", () => {
  it.each([0, 5, Number.POSITIVE_INFINITY])(
    "each sequence once, with its place, bit for bit, yieldEvery = %s",
    async (yieldEvery) => {
      const { got, order, thrown } = await drain(model.scoreEach(texts, { yieldEvery }));
      expect(thrown).toBeUndefined();
      expect(order).toHaveLength(texts.length);
      expect(got).toEqual(want);
      expect(vacancies(engine)).toEqual(places);
    },
  );

  it("of nothing", async () => {
    expect(await drain(model.scoreEach([]))).toEqual({ got: [], order: [], thrown: undefined });
  });

  it("short ones first: before a sequence comes none that is more than twice as long, or of 16 steps", async () => {
    const { order } = await drain(model.scoreEach(texts));
    const lengths = order.map((i) => texts[i]?.length as number);
    let longest = 0;
    for (const length of lengths) {
      expect(longest).toBeLessThanOrEqual(Math.max(2 * length, 17));
      longest = Math.max(longest, length);
    }
  });

  it("63 short ones beside a long one come before its first step is done", async () => {
    const mixed = textsOf([9000, ...Array(63).fill(40)]);
    let steps = 0;
    const all = model.scoreEach(mixed, { yieldEvery: 0 });
    const order: number[] = [];
    const first = await all.next();
    order.push(first.value?.index as number);
    for (let i = 1; i < 63; i++) order.push((await all.next()).value?.index as number);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 63 }, (_, i) => i + 1));
    const last = all.next().finally(() => {
      steps = Number.NaN;
    });
    while (!Number.isNaN(steps)) {
      steps++;
      await nextTask();
    }
    expect((await last).value).toEqual({ index: 0, score: model.scoreSync(mixed)[0] });
    expect((await all.next()).done).toBe(true);
  });

  it("leaving the loop ends the work and gives its memory back", async () => {
    for (const leaveAfter of [1, 64, 150]) {
      let n = 0;
      for await (const { index, score } of model.scoreEach(texts, { yieldEvery: 0 })) {
        expect(score).toEqual(want[index]);
        if (++n === leaveAfter) break;
      }
      expect(vacancies(engine)).toEqual(places);
    }
    // Left before it began: nothing was computed.
    await model.scoreEach(texts).return();
    expect(vacancies(engine)).toEqual(places);
  });

  it("the work goes on while the reader is busy", async () => {
    const all = model.scoreEach(texts, { yieldEvery: 0 });
    await all.next();
    let turns = 0;
    while (`${vacancies(engine)}` !== `${places}`) {
      await nextTask();
      turns++;
    }
    expect(turns).toBeGreaterThan(10);
    const { order } = await drain(all);
    expect(order).toHaveLength(texts.length - 1);
  });

  it("an abort comes after all that was done", async () => {
    const counts = new Set<number>();
    for (let turns = 0; ; turns += 4) {
      const controller = new AbortController();
      const { signal } = controller;
      const running = drain(model.scoreEach(texts, { yieldEvery: 0, signal }));
      for (let turn = 0; turn < turns; turn++) await nextTask();
      controller.abort("enough");
      const { got, order, thrown } = await running;
      for (const i of order) expect(got[i]).toEqual(want[i]);
      expect(vacancies(engine)).toEqual(places);
      counts.add(order.length);
      if (thrown === undefined) break;
      expectSaid(thrown, AbortedError, `scoreEach: aborted after ${order.length} of 200`);
      expect(thrown).toMatchObject({ cause: "enough", completed: [] });
    }
    expect(counts.has(0) && counts.has(200)).toBe(true);
    expect(counts.size).toBeGreaterThan(3);
  });

  it("one sequence that cannot be used: nothing comes; with onError: return its error, and all others", async () => {
    const mixed: Sequence[] = [...texts];
    mixed[7] = [1, 99];
    mixed[9] = "abz";
    mixed[11] = null as unknown as Sequence;
    const { order, thrown } = await drain(model.scoreEach(mixed));
    expect(order).toEqual([]);
    expectSaid(thrown, RangeError, "scoreEach: sequences[7][1]: … got 99");
    const { got } = await drain(model.scoreEach(mixed, { onError: "return" }));
    expectSaid(got[7], RangeError, "scoreEach: sequences[7][1]: …");
    expectSaid(got[9], UnknownTokenError, 'scoreEach: sequences[9]: "z" …');
    expectSaid(got[11], TypeError, "scoreEach: sequences[11]: … got null");
    expect(got.filter((each) => !(each instanceof Error))).toEqual(
      want.filter((_, i) => ![7, 9, 11].includes(i)),
    );
    expect(vacancies(engine)).toEqual(places);
  });

  it("keeps copies of the sequences and of the start as they were at the call", async () => {
    const from = model.stream();
    from.push(3);
    const continued = model.scoreSync(texts, { from });
    const changing = texts.map((text) => [...text]);
    const each = model.scoreEach(changing, { from });
    for (const text of changing) text.fill(1);
    from.push(1);
    from.dispose();
    expect((await drain(each)).got).toEqual(continued);
    expect(vacancies(engine)).toEqual(places);
  });

  it("a model that is disposed of before the first result, and after it", async () => {
    const own = createEngineSync();
    const other = await loadLanguageModel(own, description);
    const [late, running] = [other.scoreEach(texts), other.scoreEach(texts)];
    const first = await running.next();
    other.dispose();
    expectSaid((await drain(late)).thrown, StateError, "scoreEach: the model is disposed");
    const { order } = await drain(running);
    expect([...order, first.value?.index]).toHaveLength(texts.length);
    expectError(() => other.scoreEach(texts), StateError, "scoreEach: …");
    own.dispose();
  });

  it("what may come has a type of its own", () => {
    const plain = async () => {
      for await (const each of model.scoreEach(texts)) {
        expectTypeOf(each).toEqualTypeOf<IndexedScore>();
      }
    };
    expectTypeOf(plain).toBeFunction();
    const both = async () => {
      for await (const each of model.scoreEach(texts, { onError: "return" })) {
        if (each.error === undefined) expectTypeOf(each.score).toEqualTypeOf<Score>();
        else expectTypeOf(each.error).toEqualTypeOf<Error>();
      }
    };
    expectTypeOf(both).toBeFunction();
  });

  it.each([
    ["text", {}, "TypeError: scoreEach: sequences: expected an array, got string"],
    [[], null, "TypeError: scoreEach: options: …"],
    [[], { onProgres: 1 }, "TypeError: scoreEach: …onProgres…"],
    [[], { yieldEvery: -1 }, "TypeError: scoreEach: yieldEvery: … got -1"],
    [[], { from: 1 }, "TypeError: scoreEach: from: …"],
  ] as [Sequence[], ScoreEachOptions, string][])(
    "%j, %j is an error at once",
    (some, options, message) => {
      expect(String(thrownBy(() => model.scoreEach(some, options)))).toMatch(saying(message));
    },
  );
});

describe("tagEach", () => {
  const tagged = tagger.tagSync(texts);

  it("each sequence once, with its place, short ones first", async () => {
    const got: Tagged[] = [];
    const lengths: number[] = [];
    for await (const each of tagger.tagEach(texts)) {
      got[each.index] = each.tagged;
      lengths.push(texts[each.index]?.length as number);
    }
    expect(got).toEqual(tagged);
    expect(lengths.indexOf(399)).toBeGreaterThan(lengths.indexOf(100));
    expect(vacancies(engine)).toEqual(places);
  });

  it("errors and an abort", async () => {
    const mixed: Sequence[] = [...texts];
    mixed[5] = [99];
    await expect(tagger.tagEach(mixed).next()).rejects.toThrow(RangeError);
    const errors: [number, Error][] = [];
    for await (const each of tagger.tagEach(mixed, { onError: "return" })) {
      if (each.error !== undefined) errors.push([each.index, each.error]);
    }
    expect(errors.map(([i]) => i)).toEqual([5]);
    expectSaid(errors[0]?.[1], RangeError, "tagEach: sequences[5][0]: …");
    const aborted = tagger.tagEach(texts, { signal: AbortSignal.abort() }).next();
    expectSaid(
      await aborted.catch((error: unknown) => error),
      AbortedError,
      "tagEach: aborted after 0 of 200",
    );
    expect(vacancies(engine)).toEqual(places);
  });
});
