import {
  AbortedError,
  type LanguageModel,
  ModelFormatError,
  type Sequence,
  StateError,
  UnknownTokenError,
} from "recurra";
import { createPool, type Pool, QueueFullError } from "recurra/pool";
import { writeSafetensors } from "recurra/safetensors";
import { beforeAll, describe, expect, it } from "vitest";
import { expectRejection, expectSaid, thrownBy } from "../support/errors.js";
import { root } from "../support/project.js";
import {
  description,
  modelOf,
  poolOf,
  rejection,
  textsOf,
  vocabulary,
  workerFactory,
} from "./pools.js";

let pool: Pool;
let model: LanguageModel;

beforeAll(async () => {
  pool = await poolOf({ vocabulary });
  model = await modelOf({ vocabulary });
});

/** Two errors are alike: class, message and fields. */
function expectSame(error: unknown, want: unknown): void {
  expect(error).toBeInstanceOf(Error);
  const [got, wanted] = [error as Error, want as Error];
  expect(got.constructor).toBe(wanted.constructor);
  expect({ ...got, name: got.name, message: got.message }).toEqual({
    ...wanted,
    name: wanted.name,
    message: wanted.message,
  });
}

const good = textsOf(200);

describe("the errors of model.score, with their classes and fields", () => {
  it.each<[string, readonly unknown[]]>([
    ["an unknown character", [...good, "abz", "a"]],
    [
      "two of them: the first one counts, though a worker comes to the longer one first",
      [...good, "z", ...good, "abcdefghijkabcdefghijkabcdefghijkabcdefghijkz"],
    ],
    ["an unknown character before what is no sequence", ["ab", "z", null]],
    ["what is no sequence before an unknown character", ["ab", null, "z"]],
    [
      "an id out of range",
      [
        [1, 2],
        [1, 99],
      ],
    ],
    ["no sequence", ["ab", { length: 3 }]],
  ])("%s", async (_, sequences) => {
    const given = sequences as Sequence[];
    const error = await rejection(pool.score(given));
    expectSame(error, await rejection(model.score(given)));
    const mixed = { onError: "return" } as const;
    const [got, want] = [await pool.score(given, mixed), await model.score(given, mixed)];
    expect(got).toHaveLength(want.length);
    want.forEach((each, i) => {
      if (each instanceof Error) expectSame(got[i], each);
      else expect(got[i]).toEqual(each);
    });
    const many: unknown[] = [];
    for await (const each of pool.scoreMany(given, mixed)) many.push(each);
    let i = 0;
    for await (const each of model.scoreMany(given, mixed)) {
      if (each instanceof Error) expectSame(many[i], each);
      else expect(many[i]).toEqual(each);
      i++;
    }
    expect(many).toHaveLength(i);
  });

  it("the fields of an unknown token", async () => {
    const error = await rejection(pool.score(["ab", "abz"]));
    expectSaid(error, UnknownTokenError, 'score: sequences[1]: "z" (U+007A) at index 2 …');
    expect(error).toMatchObject({ name: "UnknownTokenError", character: "z", position: 2 });
    expect((error as Error).stack).toContain("score: sequences[1]");
  });

  it("scoreMany throws in the place of the sequence at fault, after all scores before it", async () => {
    const got: unknown[] = [];
    const scores = pool.scoreMany([...good, "z", ...good]);
    const error = await rejection(
      (async () => {
        for await (const score of scores) got.push(score);
      })(),
    );
    expectSaid(error, UnknownTokenError, 'scoreMany: sequences[200]: "z" …');
    expect(got).toEqual(model.scoreSync(good));
  });

  it.each([
    ["sequences: expected an array, got number", () => pool.score(5 as never)],
    ["signal: expected an AbortSignal, got number", () => pool.score([], { signal: 5 as never })],
    ['onError: expected "throw" or "return", got 5', () => pool.score([], { onError: 5 as never })],
    [
      'options: unknown option "onProgres": did you mean onProgress?',
      () => pool.score([], { onProgres: 5 } as never),
    ],
    [
      "from: expected a stream of the pool, got LanguageStream",
      () => pool.score([], { from: model.stream() as never }),
    ],
  ])("what is wrong with the call: %s", async (message, call) => {
    await expectRejection(call(), TypeError, `score: ${message}`);
  });

  it("what onProgress throws", async () => {
    const error = new Error("the listener's own");
    const onProgress = () => {
      throw error;
    };
    expect(await rejection(pool.score(good, { onProgress }))).toBe(error);
    expect(await pool.score(good)).toEqual(model.scoreSync(good));
  });

  it("scoreMany checks the call at once", () => {
    expectSaid(
      thrownBy(() => pool.scoreMany(5 as never)),
      TypeError,
      "scoreMany: sequences: expected an iterable, got number",
    );
    expectSaid(
      thrownBy(() => pool.scoreMany([], { concurrency: 0 })),
      RangeError,
      "scoreMany: concurrency: … got 0",
    );
  });
});

