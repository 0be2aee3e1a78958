import { describe, expect, it, vi } from "vitest";
import {
  AbortedError,
  createEngineSync,
  loadLanguageModel,
  type Score,
  type ScoreManyOptions,
  type Sequence,
  StateError,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectSaid, saying, thrownBy } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const engine = createEngineSync();
const model = await loadLanguageModel(engine, describedOf(LANGUAGE[2] as ModelPlan));
const texts = textsOf(Array.from({ length: 60 }, (_, i) => (i * 7) % 23));
const want = model.scoreSync(texts);
const places = vacancies(engine);

const nextTask = () => new Promise((resolve) => setImmediate(resolve));
const never = new Promise<never>(() => undefined);

/** A source that says what was asked of it. */
function source(
  items: readonly Sequence[],
  { wait = async (_: number): Promise<unknown> => undefined, fails = -1 } = {},
) {
  const told = { asked: 0, returned: 0 };
  const iterator: AsyncIterableIterator<Sequence> = {
    async next() {
      const i = told.asked++;
      await wait(i);
      if (i === fails) throw new Error("the source is dry");
      return i < items.length
        ? { done: false, value: items[i] as Sequence }
        : { done: true, value: undefined };
    },
    async return() {
      told.returned++;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return { told, iterator };
}

/** All that comes, and what ends it. */
async function drain(scores: AsyncIterable<Score>): Promise<{ got: Score[]; error: unknown }> {
  const got: Score[] = [];
  try {
    for await (const score of scores) got.push(score);
  } catch (error) {
    return { got, error };
  }
  return { got, error: undefined };
}

describe("scoreMany", () => {
  it.each([1, 2, 7, 59, 60, 61, undefined])(
    "in order, never more than concurrency = %s ahead, bit for bit",
    async (concurrency) => {
      const most = concurrency ?? 256;
      const { told, iterator } = source(texts);
      const options = concurrency === undefined ? {} : { concurrency };
      let given = 0;
      for await (const score of model.scoreMany(iterator, options)) {
        // What is held, with this one: of 60 and the end.
        expect(told.asked - given).toBeLessThanOrEqual(most);
        expect(score).toEqual(want[given++]);
      }
      expect(given).toBe(texts.length);
      expect(told).toEqual({ asked: texts.length + 1, returned: 0 });
      expect(vacancies(engine)).toEqual(places);
    },
  );

  it.each([
    ["an array", texts],
    ["a set", new Set(texts)],
    [
      "a generator",
      (function* () {
        yield* texts;
      })(),
    ],
    [
      "an asynchronous generator",
      (async function* () {
        yield* texts;
      })(),
    ],
    [
      "one that waits",
      source(texts, { wait: async (i) => (i % 4 === 3 ? nextTask() : undefined) }).iterator,
    ],
  ] as [string, Iterable<Sequence>][])("of %s", async (_, iterable) => {
    expect(await drain(model.scoreMany(iterable))).toEqual({ got: want, error: undefined });
  });

  it("of nothing", async () => {
    expect(await drain(model.scoreMany([]))).toEqual({ got: [], error: undefined });
  });

  it("what has arrived is scored, and given out, without waiting for more", async () => {
    const { told, iterator } = source(texts, { wait: async (i) => i === 3 && never });
    const scores = model.scoreMany(iterator, { concurrency: 50 });
    for (let i = 0; i < 3; i++) expect((await scores.next()).value).toEqual(want[i]);
    expect(told.asked).toBe(4);
  });

  it("a source that falls silent and speaks again loses nothing", async () => {
    const { iterator } = source(texts, {
      wait: async (i) => {
        for (let k = 0; k < i % 5; k++) await nextTask();
      },
    });
    expect(await drain(model.scoreMany(iterator, { concurrency: 8 }))).toEqual({
      got: want,
      error: undefined,
    });
  });

  it("a fault comes in its place, and ends the source", async () => {
    for (const concurrency of [1, 3, 100]) {
      const bad = [...texts.slice(0, 10), [1, 99], ...texts.slice(11)];
      const { told, iterator } = source(bad);
      const { got, error } = await drain(model.scoreMany(iterator, { concurrency }));
      expect(got).toEqual(want.slice(0, 10));
      expect(error).toEqual(
        new RangeError("scoreMany: sequences[10][1]: expected an id in 0 … 10, got 99"),
      );
      expect(told).toEqual({ asked: 11, returned: 1 });
      expect(vacancies(engine)).toEqual(places);
    }
  });

  it("so does an error of the source, which is told nothing then", async () => {
    for (const concurrency of [1, 3, 100]) {
      const { told, iterator } = source(texts, { fails: 10 });
      const { got, error } = await drain(model.scoreMany(iterator, { concurrency }));
      expect(got).toEqual(want.slice(0, 10));
      expect(error).toEqual(new Error("the source is dry"));
      expect(told).toEqual({ asked: 11, returned: 0 });
    }
  });

  it("an end before its end ends the source", async () => {
    const { told, iterator } = source(texts);
    for await (const score of model.scoreMany(iterator, { concurrency: 4 })) {
      expect(score).toEqual(want[0]);
      break;
    }
    expect(told).toEqual({ asked: 4, returned: 1 });
    expect(vacancies(engine)).toEqual(places);
  });

  it("… also while the source is silent: nobody waits for what may never come", async () => {
    let ended = false;
    async function* silent(): AsyncGenerator<Sequence> {
      try {
        yield texts[0] as number[];
        await never;
      } finally {
        ended = true;
      }
    }
    for await (const score of model.scoreMany(silent())) {
      expect(score).toEqual(want[0]);
      break;
    }
    // The generator is told, and will hear it when it wakes.
    expect(ended).toBe(false);
  });

  it("what return() says does not hide a fault; alone it counts", async () => {
    const { iterator } = source([[1, 99]]);
    iterator.return = () => Promise.reject(new Error("no"));
    expect((await drain(model.scoreMany(iterator))).error).toBeInstanceOf(RangeError);
    const second = source(texts).iterator;
    second.return = () => Promise.reject(new Error("no"));
    const scores = model.scoreMany(second, { concurrency: 2 });
    await scores.next();
    await expect(scores.return()).rejects.toThrow(new Error("no"));
  });

  it("an abort gives the leading scores first, then an AbortedError", async () => {
    const controller = new AbortController();
    const { told, iterator } = source(texts);
    const scores = model.scoreMany(iterator, {
      concurrency: 4,
      yieldEvery: 0,
      signal: controller.signal,
    });
    const got: Score[] = [];
    const reason = new Error("enough");
    const error = await (async () => {
      for await (const score of scores) {
        got.push(score);
        if (got.length === 9) controller.abort(reason);
      }
    })().catch((thrown: unknown) => thrown);
    // The window that had been scored, no more.
    expect(got).toEqual(want.slice(0, 12));
    expect(error).toBeInstanceOf(AbortedError);
    expect(error).toMatchObject({ name: "AbortError", cause: reason });
    expect(told.returned).toBe(1);
    expect(vacancies(engine)).toEqual(places);
    expect(model.scoreSync(texts)).toEqual(want);
  });

  it("… in the middle of a window", async () => {
    const mixed = textsOf([...Array(64).fill(30), ...Array(64).fill(20)]);
    const all = model.scoreSync(mixed);
    const lengths = new Set<number>();
    for (let turns = 0; !lengths.has(mixed.length); turns++) {
      const controller = new AbortController();
      const run = drain(model.scoreMany(mixed, { yieldEvery: 0, signal: controller.signal }));
      for (let turn = 0; turn < turns; turn++) await nextTask();
      controller.abort();
      const { got, error } = await run;
      lengths.add(got.length);
      expect(got).toEqual(all.slice(0, got.length));
      if (got.length === mixed.length) break;
      expect(error).toBeInstanceOf(AbortedError);
      expect((error as AbortedError<Score>).completed).toHaveLength(turns === 0 ? 0 : mixed.length);
      expect(vacancies(engine)).toEqual(places);
    }
    // Before the first group of like lengths was done, after it, after the second.
    expect([...lengths]).toEqual([0, 64, 128]);
  });

  it("… while the source is silent, and before it is asked", async () => {
    const controller = new AbortController();
    const { told, iterator } = source(texts, { wait: async (i) => i === 2 && never });
    const scores = model.scoreMany(iterator, { signal: controller.signal });
    expect((await scores.next()).value).toEqual(want[0]);
    expect((await scores.next()).value).toEqual(want[1]);
    const third = scores.next().catch((thrown: unknown) => thrown);
    controller.abort();
    const error = await third;
    expect(error).toBeInstanceOf(AbortedError);
    expect(error).toMatchObject({ completed: [] });
    expect(told.returned).toBe(1);
    const { got, error: second } = await drain(
      model.scoreMany(source(texts).iterator, { signal: controller.signal }),
    );
    expect(got).toEqual([]);
    expect(second).toBeInstanceOf(AbortedError);
    // Nothing listens on.
    const { signal } = new AbortController();
    const [added, removed] = [
      vi.spyOn(signal, "addEventListener"),
      vi.spyOn(signal, "removeEventListener"),
    ];
    await drain(model.scoreMany(source(texts).iterator, { signal, concurrency: 3 }));
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  it("gives way from window to window, however small they are", async () => {
    const pauses = vi.spyOn(globalThis, "setImmediate");
    try {
      await drain(model.scoreMany(texts, { concurrency: 1, yieldEvery: 0 }));
      expect(pauses.mock.calls.length).toBeGreaterThanOrEqual(
        want.filter((s) => s.tokens > 0).length,
      );
    } finally {
      pauses.mockRestore();
    }
  });

  it("a model, or an engine, that is disposed of meanwhile ends it in its place", async () => {
    const own = createEngineSync();
    const other = await loadLanguageModel(own, describedOf(LANGUAGE[2] as ModelPlan));
    const { told, iterator } = source(texts);
    const scores = other.scoreMany(iterator, { concurrency: 2 });
    await scores.next();
    other.dispose();
    const { got, error } = await drain(scores);
    expect(got).toEqual(want.slice(1, 2));
    expectSaid(error, StateError, "scoreMany: the model is disposed");
    expect(told.returned).toBe(1);
    expectError(() => other.scoreMany(texts), StateError, "scoreMany: …");
    own.dispose();
  });

  it.each([
    [[5], "TypeError: scoreMany: sequences: expected an iterable, got number"],
    [["text"], "TypeError: scoreMany: sequences: …"],
    [[null], "TypeError: scoreMany: sequences: …"],
    [[{}], "TypeError: scoreMany: sequences: …"],
    [[[], null], "TypeError: scoreMany: options: …"],
    ...[0, -1, 1.5, "2", null, Infinity].map((concurrency): [unknown[], string] => [
      [[], { concurrency }],
      `RangeError: scoreMany: concurrency: expected an integer ≥ 1, got ${concurrency}`,
    ]),
    [[[], { yieldEvery: -1 }], "TypeError: scoreMany: yieldEvery: … got -1"],
    [[[], { signal: 1 }], "TypeError: scoreMany: signal: …"],
    [[[], { from: 1 }], "TypeError: scoreMany: from: …"],
  ] as [unknown[], string][])("%j is an error at once", (operands, message) => {
    const [sequences, options] = operands as [Iterable<Sequence>, ScoreManyOptions];
    const call = () => model.scoreMany(sequences, options);
    expect(String(thrownBy(call))).toMatch(saying(message));
  });
});
