import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type LanguageModel,
  type LanguageStream,
  loadLanguageModel,
  nextAll,
  pushAll,
  ShapeError,
  StateError,
  UnknownTokenError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { runNetwork } from "../oracle/model.js";
import { logSoftmax } from "../oracle/softmax.js";
import { vacancies } from "../support/engines.js";
import { expectError } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, tokensOf } from "../support/models.js";

const engine = createEngineSync();
const plan = LANGUAGE.find(({ name }) => name.startsWith("gru, two")) as ModelPlan;
const described = describedOf(plan);
const streamsOf = (model: LanguageModel, count: number): LanguageStream[] =>
  Array.from({ length: count }, () => model.stream());

describe.each(["f64", "f32"] as const)("pushAll and nextAll, %s", (precision) => {
  // Below, at and above a tile of rows and the streams that are computed together.
  it.each(LANGUAGE)(
    "$name: 1, 2, 3, 4, 5, 63, 64, 65 and 131 streams get the bits of push and next, alone",
    async (plan) => {
      const model = await loadLanguageModel(engine, describedOf(plan), { precision });
      for (const count of [1, 2, 3, 4, 5, 63, 64, 65, 131]) {
        const [all, alone] = [streamsOf(model, count), streamsOf(model, count)];
        for (let t = 0; t < 3; t++) {
          // Some have read nothing at first, and others are left out in between: in another order.
          const chosen = all.map((_, i) => i).filter((i) => (i + t) % 3 > 0 || count < 3);
          if (t === 1) chosen.reverse();
          const tokens = chosen.map((i) => (i * 5 + t) % model.size);
          const got = pushAll(
            model,
            chosen.map((i) => all[i] as LanguageStream),
            t === 2 ? Int32Array.from(tokens) : tokens,
          );
          const want = chosen.map((i, k) => alone[i]?.push(tokens[k] as number));
          expect([...got]).toEqual(want);
          const next = nextAll(
            model,
            chosen.map((i) => all[i] as LanguageStream),
          );
          expect(next.shape).toEqual([chosen.length, model.size]);
          expect([...next.data]).toEqual(chosen.flatMap((i) => [...(alone[i]?.next() ?? [])]));
        }
        expect(all.map(({ state }) => state.toBytes())).toEqual(
          alone.map(({ state }) => state.toBytes()),
        );
        for (const stream of [...all, ...alone]) stream.dispose();
      }
      model.dispose();
    },
  );
});

it("the oracle's log-probabilities to 1e-13, of 70 streams side by side, f64", async () => {
  const model = await loadLanguageModel(engine, described);
  const streams = streamsOf(model, 70);
  const texts = streams.map((_, i) => tokensOf(6, i));
  const got = Array.from({ length: 6 }, (_, t) =>
    pushAll(
      model,
      streams,
      texts.map((tokens) => tokens[t] as number),
    ),
  );
  texts.forEach((tokens, i) => {
    const { steps } = runNetwork(described, tokens, { logits: true });
    expect(got[0]?.[i]).toBe(0);
    for (let t = 1; t < 6; t++) {
      const want = logSoftmax(steps[t - 1] as number[])[tokens[t] as number] as number;
      expect(Math.abs((got[t]?.[i] as number) - want)).toBeLessThan(1e-13);
    }
  });
  model.dispose();
});

it("a start token, and tokens by name", async () => {
  const vocabulary = [..."abcdefghijk"];
  const model = await loadLanguageModel(engine, described, { vocabulary, start: "c" });
  const [a, b, c, d] = streamsOf(model, 4) as [
    LanguageStream,
    LanguageStream,
    LanguageStream,
    LanguageStream,
  ];
  expect([...pushAll(model, [a, b], ["a", "k"])]).toEqual([c.push("a"), d.push(10)]);
  c.reset();
  expect([...nextAll(model, [c]).data]).toEqual([...model.stream().next()]);
  model.dispose();
});

it("logProbs: false moves the states and gives nothing; an empty list is no push", async () => {
  const model = await loadLanguageModel(engine, described);
  const [all, alone] = [streamsOf(model, 70), model.stream()];
  const silent = pushAll(model, all, new Int32Array(70).fill(3), { logProbs: false });
  expect(silent).toEqual(new Float64Array(0));
  alone.push(3);
  expect(all[69]?.state.toBytes()).toEqual(alone.state.toBytes());
  expect(pushAll(model, [], [])).toEqual(new Float64Array(0));
  expect(nextAll(model, [])).toEqual({ shape: [0, model.size], data: new Float64Array(0) });
  model.dispose();
});

