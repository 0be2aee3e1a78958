import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  type Sequence,
  ShapeError,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

const engine = createEngineSync();
const description = describedOf(LANGUAGE[2] as ModelPlan);
const model = await loadLanguageModel(engine, description);
const plan: ModelPlan = {
  name: "features",
  size: 3,
  input: "features",
  dense: [[2, "identity"]],
  parts: [{ cell: "lstm", hiddenSize: 4, bidirectional: true }],
};
const tagger = await loadTagger(engine, describedOf(plan));
const places = vacancies(engine);

const detached = <A extends { buffer: ArrayBuffer }>(array: A): A => {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};

describe("a buffer that is gone", () => {
  it("of ids: a TypeError, not a sequence without tokens", async () => {
    const gone = detached(Int32Array.of(1, 2, 3));
    const said = "sequences[1]: its buffer is detached or was resized";
    expectError(() => model.scoreSync([[1], gone]), TypeError, `scoreSync: ${said}`);
    await expectRejection(model.score([[1], gone]), TypeError, `score: ${said}`);
    const many = model.scoreMany([[1], gone]);
    await many.next();
    await expectRejection(many.next(), TypeError, `scoreMany: ${said}`);
  });

  it("of ids that was shrunk, where the host has such buffers", () => {
    const resizable = ArrayBuffer as unknown as new (
      bytes: number,
      options: object,
    ) => ArrayBuffer & { resize?(bytes: number): void };
    const buffer = new resizable(16, { maxByteLength: 64 });
    const [ids, rest] = [new Int32Array(buffer, 4, 2), new Int32Array(buffer, 0, 1)];
    buffer.resize?.(8);
    if (buffer.resize !== undefined) {
      expectError(
        () => model.scoreSync([ids]),
        TypeError,
        "…its buffer is detached or was resized",
      );
    }
    expect(model.scoreSync([rest])).toEqual(model.scoreSync([[0]]));
  });

  it("of features", async () => {
    const data = detached(new Float64Array(6));
    expectError(
      () => tagger.tagSync([{ shape: [2, 3], data }]),
      TypeError,
      "tagSync: sequences[0]: …detached",
    );
    const shape = [2 ** 40, 3];
    expectError(() => tagger.tagSync([{ shape, data: new Float64Array(3) }]), ShapeError, "…");
  });
});

describe("what becomes of the caller's arrays during a run changes nothing", () => {
  it("tag", async () => {
    const tensors = Array.from({ length: 200 }, (_, i) => ({
      shape: [1 + (i % 20), 3],
      data: Float64Array.from({ length: 3 * (1 + (i % 20)) }, (_, k) => Math.sin(i + k)),
    }));
    const want = tagger.tagSync(tensors);
    for (const spoil of ["numbers", "shape", "buffer"]) {
      const own = tensors.map(({ shape, data }) => ({ shape: [...shape], data: data.slice() }));
      const running = tagger.tag(own, { yieldEvery: 0 });
      for (const each of own) {
        if (spoil === "numbers") each.data.fill(Number.NaN);
        if (spoil === "shape") each.shape.fill(0);
        if (spoil === "buffer") detached(each.data);
      }
      expect(await running).toEqual(want);
    }
    expect(vacancies(engine).slice(0, -1)).toEqual(places.slice(0, -1));
  });
});

describe("an iterable that is none", () => {
  const iterable = (iterator: unknown) => ({ [Symbol.iterator]: () => iterator });
  it.each([
    ["no function", { [Symbol.iterator]: 5 }, "expected an iterable, got Object"],
    ["no function, asynchronous", { [Symbol.asyncIterator]: "x" }, "expected an iterable, …"],
    ["no iterator", iterable(undefined), "expected an iterator with a method next, got undefined"],
    ["no next", iterable({}), "expected an iterator with a method next, got Object"],
    ["next is none", iterable({ next: 5 }), "expected an iterator with a method next, …"],
    ["no result", iterable({ next: () => 5 }), "expected next() to give …, got number"],
    ["null", iterable({ next: () => null }), "expected next() to give …, got null"],
  ])("%s: a TypeError", async (_, source, message) => {
    const run = async () => {
      for await (const _ of model.scoreMany(source as Iterable<Sequence>));
    };
    await expectRejection(run(), TypeError, `scoreMany: sequences: ${message}`);
    expect(vacancies(engine).slice(0, -1)).toEqual(places.slice(0, -1));
  });

  it("a return that is no function is not called", async () => {
    const iterator = { next: () => ({ done: false, value: [1, 2] }), return: 5 };
    const scores = model.scoreMany(iterable(iterator) as unknown as Iterable<Sequence>);
    await scores.next();
    expect(await scores.return()).toEqual({ done: true, value: undefined });
  });

  it("a list that says it is longer than it is", () => {
    const long: number[] = [];
    long.length = 2 ** 32 - 1;
    expectError(() => model.scoreSync([long]), RangeError, "…[0]: … got undefined");
    const holes: Sequence[] = [];
    holes.length = 2;
    expectError(() => model.scoreSync(holes), TypeError, "…sequences[0]: … got undefined");
  });

  it("a signal that is none", async () => {
    const signal = { aborted: false } as AbortSignal;
    await expectRejection(model.score([], { signal }), TypeError, "score: signal: … got Object");
  });
});
