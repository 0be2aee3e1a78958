import { afterEach, describe, expect, it, vi } from "vitest";
import {
  AbortedError,
  createEngineSync,
  type Engine,
  EngineMemoryError,
  type LanguageModel,
  loadLanguageModel,
  loadTagger,
  type Score,
  type ScoreOptions,
  StateError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import * as arena from "../support/engines.js";
import { expectRejection, expectSaid } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

/** Where blocks would go: runs side by side may grow memory, and give back what they took of it. */
const vacancies = (of: Engine): readonly number[] => arena.vacancies(of).slice(0, -1);

const engine = createEngineSync();
const plan = LANGUAGE.find(({ name }) => name.startsWith("gru, two")) as ModelPlan;
const description = describedOf(plan);
const model = await loadLanguageModel(engine, description);
// Three groups of like lengths.
const texts = textsOf(Array.from({ length: 150 }, (_, i) => (i * 7) % 40));
const want = model.scoreSync(texts);
const places = vacancies(engine);

const nextTask = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  vi.restoreAllMocks();
});

/** A clock that goes on by `tick` milliseconds whenever it is read. */
function clock(tick: number): { reads: () => number } {
  let now = 0;
  const spy = vi.spyOn(Date, "now").mockImplementation(() => {
    now += tick;
    return now;
  });
  return { reads: () => spy.mock.calls.length };
}

/** How often a run gives way. */
async function pausesOf(run: () => Promise<unknown>): Promise<number> {
  const spy = vi.spyOn(globalThis, "setImmediate");
  await run();
  const pauses = spy.mock.calls.length;
  spy.mockRestore();
  return pauses;
}