describe("memory", () => {
  it("`out` is filled and returned; 1,000 calls allocate nothing in linear memory", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const streams = streamsOf(model, 100);
    const tokens = new Int32Array(100).fill(2);
    const [out, next] = [new Float64Array(100), new Float64Array(100 * model.size)];
    expect(pushAll(model, streams, tokens, { out })).toBe(out);
    const allocate = coreOf(own).arena.allocate.bind(coreOf(own).arena);
    let count = 0;
    coreOf(own).arena.allocate = (bytes) => {
      count++;
      return allocate(bytes);
    };
    for (let i = 0; i < 1000; i++) {
      pushAll(model, streams, tokens, { out });
      expect(nextAll(model, streams, { out: next }).data).toBe(next);
    }
    expect(count).toBe(0);
    own.dispose();
  });

  it("memory that grows between two calls, and a model that is disposed of, leave nothing behind", async () => {
    const own = createEngineSync();
    const run = async (): Promise<unknown> => {
      const model = await loadLanguageModel(own, described);
      const streams = streamsOf(model, 3);
      pushAll(model, streams, [1, 2, 3]);
      const more = streamsOf(model, 4000);
      const alone = model.stream();
      alone.push(2);
      expect(pushAll(model, streams, [4, 4, 4])[1]).toBe(alone.push(4));
      for (const stream of [...streams, ...more, alone]) stream.dispose();
      model.dispose();
      return vacancies(own);
    };
    // The first time memory grows.
    const places = await run();
    expect(await run()).toEqual(places);
  });
});

describe("nothing moves if something is wrong", () => {
  it("streams, tokens, model, out, options", async () => {
    const model = await loadLanguageModel(engine, described, {
      vocabulary: [..."abcdefghijk"],
    });
    const twin = await loadLanguageModel(engine, described);
    const [a, b, gone] = streamsOf(model, 3) as [LanguageStream, LanguageStream, LanguageStream];
    const foreign = twin.stream();
    gone.dispose();
    a.push(1);
    b.push(2);
    const before = [a, b].map(({ state }) => state.toBytes());
    const push = (streams: unknown, tokens: unknown, options?: object) => () =>
      pushAll(model, streams as LanguageStream[], tokens as number[], options);
    const none = undefined as never;
    const cases = [
      [push([a, b, a], [1, 1, 1]), TypeError, "pushAll: streams[2]: expected each stream once…"],
      [push([a, gone], [1, 1]), StateError, "pushAll: streams[1]: the stream is disposed"],
      [push([a, foreign], [1, 1]), StateError, "pushAll: streams[1]: …another model"],
      [push([a, {}], [1, 1]), TypeError, "pushAll: streams[1]: expected a stream, got Object"],
      [push([a, none], [1, 1]), TypeError, "pushAll: streams[1]: …undefined"],
      [push(a, [1]), TypeError, "pushAll: streams: expected an array, got …"],
      [push([a, b], [1]), ShapeError, "pushAll: tokens: expected 2, one a stream, got 1"],
      [push([a], 1), TypeError, "pushAll: tokens: …got number"],
      [push([a, b], [1, 11]), RangeError, "pushAll: tokens[1]: expected an id in 0 … 10, got 11"],
      [push([a, b], [1, Number.NaN]), RangeError, "pushAll: tokens[1]: …NaN"],
      [push([a, b], [1, 1.5]), RangeError, "pushAll: tokens[1]: …1.5"],
      [push([a, b], [1, null]), TypeError, "pushAll: tokens[1]: …null"],
      [push([a, b], ["a", "z"]), UnknownTokenError, "pushAll: tokens[1]: …"],
      [push([a], [1], { out: [] }), TypeError, "pushAll: out: expected Float64Array, got Array"],
      [
        push([a], [1], { out: new Float64Array(2) }),
        ShapeError,
        "pushAll: out: expected 1 numbers, got 2",
      ],
      [push([a], [1], { logprobs: false }), TypeError, "pushAll: …did you mean logProbs?"],
      [
        () => pushAll({} as LanguageModel, [a], [1]),
        TypeError,
        "pushAll: model: expected what loadLanguageModel gives, got Object",
      ],
      [() => nextAll(model, [a, a]), TypeError, "nextAll: streams[1]: …once…"],
      [
        () => nextAll(model, [a, model.stream()]),
        StateError,
        "nextAll: streams[1]: no token was read: push one first",
      ],
    ] as const;
    for (const [call, kind, said] of cases) expectError(call, kind, said);
    expect([a, b].map(({ state }) => state.toBytes())).toEqual(before);
    model.dispose();
    expectError(push([a], [1]), StateError, "pushAll: the model is disposed");
    twin.dispose();
  });
});
