import { describe, expect, expectTypeOf, it } from "vitest";
import {
  AbortedError,
  createEngineSync,
  EngineMemoryError,
  loadLanguageModel,
  loadTagger,
  type Score,
  type Sequence,
  StateError,
  type Tagged,
  UnknownTokenError,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectRejection, expectSaid } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";

const engine = createEngineSync();
const description = describedOf(LANGUAGE[2] as ModelPlan);
const vocabulary = Array.from("abcdefghijk");
const model = await loadLanguageModel(engine, description, { vocabulary });
const tagger = await loadTagger(engine, description, { vocabulary });
const back = { onError: "return" } as const;

/** Sequences of which some cannot be used, at places that are not those of the batches. */
const good = textsOf(Array.from({ length: 140 }, (_, i) => (i * 7) % 23));
const bad: [number, unknown, new (...operands: never[]) => Error, string][] = [
  [0, [1, 99], RangeError, "sequences[0][1]: … got 99"],
  [1, null, TypeError, "sequences[1]: … got null"],
  [70, "abz", UnknownTokenError, 'sequences[70]: "z" (U+007A) at index 2 …'],
  [142, new Set([1]), TypeError, "sequences[142]: … got Set"],
];
const mixed: Sequence[] = [...good];
for (const [i, sequence] of bad) mixed.splice(i, 0, sequence as Sequence);
const { length } = mixed;

/** The results of the good ones, and an error where a bad one stands. */
function expectMixed<R>(where: string, results: readonly (R | Error)[], want: readonly R[]): void {
  expect(results).toHaveLength(length);
  for (const [i, , kind, message] of bad) expectSaid(results[i], kind, `${where}: ${message}`);
  const places = new Set(bad.map(([i]) => i));
  expect(results.filter((_, i) => !places.has(i))).toEqual(want);
}

describe("onError: return", () => {
  const want = model.scoreSync(good);

  it("score, scoreSync, scoreMany: an error in the place of what cannot be scored", async () => {
    const places = vacancies(engine);
    expectMixed("scoreSync", model.scoreSync(mixed, back), want);
    const told: number[] = [];
    const onProgress = ({ done }: { done: number }) => told.push(done);
    expectMixed("score", await model.score(mixed, { ...back, yieldEvery: 0, onProgress }), want);
    expect(told.at(-1)).toBe(length);
    for (const concurrency of [1, 7, 1000]) {
      const many: (Score | Error)[] = [];
      for await (const each of model.scoreMany(mixed, { ...back, concurrency })) many.push(each);
      expectMixed("scoreMany", many, want);
    }
    const stream = model.stream();
    stream.push("a");
    expectMixed(
      "scoreSync",
      model.scoreSync(mixed, { ...back, from: stream }),
      model.scoreSync(good, { from: stream }),
    );
    stream.dispose();
    expect(vacancies(engine)).toEqual(places);
  });

  it("tag, tagSync", async () => {
    const want = tagger.tagSync(good);
    expectMixed("tagSync", tagger.tagSync(mixed, back), want);
    expectMixed("tag", await tagger.tag(mixed, { ...back, yieldEvery: 0 }), want);
  });

  it("all of them, or none", async () => {
    const errors = model.scoreSync([[99], [98]], back);
    expect(errors.map((each) => each instanceof RangeError)).toEqual([true, true]);
    expect(model.scoreSync([], back)).toEqual([]);
    expect(await model.score(good, back)).toEqual(want);
  });

  it("of an aborted run: completed holds errors and scores", async () => {
    const controller = new AbortController();
    controller.abort();
    const run = model.score(mixed, { ...back, signal: controller.signal });
    await expectRejection(run, AbortedError, `score: aborted after 0 of ${length}`);
    for await (const _ of model.scoreMany(mixed.slice(0, 3), back)) {
      // An abort is no error of a sequence.
    }
    const many = model.scoreMany(mixed, { ...back, signal: controller.signal });
    await expectRejection(many.next(), AbortedError, "scoreMany: aborted after 0 of 0");
  });

  it("what is wrong with the call is thrown all the same", async () => {
    expectError(() => model.scoreSync(5 as never, back), TypeError, "scoreSync: sequences: …");
    const own = createEngineSync();
    const other = await loadLanguageModel(own, description);
    other.dispose();
    expectError(() => other.scoreSync(good, back), StateError, "scoreSync: the model is disposed");
    const source = (async function* () {
      yield [1, 2];
      throw new Error("the source is dry");
    })();
    const many = model.scoreMany(source, back);
    await many.next();
    await expectRejection(many.next(), Error, "the source is dry");
  });

  it("a sequence that memory cannot hold fails alone", async () => {
    const own = createEngineSync({ maximumBytes: 2 ** 21 });
    const language = await loadLanguageModel(own, description);
    const wide = await loadTagger(own, description);
    const before = vacancies(own);
    const texts = [...textsOf([30, 2000]), Array(600_000).fill(1), ...textsOf([7, 2000])];
    const want = texts.map((text, i) => (i === 2 ? undefined : language.scoreSync([text])[0]));
    for (const results of [language.scoreSync(texts, back), await language.score(texts, back)]) {
      results.forEach((result, i) => {
        if (i === 2) expect(result).toBeInstanceOf(EngineMemoryError);
        else expect(result).toEqual(want[i]);
      });
    }
    expect(wide.tagSync(texts, back).map((each) => each instanceof EngineMemoryError)).toEqual([
      ...[false, false, true, false, false],
    ]);
    expect(() => language.scoreSync(texts)).toThrow(EngineMemoryError);
    expect(vacancies(own).slice(0, -1)).toEqual(before.slice(0, -1));
    own.dispose();
  });
});