describe("control is given away", () => {
  it("after every chunk at yieldEvery = 0, never at Infinity, after 5 ms unless told", async () => {
    let { reads } = clock(1);
    const all = await pausesOf(() => model.score(texts, { yieldEvery: 0 }));
    // The clock is read at the start, after each chunk, and after each pause.
    expect(reads()).toBe(1 + 2 * all);
    expect(all).toBeGreaterThan(10);
    vi.restoreAllMocks();
    ({ reads } = clock(1));
    expect(await pausesOf(() => model.score(texts, { yieldEvery: Number.POSITIVE_INFINITY }))).toBe(
      0,
    );
    expect(reads()).toBe(1 + all);
    vi.restoreAllMocks();
    ({ reads } = clock(1));
    // Chunks 1 … 5 end at 1 … 5 ms after the start.
    const usual = await pausesOf(() => model.score(texts));
    expect(usual).toBe(Math.floor(all / 5));
    vi.restoreAllMocks();
    clock(6);
    expect(await pausesOf(() => model.score(texts))).toBe(all);
  });

  it("also by a clock that is set back", async () => {
    clock(-1000);
    expect(await pausesOf(() => model.score(texts))).toBeGreaterThan(10);
  });

  // Twelve sequences side by side, not 64, and a pause after every twelve rows: a step of twelve, three of the other four.
  it("a large network: fewer sequences side by side, and the same bits", async () => {
    const large: ModelPlan = {
      name: "large",
      size: 11,
      input: "embedding",
      dense: [[11, "identity"]],
      parts: [{ cell: "lstm", hiddenSize: 512 }],
    };
    const own = createEngineSync();
    const other = await loadLanguageModel(own, describedOf(large));
    const some = textsOf(Array(16).fill(4));
    const alone = some.map((text) => other.scoreSync([text])[0]);
    let scores: Score[] = [];
    const pauses = await pausesOf(async () => {
      scores = await other.score(some, { yieldEvery: 0 });
    });
    expect(scores).toEqual(alone);
    expect(pauses).toBe(3 + 1);
    own.dispose();
  });

  it("a large vocabulary: after some rows of its outputs", async () => {
    const V = 5000;
    const large: ModelPlan = {
      name: "many tokens",
      size: V,
      input: "embedding",
      dense: [[V, "identity"]],
      parts: [{ cell: "gru", hiddenSize: 8 }],
    };
    const own = createEngineSync();
    const other = await loadLanguageModel(own, describedOf(large));
    const some = textsOf(Array(30).fill(4), 1, V);
    const alone = some.map((text) => other.scoreSync([text])[0]);
    let scores: Score[] = [];
    const pauses = await pausesOf(async () => {
      scores = await other.score(some, { yieldEvery: 0 });
    });
    expect(scores).toEqual(alone);
    // 256 kB are six rows of logits.
    expect(pauses).toBe(Math.ceil((30 * 3) / 6));
    own.dispose();
  });

  it("also while a long batch is laid out", async () => {
    const own = createEngineSync();
    const other = await loadLanguageModel(own, describedOf(LANGUAGE[0] as ModelPlan));
    const long = textsOf([100_000, 99_999]);
    const [score] = other.scoreSync(long.slice(1));
    const allocate = coreOf(own).arena.allocate.bind(coreOf(own).arena);
    const spy = vi.spyOn(globalThis, "setImmediate");
    const pauses: number[] = [];
    coreOf(own).arena.allocate = (bytes) => {
      pauses.push(spy.mock.calls.length);
      return allocate(bytes);
    };
    const scores = await other.score(long, { yieldEvery: 0 });
    expect(scores[1]).toEqual(score);
    // 199,997 rows, 65,536 of them at a time, before anything is allocated.
    expect(pauses[0]).toBe(3);
    own.dispose();
  });

  it("timers, messages and other work go on between two slices", async () => {
    const running = { done: false };
    const scored = model.score(texts, { yieldEvery: 0 }).then((scores) => {
      running.done = true;
      return scores;
    });
    let turns = 0;
    while (!running.done) {
      await nextTask();
      turns++;
    }
    expect(turns).toBeGreaterThan(10);
    expect(await scored).toEqual(want);
  });

  it("where there is no setImmediate, as in a browser, too", async () => {
    vi.stubGlobal("setImmediate", undefined);
    try {
      expect(await model.score(texts, { yieldEvery: 0 })).toEqual(want);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("two runs that take turns have the same bits, and so has what happens in between", async () => {
    const stream = model.stream();
    const [first, second] = [texts.slice(0, 80), texts.slice(60)];
    const runs = [first, second, texts].map((some) => model.score(some, { yieldEvery: 0 }));
    for (const token of texts[39] as number[]) {
      stream.push(token);
      await nextTask();
      expect(model.scoreSync([texts[5] as number[]])).toEqual([want[5]]);
    }
    const [a, b, c] = await Promise.all(runs);
    expect([a, b, c]).toEqual([want.slice(0, 80), want.slice(60), want]);
    stream.dispose();
    expect(vacancies(engine)).toEqual(places);
  });
});

describe("progress", () => {
  it("goes up, is told when something is done, and ends with all", async () => {
    for (const yieldEvery of [0, 5]) {
      const told: number[] = [];
      const scores = await model.score(texts, {
        yieldEvery,
        onProgress: ({ done, total }) => {
          expect(total).toBe(texts.length);
          told.push(done);
        },
      });
      expect(scores).toEqual(want);
      expect(told.at(-1)).toBe(texts.length);
      told.slice(1).forEach((done, i) => {
        expect(done).toBeGreaterThan(told[i] as number);
      });
      if (yieldEvery === 0) expect(told).toEqual([0, 64, 128, 150]);
    }
    const told: object[] = [];
    await model.score([], { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([{ done: 0, total: 0 }]);
  });

  it("what throws when it is told ends the run, and leaves nothing behind", async () => {
    const onProgress = (): void => {
      throw new Error("no more");
    };
    await expect(model.score(texts, { yieldEvery: 0, onProgress })).rejects.toThrow("no more");
    expect(vacancies(engine)).toEqual(places);
    expect(model.scoreSync(texts)).toEqual(want);
  });
});

/** A run that is aborted after some turns of the event loop. */
async function abortedAfter(turns: number, options: ScoreOptions = {}) {
  const controller = new AbortController();
  const run = model
    .score(texts, { yieldEvery: 0, ...options, signal: controller.signal })
    .catch((error: unknown) => error as AbortedError<Score>);
  for (let turn = 0; turn < turns; turn++) await nextTask();
  const reason = new Error("enough");
  controller.abort(reason);
  return { result: await run, reason };
}

describe("an abort", () => {
  it("before it begins: nothing was done, nothing is computed", async () => {
    const controller = new AbortController();
    controller.abort();
    const allocate = vi.spyOn(coreOf(engine).arena, "allocate");
    const error = await model
      .score(texts, { signal: controller.signal })
      .catch((thrown: unknown) => thrown);
    expect(allocate).not.toHaveBeenCalled();
    expect(error).toBeInstanceOf(AbortedError);
    expect(error).toMatchObject({
      name: "AbortError",
      cause: controller.signal.reason,
      completed: Array(150).fill(undefined),
    });
  });

  it("in the middle, anywhere: what was done is the whole run's, memory is given back, the engine works on", async () => {
    const counts = new Set<number>();
    for (let turns = 1; ; turns++) {
      const { result, reason } = await abortedAfter(turns);
      expect(vacancies(engine)).toEqual(places);
      if (!(result instanceof AbortedError)) {
        expect(result).toEqual(want);
        break;
      }
      expect(result.cause).toBe(reason);
      expect(result.completed).toHaveLength(texts.length);
      const done = result.completed.filter((score, i) => {
        if (score !== undefined) expect(score).toEqual(want[i]);
        return score !== undefined;
      });
      counts.add(done.length);
      if (turns % 8 === 0) expect(model.scoreSync(texts)).toEqual(want);
    }
    expect([...counts]).toEqual([0, 64, 128]);
  });

  it("after the end changes nothing", async () => {
    const controller = new AbortController();
    const scores = await model.score(texts, { signal: controller.signal });
    controller.abort();
    expect(scores).toEqual(want);
  });

  it("of a continuation gives the copy of the prefix back", async () => {
    const from = model.stream();
    from.push(3);
    const held = vacancies(engine);
    const { result } = await abortedAfter(3, { from });
    expect(result).toBeInstanceOf(AbortedError);
    expect(vacancies(engine)).toEqual(held);
    from.dispose();
  });

  it("of a tagger", async () => {
    const own = createEngineSync();
    const tagger = await loadTagger(own, description);
    const before = vacancies(own);
    const all = tagger.tagSync(texts);
    for (const turns of [0, 2, 12]) {
      const controller = new AbortController();
      const told: number[] = [];
      const run = tagger
        .tag(texts, {
          yieldEvery: 0,
          signal: controller.signal,
          onProgress: ({ done }) => told.push(done),
        })
        .catch((error: unknown) => error);
      for (let turn = 0; turn < turns; turn++) await nextTask();
      controller.abort();
      const error = await run;
      if (!(error instanceof AbortedError)) throw new Error("not aborted");
      error.completed.forEach((tagged, i) => {
        if (tagged !== undefined) expect(tagged).toEqual(all[i]);
      });
      const done = error.completed.filter((tagged) => tagged !== undefined).length;
      expect([0, 64, 128]).toContain(done);
      expectSaid(error, AbortedError, `tag: aborted after ${done} of 150`);
      told.slice(1).forEach((done, i) => {
        expect(done).toBeGreaterThan(told[i] as number);
      });
      expect(vacancies(own)).toEqual(before);
    }
    const told: number[] = [];
    expect(await tagger.tag(texts, { onProgress: ({ done }) => told.push(done) })).toEqual(all);
    expect(told.at(-1)).toBe(150);
    own.dispose();
  });
});

describe("what is disposed of during a run", () => {
  const open = async (): Promise<{ own: typeof engine; other: LanguageModel }> => {
    const own = createEngineSync();
    return { own, other: await loadLanguageModel(own, description) };
  };

  it("the model: the run ends well, and then its memory is free", async () => {
    const own = createEngineSync();
    const before = vacancies(own);
    const other = await loadLanguageModel(own, description);
    const run = other.score(texts, { yieldEvery: 0 });
    await nextTask();
    other.dispose();
    expect(vacancies(own)).not.toEqual(before);
    await expectRejection(other.score(texts), StateError, "score: …");
    expect(await run).toEqual(want);
    expect(vacancies(own)).toEqual(before);
  });

  it("the engine: the run ends with a StateError", async () => {
    const { own, other } = await open();
    const run = other.score(texts, { yieldEvery: 0 });
    await nextTask();
    own.dispose();
    await expectRejection(run, StateError, /engine/);
    other.dispose();
  });

  it("memory that is not enough: an EngineMemoryError, and the same bits afterwards", async () => {
    const own = createEngineSync({ maximumBytes: 2 ** 21 });
    const other = await loadLanguageModel(own, description);
    const before = vacancies(own);
    const long = textsOf(Array(60).fill(2000));
    await expect(other.score(long)).rejects.toThrow(EngineMemoryError);
    expect(() => other.scoreSync(long)).toThrow(EngineMemoryError);
    expect(vacancies(own)).toEqual(before);
    expect(other.scoreSync(texts)).toEqual(want);
    expect(other.scoreSync(long.slice(0, 1))).toEqual(model.scoreSync(long.slice(0, 1)));
  });
});
