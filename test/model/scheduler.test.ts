import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  AbortedError,
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  type Score,
} from "../../src/index.js";
import { type JobOptions, Scheduler, schedulerOf } from "../../src/model/scheduler.js";
import { coreOf } from "../../src/wasm/engine.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const nextTask = () => new Promise((resolve) => setTimeout(resolve, 0));
const aborted = (reason: unknown) => new AbortedError("test", [], reason);

/** A clock that only work moves, and the milliseconds of work between two turns of the event loop. */
const time = { now: 0, lastTurn: 0, spans: [] as number[] };

beforeEach(() => {
  Object.assign(time, { now: 1000, lastTurn: 1000, spans: [] });
  vi.spyOn(Date, "now").mockImplementation(() => time.now);
  const original = globalThis.setImmediate;
  const spied = (work: () => void) => {
    time.spans.push(time.now - time.lastTurn);
    time.lastTurn = time.now;
    return original(work);
  };
  vi.spyOn(globalThis, "setImmediate").mockImplementation(spied as typeof setImmediate);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** What jobs did: a letter for each step. */
class Log {
  text = "";
  /** A job of some steps, each of `cost` milliseconds. */
  *job(name: string, steps: number, cost = 1): Generator<void, string, void> {
    for (let step = 0; step < steps; step++) {
      if (step > 0) yield;
      time.now += cost;
      this.text += name;
    }
    return name;
  }
  /** How often a name stands in some part of the log. */
  count(name: string, from = 0, to = this.text.length): number {
    return this.text.slice(from, to).split(name).length - 1;
  }
}

const run = <R>(
  scheduler: Scheduler,
  job: Generator<void, R, void>,
  options: Partial<JobOptions> = {},
) => scheduler.run(job, { aborted, ...options });

describe("the event loop", () => {
  it.each([1, 10, 50, 200, 600])(
    "jobs at once, %s of them: it waits for one slice of 5 ms and the step that ends it, no longer",
    async (count) => {
      const scheduler = new Scheduler();
      const log = new Log();
      const jobs = Array.from({ length: count }, (_, i) =>
        run(scheduler, log.job("a", 5 + (i % 9), 2)),
      );
      await Promise.all(jobs);
      expect(Math.max(...time.spans)).toBe(6);
      expect(time.spans.length).toBeGreaterThanOrEqual(count - 1);
    },
  );

  it("calls in turn within one task: together they have a slice, not each", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    for (let i = 0; i < 20; i++) await run(scheduler, log.job("a", 2));
    // 40 ms of work: a turn after every 5 of them.
    expect(time.spans).toEqual([5, 5, 5, 5, 5, 5, 5]);
  });

  it("a call after a silence begins at once, and has a whole slice", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    for (let i = 0; i < 5; i++) {
      const running = run(scheduler, log.job("a", 5));
      expect(log.text).toBe("a".repeat(5 * (i + 1)));
      await running;
      time.now += 20;
    }
    expect(time.spans).toEqual([]);
  });

  it("yieldEvery is each job's own: 0 pauses after every step, Infinity never", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    await run(scheduler, log.job("a", 6), { yieldEvery: 0 });
    expect(time.spans).toEqual([1, 1, 1, 1, 1]);
    time.spans = [];
    time.now = time.lastTurn += 1000;
    await run(scheduler, log.job("a", 1000), { yieldEvery: Number.POSITIVE_INFINITY });
    expect(time.spans).toEqual([]);
  });

  it("a clock that stands still: a turn after 256 steps, but not at Infinity", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    await run(scheduler, log.job("a", 1000, 0));
    expect(time.spans).toHaveLength(3);
    await run(scheduler, log.job("a", 1000, 0), { yieldEvery: Number.POSITIVE_INFINITY });
    expect(time.spans).toHaveLength(3);
  });

  it("a clock that is set: back ends the slice, forward charges a job for no more than 100 ms", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    function* setting(): Generator<void, void, void> {
      for (const by of [-5000, 3_600_000, 1, 1, 1]) {
        time.now += by;
        log.text += "s";
        yield;
      }
    }
    await Promise.all([run(scheduler, setting()), run(scheduler, log.job("a", 150, 5))]);
    expect(time.spans.slice(0, 2)).toEqual([-5000, 5]);
    // Otherwise the others would be served for an hour first.
    const forward = log.text.indexOf("s", 1);
    const next = log.text.indexOf("s", forward + 1);
    expect(next - forward).toBeLessThanOrEqual(1 + 100 / 5 + 1);
  });
});