describe("onError: throw, the default", () => {
  it("the first sequence that cannot be used is thrown, and nothing is computed", async () => {
    const texts = ["ab", "abz", [99]];
    const message = 'sequences[1]: "z" (U+007A) at index 2 …';
    for (const options of [{}, { onError: "throw" }, { onError: undefined }] as const) {
      expectError(
        () => model.scoreSync(texts, options),
        UnknownTokenError,
        `scoreSync: ${message}`,
      );
      await expectRejection(model.score(texts, options), UnknownTokenError, `score: ${message}`);
      await expectRejection(tagger.tag(texts, options), UnknownTokenError, `tag: ${message}`);
    }
  });

  it("is one of two words", async () => {
    const onError = "skip" as "throw";
    const said = 'onError: expected "throw" or "return", got skip';
    expectError(() => model.scoreSync([], { onError }), TypeError, `scoreSync: ${said}`);
    expectError(() => model.scoreMany([], { onError }), TypeError, `scoreMany: ${said}`);
    expectError(() => tagger.tagSync([], { onError }), TypeError, `tagSync: ${said}`);
    await expectRejection(model.score([], { onError }), TypeError, `score: ${said}`);
    await expectRejection(tagger.tag([], { onError }), TypeError, `tag: ${said}`);
  });

  it("types say which results may be errors", () => {
    const either = Math.random() < 2 ? "return" : "throw";
    expectTypeOf(model.scoreSync([])).toEqualTypeOf<Score[]>();
    expectTypeOf(model.scoreSync([], {})).toEqualTypeOf<Score[]>();
    expectTypeOf(model.scoreSync([], { onError: "throw" })).toEqualTypeOf<Score[]>();
    expectTypeOf(model.scoreSync([], { onError: "return" })).toEqualTypeOf<(Score | Error)[]>();
    expectTypeOf(model.scoreSync([], { onError: either as "return" | "throw" })).toEqualTypeOf<
      (Score | Error)[]
    >();
    expectTypeOf(model.score([], back)).resolves.toEqualTypeOf<(Score | Error)[]>();
    expectTypeOf(tagger.tag([], back)).resolves.toEqualTypeOf<(Tagged | Error)[]>();
    expectTypeOf(tagger.tag([])).resolves.toEqualTypeOf<Tagged[]>();
  });
});