describe("createPool", () => {
  it.each<[string, unknown, object, new (...operands: never[]) => Error, string]>([
    ["a file that is none", new Uint8Array(9), {}, ModelFormatError, "…"],
    [
      "another model",
      writeSafetensors({ x: { shape: [1], data: Float32Array.of(1) } }),
      {},
      ModelFormatError,
      "…",
    ],
    [
      "nothing",
      undefined,
      {},
      TypeError,
      "createPool: model: expected the bytes of a safetensors file or a description, got undefined",
    ],
    [
      "a path",
      "model.safetensors",
      {},
      TypeError,
      'createPool: model: expected an address, got "model.safetensors": …',
    ],
    [
      "an address of nothing",
      new URL(`file://${root}none`),
      {},
      TypeError,
      "createPool: model: file://…none could not be read: ENOENT…",
    ],
    [
      "a vocabulary",
      description,
      { vocabulary: 5 },
      TypeError,
      "createPool: vocabulary: expected … got number",
    ],
    [
      "a function in an option",
      description,
      { vocabulary: { a: () => 1 } },
      TypeError,
      "createPool: the model or an option cannot be sent to a worker: …",
    ],
    [
      "an engine's option",
      description,
      { engine: { maximumBytes: 1 } },
      RangeError,
      "createPool: maximumBytes: … got 1",
    ],
    [
      "an unknown option",
      description,
      { sise: 5 },
      TypeError,
      'createPool: options: unknown option "sise": did you mean size?',
    ],
    [
      "a size",
      description,
      { size: 0 },
      RangeError,
      "createPool: size: expected an integer ≥ 1, got 0",
    ],
    [
      "a queue",
      description,
      { maxQueue: "5" },
      TypeError,
      "createPool: maxQueue: expected an integer ≥ 1, got string",
    ],
    [
      "a worker",
      description,
      { worker: 5 },
      TypeError,
      "createPool: worker: expected a function, got number",
    ],
  ])("%s is refused", async (_, source, options, kind, message) => {
    const call = createPool(source as never, { size: 2, ...options });
    await expectRejection(call, kind, message);
  });

  it("the code of a file's fault comes across", async () => {
    expect(await rejection(createPool(new Uint8Array(3), { size: 1 }))).toMatchObject({
      name: "ModelFormatError",
      code: "file-too-short",
    });
  });

  it("a script that is not there: the error says what to do, and no worker is left", async () => {
    const { all, worker } = workerFactory(`${root}none.mjs`);
    const error = await rejection(createPool(description, { size: 3, worker }));
    expect(error).toMatchObject({ name: "FeatureError" });
    expect((error as Error).message).toMatch(
      /^createPool: the worker did not start: .*none\.mjs.*: pass \{ worker: /s,
    );
    expect(all).toEqual([]);
  });
});

describe("abort", () => {
  it("before the call, and in the middle of it: completed holds what was done", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const done: number[] = [];
    const onProgress = (progress: { done: number }) => {
      done.push(progress.done);
      if (progress.done > 0) controller.abort("enough");
    };
    const error = await rejection(pool.score(good, { signal, onProgress }));
    const completed = done.at(-1);
    expectSaid(error, AbortedError, `score: aborted after ${completed} of 200`);
    const aborted = error as AbortedError<unknown>;
    expect(aborted.cause).toBe("enough");
    const want = model.scoreSync(good);
    aborted.completed.forEach((each, i) => {
      if (each !== undefined) expect(each).toEqual(want[i]);
    });
    const again = await rejection(pool.score(good, { signal }));
    expectSaid(again, AbortedError, "score: aborted after 0 of 200");
    await expectRejection(
      pool.scoreMany(good, { signal }).next(),
      AbortedError,
      "scoreMany: aborted after 0 of …",
    );
  });

  it("ends the work in the workers", async () => {
    const own = await poolOf({ vocabulary });
    const controller = new AbortController();
    // Minutes of work, if it were done.
    const long = Array(40).fill("abcdefghijk".repeat(300_000));
    const call = own.score(long, { signal: controller.signal });
    const short = own.score(["abc"]);
    controller.abort();
    await expectRejection(call, AbortedError, "score: aborted after 0 of 40");
    expect(await short).toEqual(model.scoreSync(["abc"]));
    await own.close();
  });

  it("of scoreMany gives out the scores before it", async () => {
    const controller = new AbortController();
    function* endless() {
      for (;;) yield* good;
    }
    const scores = pool.scoreMany(endless(), { signal: controller.signal });
    const got = [(await scores.next()).value];
    controller.abort();
    const error = await rejection(
      (async () => {
        for await (const score of scores) got.push(score);
      })(),
    );
    expectSaid(error, AbortedError, "scoreMany: aborted after …");
    const want = model.scoreSync(good);
    got.forEach((each, i) => {
      expect(each).toEqual(want[i % good.length]);
    });
  });
});