describe("turns", () => {
  it("long jobs have equal shares at any time, to a slice", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name) => run(scheduler, log.job(name, 100))));
    for (let end = 20; end <= 400; end += 20) {
      const counts = names.map((name) => log.count(name, 0, end));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(5);
    }
  });

  it("shares are shares of time: a job of long steps has fewer of them", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    await Promise.all([run(scheduler, log.job("a", 400)), run(scheduler, log.job("b", 40, 10))]);
    const half = log.text.slice(0, 220);
    const [a, b] = [half.split("a").length - 1, 10 * (half.split("b").length - 1)];
    expect(Math.abs(a - b)).toBeLessThanOrEqual(10);
  });

  it("63 short jobs beside a long one: done after their own time and two slices of the long one", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const long = run(scheduler, log.job("l", 5000));
    const short = Array.from({ length: 63 }, () => run(scheduler, log.job("s", 3)));
    await Promise.all(short);
    expect(time.now - 1000).toBeLessThanOrEqual(63 * 3 + 10);
    expect(log.count("l")).toBeLessThanOrEqual(10);
    await long;
    expect(log.count("l")).toBe(5000);
  });

  it("short jobs that come one after the other: half of the time is theirs, and half the long one's", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const long = run(scheduler, log.job("l", 5000));
    const begin = time.now;
    for (let i = 0; i < 63; i++) await run(scheduler, log.job("s", 3));
    const [own, all] = [63 * 3, time.now - begin];
    expect(all).toBeLessThanOrEqual(2 * own + 10);
    // It is not starved, either.
    expect(log.count("l")).toBeGreaterThanOrEqual(own - 10);
    await long;
  });

  it("a job that comes to many has its first slice next", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const long = Array.from({ length: 100 }, () => run(scheduler, log.job("l", 50)));
    while (log.count("l") < 1500) await nextTask();
    const before = log.text.length;
    await run(scheduler, log.job("s", 5));
    expect(log.text.indexOf("s") - before).toBeLessThanOrEqual(5);
    await Promise.all(long);
  });

  it("no more than 256 have begun and not ended: the others wait, and none is lost", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    let begun = 0;
    let most = 0;
    function* counted(): Generator<void, string, void> {
      most = Math.max(most, ++begun);
      try {
        return yield* log.job("a", 12);
      } finally {
        begun--;
      }
    }
    const jobs = Array.from({ length: 700 }, () => run(scheduler, counted()));
    expect(await Promise.all(jobs)).toEqual(Array(700).fill("a"));
    expect([most, log.text.length]).toEqual([256, 700 * 12]);
  });
});

describe("how a job ends", () => {
  it("with its result or its error, which is nobody else's", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    function* failing(): Generator<void, void, void> {
      yield* log.job("f", 20);
      throw new RangeError("no");
    }
    const results = await Promise.allSettled([
      run(scheduler, log.job("a", 50)),
      run(scheduler, failing()),
      run(scheduler, log.job("b", 50)),
    ]);
    expect(results).toEqual([
      { status: "fulfilled", value: "a" },
      { status: "rejected", reason: new RangeError("no") },
      { status: "fulfilled", value: "b" },
    ]);
  });

  it("an abort: at the next turn of the event loop, wherever the job stands; its resources are released", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const controller = new AbortController();
    const ends: number[] = [];
    function* held(i: number): Generator<void, void, void> {
      try {
        yield* log.job("a", 1000);
      } finally {
        ends.push(i);
      }
    }
    const { signal } = controller;
    // The last 100 of them have not begun.
    const jobs = Array.from({ length: 356 }, (_, i) =>
      run(scheduler, held(i), { signal }).catch((error: unknown) => error),
    );
    const other = run(scheduler, log.job("b", 10));
    while (log.text.length < 256 * 5) await nextTask();
    expect(ends).toEqual([]);
    controller.abort("enough");
    const before = log.text.length;
    for (const error of await Promise.all(jobs)) {
      expect(error).toBeInstanceOf(AbortedError);
      expect((error as AbortedError<never>).cause).toBe("enough");
    }
    expect(log.text.length - before).toBeLessThanOrEqual(10);
    expect(ends).toHaveLength(256);
    expect(await other).toBe("b");
  });

  it("aborted while it waits behind 256 others: it does not wait for the end of one", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const long = Array.from({ length: 256 }, () => run(scheduler, log.job("l", 30)));
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = run(scheduler, log.job("w", 1), { signal }).catch((error: unknown) => error);
    await nextTask();
    controller.abort();
    expect(await waiting).toBeInstanceOf(AbortedError);
    expect(log.count("l")).toBeLessThan(256 * 5);
    await Promise.all(long);
    expect([log.count("l"), log.count("w")]).toEqual([256 * 30, 0]);
  });

  it("aborted before it comes: it does not begin", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const options = { signal: AbortSignal.abort() };
    await expect(run(scheduler, log.job("a", 1), options)).rejects.toThrow(AbortedError);
    expect(log.text).toBe("");
  });

  it("what onPause throws ends its job, and no other", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const onPause = () => {
      throw new Error("no more");
    };
    const failing = run(scheduler, log.job("f", 100), { onPause });
    const other = run(scheduler, log.job("a", 100));
    await expect(failing).rejects.toThrow("no more");
    expect(await other).toBe("a");
    expect(log.count("f")).toBe(5);
  });

  it("onPause may come with another job", async () => {
    const scheduler = new Scheduler();
    const log = new Log();
    const more: Promise<string>[] = [];
    await run(scheduler, log.job("a", 20), {
      onPause: () => more.push(run(scheduler, log.job("b", 2))),
    });
    expect(await Promise.all(more)).toEqual(["b", "b", "b"]);
  });
});

