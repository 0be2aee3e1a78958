import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type LanguageModel,
  type LanguageStream,
  loadLanguageModel,
  StateError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { runNetwork } from "../oracle/model.js";
import { logSoftmax } from "../oracle/softmax.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, tokensOf } from "../support/models.js";

const engine = createEngineSync();
const plan = LANGUAGE.find(({ name }) => name.startsWith("gru, two")) as ModelPlan;
const described = describedOf(plan);
const text = tokensOf(30, 5);

const read = (model: LanguageModel, tokens: readonly number[]): LanguageStream => {
  const stream = model.stream();
  for (const token of tokens) stream.push(token);
  return stream;
};

describe.each(["f64", "f32"] as const)("a stream, %s", (precision) => {
  it.each(LANGUAGE)(
    "$name: next() are the oracle's log-probabilities, and push() reads one of them",
    async (plan) => {
      const bound = { f64: 1e-13, f32: 2e-5 }[precision];
      const described = describedOf(plan);
      const model = await loadLanguageModel(engine, described, { precision });
      const stream = model.stream();
      const logits = runNetwork(described, text, { logits: true }).steps;
      text.forEach((token, t) => {
        const before = t === 0 ? undefined : stream.next();
        expect(stream.push(token)).toBe(before?.[token] ?? 0);
        const next = stream.next();
        expect(next).toHaveLength(model.size);
        const want = logSoftmax(logits[t] as number[]);
        want.forEach((value, j) => {
          expect(Math.abs((next[j] as number) - value)).toBeLessThan(bound);
        });
        const sum = next.reduce((all, logProb) => all + Math.exp(logProb), 0);
        expect(Math.abs(sum - 1)).toBeLessThan(1e-14);
      });
      model.dispose();
    },
  );

  it("next() is the caller's own, and reads nothing", async () => {
    const model = await loadLanguageModel(engine, described, { precision });
    const stream = read(model, text);
    const [first, second] = [stream.next(), stream.next()];
    expect(second).toEqual(first);
    first.fill(0);
    expect(stream.next()).toEqual(second);
    model.dispose();
  });

  it("fork() goes its own way, and so does what it came from; reset() is the beginning", async () => {
    const model = await loadLanguageModel(engine, described, { precision });
    const [whole, other] = [read(model, text), read(model, text.slice(0, 10))];
    const fork = other.fork();
    fork.push(1);
    fork.push(2);
    for (const token of text.slice(10)) other.push(token);
    expect(other.next()).toEqual(whole.next());
    const third = read(model, [...text.slice(0, 10), 1, 2]);
    expect(fork.next()).toEqual(third.next());
    other.dispose();
    expect(fork.next()).toEqual(third.next());
    fork.reset();
    expectError(() => fork.next(), StateError, "next: no token was read: push one first");
    expect(fork.push(text[0] as number)).toBe(0);
    expect(fork.next()).toEqual(read(model, text.slice(0, 1)).next());
    const unread = model.stream().fork();
    expect(unread.push(3)).toBe(0);
    model.dispose();
  });

  it("1,000 at once, in turn: each as if it were alone, and one block each in linear memory", async () => {
    const model = await loadLanguageModel(engine, described, { precision });
    const streams = Array.from({ length: 1000 }, () => model.stream());
    const texts = streams.map((_, i) => tokensOf(6, i));
    const sums = streams.map(() => 0);
    for (let t = 0; t < 6; t++) {
      streams.forEach((stream, i) => {
        sums[i] = (sums[i] as number) + stream.push(texts[i]?.[t] as number);
      });
    }
    expect(sums).toEqual(model.scoreSync(texts).map(({ logProb }) => logProb));
    for (const stream of streams) stream.dispose();
    model.dispose();
  });
});