describe("the queue and the end", () => {
  it("refuses the call after maxQueue open ones, and takes the next when one is done", async () => {
    const own = await poolOf({ vocabulary, maxQueue: 2 });
    const stream = own.stream();
    const calls = [own.score(good), stream.push("a")];
    expect(own.stats().calls).toBe(2);
    const error = await rejection(own.score(["a"]));
    expectSaid(error, QueueFullError, "score: the queue of the pool is full: 2 calls are open: …");
    expect(error).toMatchObject({ limit: 2 });
    await expectRejection(stream.push("a"), QueueFullError, "push: …");
    await Promise.all(calls);
    expect(await own.score(["ab"])).toEqual(model.scoreSync(["ab"]));
  });

  it("close finishes the open calls, and takes no more", async () => {
    const own = await poolOf({ vocabulary });
    const stream = own.stream();
    const [call, push] = [own.score(good), stream.push("a")];
    const closed = own.close();
    await expectRejection(own.score(good), StateError, "score: the pool is closed");
    await expectRejection(stream.push("a"), StateError, "push: the pool is closed");
    expectSaid(
      thrownBy(() => own.scoreMany(good)),
      StateError,
      "scoreMany: the pool is closed",
    );
    expectSaid(
      thrownBy(() => own.stream()),
      StateError,
      "stream: the pool is closed",
    );
    expect(await call).toEqual(model.scoreSync(good));
    expect(await push).toBe(0);
    await closed;
    await own.close();
    stream.dispose();
  });

  it("close without drain rejects them", async () => {
    const own = await poolOf({ vocabulary });
    const long = Array(40).fill("abcdefghijk".repeat(300_000));
    const call = rejection(own.score(long));
    await own.close({ drain: false });
    expectSaid(await call, StateError, "score: the pool was closed");
    await expectRejection(
      own.close({ drain: 1 as never }),
      TypeError,
      "close: drain: … got number",
    );
  });

  it("await using closes the pool", async () => {
    const own = await poolOf({ vocabulary });
    await own[Symbol.asyncDispose]();
    await expectRejection(own.score(good), StateError, "score: the pool is closed");
  });
});