describe("models of one engine", () => {
  const engine = createEngineSync();
  const described = describedOf(LANGUAGE[2] as ModelPlan);
  const texts = textsOf(Array.from({ length: 200 }, (_, i) => (i * 7) % 40));

  it("share its scheduler, and engines have their own", () => {
    const other = createEngineSync();
    expect(schedulerOf(coreOf(engine))).toBe(schedulerOf(coreOf(engine)));
    expect(schedulerOf(coreOf(other))).not.toBe(schedulerOf(coreOf(engine)));
  });

  it("200 calls of score, tag and scoreMany at once: no span of work exceeds a slice and a step, the bits are the same", async () => {
    const model = await loadLanguageModel(engine, described);
    const tagger = await loadTagger(engine, described);
    const [want, tagged] = [model.scoreSync(texts), tagger.tagSync(texts)];
    // Every reading of the clock is a step of 2 ms.
    vi.mocked(Date.now).mockImplementation(() => {
      time.now += 2;
      return time.now;
    });
    const many = async (some: number[][]): Promise<Score[]> => {
      const all: Score[] = [];
      for await (const score of model.scoreMany(some, { concurrency: 3 })) all.push(score);
      return all;
    };
    time.spans = [];
    time.lastTurn = time.now;
    const [scores, tags, inOrder] = await Promise.all([
      Promise.all(texts.map((text) => model.score([text]))),
      Promise.all(texts.map((text) => tagger.tag([text]))),
      Promise.all([many(texts.slice(0, 50)), many(texts.slice(50))]),
    ]);
    expect(scores.flat()).toEqual(want);
    expect(tags.flat()).toEqual(tagged);
    expect(inOrder.flat()).toEqual(want);
    expect(time.spans.length).toBeGreaterThan(400);
    expect(Math.max(...time.spans)).toBeLessThanOrEqual(5 + 3 * 2);
    model.dispose();
    tagger.dispose();
  });

  it("a call that waits for its turn keeps the model and the start that it was given", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const from = model.stream();
    from.push(3);
    const want = model.scoreSync(texts, { from });
    const first = model.score(texts, { yieldEvery: 0 });
    const second = model.score(texts, { from });
    from.push(5);
    from.dispose();
    model.dispose();
    expect(await second).toEqual(want);
    await first;
    own.dispose();
  });

  it("many texts are encoded with pauses, too", async () => {
    const vocabulary = Array.from("abcdefghijk");
    const model = await loadLanguageModel(engine, described, { vocabulary });
    const some = Array.from({ length: 300 }, (_, i) => "abcdefghij".repeat(100 + (i % 3)));
    const units = some.reduce((sum, text) => sum + text.length, 0);
    const spy = vi.spyOn(coreOf(engine).arena, "allocate");
    const before: number[] = [];
    spy.mockImplementation((bytes) => {
      before.push(time.spans.length);
      spy.mockRestore();
      return coreOf(engine).arena.allocate(bytes);
    });
    await model.score(some, { yieldEvery: 0 });
    expect(before[0]).toBeGreaterThanOrEqual(Math.floor(units / (65536 + 1020)));
    model.dispose();
  });
});
