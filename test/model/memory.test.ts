import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type LanguageStream,
  loadLanguageModel,
  loadTagger,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const described = describedOf(LANGUAGE[2] as ModelPlan);
const nextTask = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Collects garbage until `done`. What a WeakRef gave lives until its task ends, and finalizers run in one of their own. */
async function collectUntil(done: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 50 && !done(); turn++) {
    await nextTask();
    collect();
    await nextTask();
  }
  return done();
}

describe("JavaScript's heap", () => {
  // Measured: about 230 bytes (Node 20, 2026): two objects, and the registration that finds a forgotten one.
  it("a live stream takes less than 1 kB of it", async () => {
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, described);
    const n = 20_000;
    const heap = (): number => {
      collect();
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers - engine.memory().bytes;
    };
    const open = (): LanguageStream[] =>
      Array.from({ length: n }, (_, i) => {
        const stream = model.stream();
        stream.push(i % 11);
        return stream;
      });
    // What is made once is there, room for the many is not.
    model.stream().push(1);
    const before = heap();
    const streams = open();
    const each = (heap() - before) / n;
    console.log(`a live stream: ${each.toFixed(0)} bytes of JavaScript's heap`);
    expect(each).toBeLessThan(1000);
    expect(streams.at(-1)?.push(1)).toBe(model.scoreSync([[(n - 1) % 11, 1]])[0]?.logProb);
    engine.dispose();
  });
});

describe("the garbage collector gives back what was forgotten", () => {
  it("streams, forks, models and taggers", async () => {
    const engine = createEngineSync();
    const places = () => vacancies(engine).slice(0, 3);
    const start = places();
    await (async () => {
      const model = await loadLanguageModel(engine, described);
      const stream = model.stream();
      stream.push(1);
      stream.fork().push(2);
      model.scoreSync([[1, 2]], { from: stream });
      // Never begun, and left in the middle.
      model.scoreMany([[1, 2]], { from: stream });
      await model.scoreMany([[1, 2], [3]], { from: stream, concurrency: 1 }).next();
      await loadTagger(engine, described);
    })();
    expect(places()).not.toEqual(start);
    expect(await collectUntil(() => `${places()}` === `${start}`)).toBe(true);
  });

  it("a stream whose model lives on", async () => {
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, described);
    const start = vacancies(engine);
    (() => {
      for (let i = 0; i < 100; i++) model.stream().push(1);
    })();
    expect(await collectUntil(() => `${vacancies(engine)}` === `${start}`)).toBe(true);
    expect(model.stream().push(1)).toBe(0);
  });

  it("and a stream keeps the model that it needs", async () => {
    const engine = createEngineSync();
    const [stream, want] = await (async () => {
      const model = await loadLanguageModel(engine, described);
      const stream = model.stream();
      stream.push(1);
      return [stream, model.scoreSync([[1, 2]])[0]?.logProb] as const;
    })();
    await collectUntil(() => false);
    const filler = await loadLanguageModel(engine, described);
    expect(stream.push(2)).toBe(want);
    expect(filler.stream().push(1)).toBe(0);
  });

  it("a run keeps the model that it works with", async () => {
    const engine = createEngineSync();
    const texts = textsOf(Array(200).fill(30));
    const run = await (async () => {
      const model = await loadLanguageModel(engine, described);
      return { scores: model.score(texts, { yieldEvery: 0 }) };
    })();
    collect();
    await nextTask();
    collect();
    const model = await loadLanguageModel(engine, described);
    expect(await run.scores).toEqual(model.scoreSync(texts));
  });
});

describe("steady memory", () => {
  it("3,000 small calls of scoreSync leave it as it was", async () => {
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, described);
    const texts = textsOf([4, 2]);
    const want = model.scoreSync(texts);
    const places = vacancies(engine);
    for (let i = 0; i < 3000; i++) model.scoreSync(texts);
    expect(vacancies(engine)).toEqual(places);
    expect(model.scoreSync(texts)).toEqual(want);
    engine.dispose();
  });
});