describe("a stream out of order", () => {
  it.each([
    ["push", (stream: LanguageStream) => stream.push(1)],
    ["next", (stream: LanguageStream) => stream.next()],
    ["reset", (stream: LanguageStream) => stream.reset()],
    ["fork", (stream: LanguageStream) => stream.fork()],
    ["state", (stream: LanguageStream) => stream.state],
  ] as const)("%s of a disposed stream, model or engine is a StateError", async (name, use) => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const [stream, other, third] = [model.stream(), model.stream(), model.stream()];
    for (const one of [stream, other, third]) one.push(0);
    stream.dispose();
    stream.dispose();
    expectError(() => use(stream), StateError, `${name}: …stream is disposed`);
    use(other);
    model.dispose();
    model.dispose();
    expectError(() => use(other), StateError, `${name}: …model is disposed`);
    // In any order.
    expect(() => other.dispose()).not.toThrow();
    const second = await loadLanguageModel(own, described);
    const last = second.stream();
    own.dispose();
    expectError(() => use(last), StateError, "…engine is disposed");
    for (const one of [last, third, second]) one.dispose();
  });

  it("so is a state whose stream is gone", async () => {
    const model = await loadLanguageModel(engine, described);
    const stream = model.stream();
    const { state } = stream;
    const bytes = state.toBytes();
    stream.dispose();
    expectError(() => state.toBytes(), StateError, "state: the stream is disposed");
    expectError(() => state.fromBytes(bytes), StateError, "state: …");
    model.dispose();
  });

  it("scoring with a stream that is disposed, another model's, or none", async () => {
    const model = await loadLanguageModel(engine, described);
    const twin = await loadLanguageModel(engine, described);
    const [gone, foreign] = [model.stream(), twin.stream()];
    gone.dispose();
    for (const where of ["score", "scoreSync", "scoreMany"] as const) {
      const call = async (from: unknown) => {
        const made = model[where]([[1, 2]], { from: from as LanguageStream });
        if (where === "scoreMany") await (made as AsyncGenerator).next();
        else await made;
      };
      await expectRejection(call(gone), StateError, `${where}: …stream is disposed`);
      await expectRejection(call(foreign), StateError, `${where}: from: …another model…`);
      await expectRejection(call({}), TypeError, `${where}: from: …Object`);
      await expectRejection(call(null), TypeError, `${where}: from: …null`);
    }
    for (const made of [model, twin]) made.dispose();
  });

  it("what goes on from a stream goes on from where it was at the call, whatever becomes of it", async () => {
    const model = await loadLanguageModel(engine, described);
    const from = read(model, [1, 2, 3]);
    // More than run side by side, so that some begin later.
    const rests = Array.from({ length: 150 }, (_, i) => tokensOf(20, i));
    const want = model.scoreSync(rests, { from });
    const running = model.score(rests, { from, yieldEvery: 0 });
    from.push(9);
    expect(await running).toEqual(want);
    const [again, left] = [read(model, [1, 2, 3]), read(model, [1, 2, 3])];
    const second = model.score(rests, { from: again, yieldEvery: 0 });
    again.dispose();
    const fillers = Array.from({ length: 5 }, () => read(model, [7, 7, 7]));
    expect(await second).toEqual(want);
    for (const filler of fillers) filler.dispose();
    const many: object[] = [];
    for await (const score of model.scoreMany(rests, { from: left, concurrency: 40 })) {
      if (many.length === 0) left.push(9);
      many.push(score);
    }
    expect(many).toEqual(want);
    left.dispose();
    from.dispose();
    model.dispose();
  });
});

describe("memory", () => {
  it("20,000 streams made and disposed of, forked and disposed of, leave it as it was", async () => {
    const model = await loadLanguageModel(engine, described);
    model.stream().dispose();
    const places = vacancies(engine);
    for (let i = 0; i < 20_000; i++) {
      const stream = model.stream();
      const fork = stream.fork();
      stream.dispose();
      fork.dispose();
    }
    expect(vacancies(engine)).toEqual(places);
    model.dispose();
  });

  it("a model and its streams give back all of it, in any order", async () => {
    const own = createEngineSync();
    const places = vacancies(own);
    for (const plan of LANGUAGE) {
      const model = await loadLanguageModel(own, describedOf(plan));
      const stream = model.stream();
      const fork = stream.fork();
      stream.push(1);
      model.scoreSync([text], { from: stream });
      await model.score([text], { from: stream, yieldEvery: 0 });
      stream.dispose();
      model.dispose();
      fork.dispose();
      expect(vacancies(own)).toEqual(places);
    }
    {
      using model = await loadLanguageModel(own, described);
      using stream = model.stream();
      stream.push(1);
    }
    expect(vacancies(own)).toEqual(places);
  });

  it("10,000 pushes allocate nothing", async () => {
    const own = createEngineSync();
    const model = await loadLanguageModel(own, described);
    const stream = read(model, [1, 2]);
    const allocate = coreOf(own).arena.allocate.bind(coreOf(own).arena);
    let count = 0;
    coreOf(own).arena.allocate = (bytes) => {
      count++;
      return allocate(bytes);
    };
    for (let i = 0; i < 10_000; i++) stream.push(i % 11);
    stream.next();
    expect(count).toBe(0);
    stream.fork();
    expect(count).toBe(1);
    own.dispose();
  });
});
