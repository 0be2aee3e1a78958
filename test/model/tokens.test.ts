import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type LanguageModelOptions,
  loadLanguageModel,
  ModelFormatError,
  type Sequence,
  UnknownTokenError,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { expectError, expectRejection, expectSaid } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

const engine = createEngineSync();
const described = describedOf(LANGUAGE[0] as ModelPlan);
const V = 11;

const open = (options: LanguageModelOptions, metadata: Record<string, string> = {}) =>
  loadLanguageModel(engine, { ...described, metadata: new Map(Object.entries(metadata)) }, options);

const logProbs = async (sequence: Sequence, options: LanguageModelOptions, metadata = {}) => {
  const model = await open(options, metadata);
  const [score] = model.scoreSync([sequence]);
  model.dispose();
  return score;
};

const letters = Object.fromEntries(Array.from("abcdefghij\n", (letter, id) => [letter, id]));
const metadata = { vocabulary: JSON.stringify(letters) };

describe("a text is", () => {
  // [text, vocabulary, ids].
  it.each([
    ["bad", letters, [1, 0, 3]],
    ["", letters, []],
    ["\n\n", letters, [10, 10]],
    // From the left the longest that fits, whatever follows.
    ["abcab", { a: 0, ab: 1, abc: 2, c: 3, b: 4 }, [2, 1]],
    ["abab", { a: 0, b: 1, aba: 2 }, [2, 1]],
    ["the cat", { the: 4, " cat": 5, t: 1, h: 2, e: 3, " ": 0, c: 6, a: 7 }, [4, 5]],
    // One character of two UTF-16 units is one token; so is one of several characters.
    ["a😀b", { a: 0, "😀": 1, b: 2 }, [0, 1, 2]],
    ["👩‍👩‍👧é", { "👩‍👩‍👧": 3, "e\u0301": 4, é: 5 }, [3, 5]],
    ["__proto__", new Map([["__proto__", 8]]), [8]],
    ["constructor", { constructor: 2 }, [2]],
    // The high half alone is a character, too, where no longer one stands.
    ["\ud83dx", { "\ud83d": 6, x: 7, "😀": 8 }, [6, 7]],
  ] as [string, LanguageModelOptions["vocabulary"], number[]][])(
    "%j: ids",
    async (text, vocabulary, ids) => {
      const model = await open(vocabulary === undefined ? {} : { vocabulary });
      expect(Array.from(model.vocabulary?.encode(text) ?? [])).toEqual(ids);
      expect(model.scoreSync([text])).toEqual(model.scoreSync([ids]));
      expect(model.scoreSync([text])).toEqual(model.scoreSync([Int32Array.from(ids)]));
      model.dispose();
    },
  );

  it("by the file's vocabulary, unless one is given", async () => {
    expect(await logProbs("bad", {}, metadata)).toEqual(await logProbs([1, 0, 3], {}));
    const vocabulary = { b: 5, a: 6, d: 7 };
    expect(await logProbs("bad", { vocabulary }, metadata)).toEqual(await logProbs([5, 6, 7], {}));
  });

  it("as long as it likes: 300,000 characters, each its own token", async () => {
    const model = await open({ vocabulary: letters });
    const text = "abcdefghij\n".repeat(30_000);
    const ids = model.vocabulary?.encode(text) ?? new Int32Array(0);
    expect(ids).toHaveLength(text.length);
    expect(ids.every((id, i) => id === i % V)).toBe(true);
    model.dispose();
  });
});

describe("what the vocabulary does not hold", () => {
  it.each([
    [
      "baz",
      "z",
      2,
      '"z" (U+007A) at index 2 is not in the vocabulary: pass { unknown: id } to map such tokens to an id, or remove it',
    ],
    ["\u0000a", "\u0000", 0, '"\\u0000" (U+0000) at index 0 …'],
    ["a😀", "😀", 1, '"😀" (U+1F600) at index 1 …'],
    ["a\ude00", "\ude00", 1, '"\\ude00" (U+DE00) at index 1 …'],
    ['"', '"', 0, '"\\"" (U+0022) at index 0 …'],
  ])("%j is an error that names it and its place", async (text, character, position, said) => {
    const message = `sequences[1]: ${said}`;
    const model = await open({ vocabulary: letters });
    const error = await model.score(["bad", text]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnknownTokenError);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: "UnknownTokenError", character, position });
    expectSaid(error, UnknownTokenError, `score: ${message}`);
    expectError(() => model.scoreSync(["bad", text]), UnknownTokenError, `scoreSync: ${message}`);
    const many = model.scoreMany(["bad", text, "bad"]);
    expect((await many.next()).value).toEqual(model.scoreSync(["bad"])[0]);
    await expectRejection(many.next(), UnknownTokenError, `scoreMany: ${message}`);
    expect(await many.next()).toEqual({ done: true, value: undefined });
    model.dispose();
  });

  it("counts as the id that unknown says, or its token, one for each character", async () => {
    const want = await logProbs([1, 5, 5, 0, 5], {});
    const text = "b😀za\ud83d";
    for (const unknown of [5, "f"]) {
      expect(await logProbs(text, { vocabulary: letters, unknown })).toEqual(want);
    }
    expect(await logProbs(text, {}, { ...metadata, unknown: "f" })).toEqual(want);
    const other = { unknown: 6 };
    expect(await logProbs(text, other, { ...metadata, unknown: "f" })).toEqual(
      await logProbs([1, 6, 6, 0, 6], {}),
    );
  });

  it("pushed: the same, and the stream stays where it was", async () => {
    const model = await open({ vocabulary: letters });
    const stream = model.stream();
    stream.push("a");
    const before = stream.state.toBytes();
    expectError(() => stream.push("z"), UnknownTokenError, 'push: token: "z" (U+007A) …');
    // A token is pushed, not a text.
    expectError(
      () => stream.push("ab"),
      RangeError,
      'push: token: expected one token, got the text "ab": vocabulary.encode gives the ids of a text',
    );
    expectError(() => stream.push(""), RangeError, 'push: token: … got the text "": …');
    expect(stream.state.toBytes()).toEqual(before);
    const known = await open({ vocabulary: letters, unknown: "f" });
    const [a, b] = [known.stream(), known.stream()];
    expect([a.push("a"), a.push("z"), a.push("b")]).toEqual([b.push("a"), b.push(5), b.push("b")]);
    for (const made of [model, known]) made.dispose();
  });
});

describe("ids", () => {
  it.each([-1, V, 1.5, Number.NaN, Infinity, 2 ** 32, -(2 ** 32), "1", null, undefined, {}])(
    "%s is none",
    async (id) => {
      const model = await open({});
      const got = typeof id === "object" && id !== null ? "[object Object]" : String(id);
      const message = `sequences[1][2]: …${V - 1}, got ${got}`;
      const sequences = [[1], [0, 1, id as number, 3]];
      await expectRejection(model.score(sequences), RangeError, `score: ${message}`);
      expectError(() => model.scoreSync(sequences), RangeError, `scoreSync: ${message}`);
      model.dispose();
    },
  );

  it("of other kinds are none, and nor is what holds them", async () => {
    const model = await open({});
    const kinds: [unknown, string][] = [
      [5, "number"],
      [null, "null"],
      [undefined, "undefined"],
      [{ 0: 1, length: 1 }, "Object"],
      [Uint8Array.of(1, 2), "Uint8Array"],
      [Float64Array.of(1, 2), "Float64Array"],
      [new Set([1]), "Set"],
    ];
    for (const [value, got] of kinds) {
      const given = [value as Sequence];
      expectError(() => model.scoreSync(given), TypeError, `scoreSync: sequences[0]: …${got}`);
      await expectRejection(model.score(given), TypeError, `score: sequences[0]: …${got}`);
    }
    for (const id of [1n, Symbol("x")]) {
      expectError(
        () => model.scoreSync([[id as unknown as number]]),
        RangeError,
        `scoreSync: sequences[0][0]: … got ${String(id)}`,
      );
    }
    model.dispose();
  });

  it("are copied: what becomes of the array later changes nothing", async () => {
    const model = await open({});
    const ids = [1, 2, 3, 4, 5];
    const want = model.scoreSync([ids]);
    const running = model.score([ids], { yieldEvery: 0 });
    ids.fill(0);
    expect(await running).toEqual(want);
    model.dispose();
  });

  it("a text needs a vocabulary", async () => {
    const model = await open({});
    expectError(
      () => model.scoreSync(["a"]),
      TypeError,
      "scoreSync: sequences[0]: a text needs a vocabulary: load the model with { vocabulary }, or pass ids",
    );
    expectError(() => model.stream().push("a"), TypeError, 'push: token: "a" needs a vocabulary');
    model.dispose();
  });
});

describe("a start token", () => {
  it.each([
    ["an id", { start: 3 }, {}],
    ["a token", { start: "d", vocabulary: letters }, {}],
    ["the file's", {}, { ...metadata, start: "d" }],
    ["rather than the file's", { start: "d" }, { ...metadata, start: "e" }],
  ] as [string, LanguageModelOptions, Record<string, string>][])(
    "%s: the first token is scored, too",
    async (_, options, stored) => {
      const model = await open(options, stored);
      expect(model.start).toBe(3);
      const bare = await open({});
      const texts = [[1, 2, 3, 4], [], [5], [3, 3]];
      expect(model.scoreSync(texts)).toEqual(bare.scoreSync(texts.map((ids) => [3, ...ids])));
      expect(await model.score(texts)).toEqual(model.scoreSync(texts));
      for (const ids of texts) {
        const stream = model.stream();
        // All that may come first.
        const first = stream.next();
        const live = ids.map((id) => stream.push(id));
        expect(live).toEqual(Array.from(model.scoreSync([ids])[0]?.tokenLogProbs ?? []));
        if (ids.length > 0) expect(first[ids[0] as number]).toBe(live[0]);
        stream.reset();
        expect(stream.next()).toEqual(first);
        const [continued] = model.scoreSync([ids], { from: stream });
        expect(continued).toEqual(model.scoreSync([ids])[0]);
        stream.dispose();
      }
      for (const made of [model, bare]) made.dispose();
    },
  );

  it("unless there is none: the first token conditions", async () => {
    const model = await open({});
    expect(model.start).toBeUndefined();
    const none = { logProb: 0, tokenLogProbs: new Float64Array(0), tokens: 0 };
    const nothing = { ...none, perplexity: Number.NaN, bitsPerToken: Number.NaN };
    expect(model.scoreSync([[], [4]])).toEqual([nothing, nothing]);
    expect(model.scoreSync([])).toEqual([]);
    expect(await model.score([])).toEqual([]);
    expect(await model.score([[], []])).toEqual([nothing, nothing]);
    expect(model.stream().push(4)).toBe(0);
    model.dispose();
  });
});

describe("a vocabulary that does not fit", () => {
  const cases: [string, unknown, ErrorConstructor, string][] = [
    ["a number", 5, TypeError, `expected { token: id } or a list of tokens, got number`],
    ["null", null, TypeError, `…`],
    ["a list of other things", ["a", 5], TypeError, `…`],
    [
      "a list with a token twice",
      ["a", "b", "a"],
      RangeError,
      `"a": expected it once, got it twice`,
    ],
    ["an empty token", { "": 0 }, RangeError, `"": expected at least one character`],
    ["an id too large", { a: V }, RangeError, `"a": … got 11`],
    ["a negative id", { a: -1 }, RangeError, `"a": … got -1`],
    ["half an id", { a: 0.5 }, RangeError, `"a": … got 0.5`],
    ["a text", { a: "1" }, RangeError, `"a": … got 1`],
    [
      "an id twice",
      { a: 1, b: 1 },
      RangeError,
      `"b": expected an id of its own, got that of another token, 1`,
    ],
    [
      "a token that is none",
      new Map([[5, 1]]),
      TypeError,
      `expected strings as tokens, got number`,
    ],
  ];

  it.each(cases)("%s", async (_, vocabulary, kind, message) => {
    const opened = open({ vocabulary: vocabulary as Record<string, number> });
    await expectRejection(opened, kind, `loadLanguageModel: vocabulary: ${message}`);
  });

  it.each(cases.filter(([, value]) => !(value instanceof Map) && value !== null))(
    "%s, in the file: a ModelFormatError",
    async (_, vocabulary, _kind, message) => {
      const error = await open({}, { vocabulary: JSON.stringify(vocabulary) }).catch(
        (thrown: unknown) => thrown,
      );
      expectSaid(error, ModelFormatError, `metadata: vocabulary: ${message}`);
      expect(error).toMatchObject({ code: "metadata" });
    },
  );

  it.each([
    [
      { vocabulary: "{" },
      "vocabulary: expected JSON, { token: id } or a list of tokens, got other text",
    ],
    [{ vocabulary: "null" }, "vocabulary: …"],
    [{ ...metadata, start: "z" }, 'start: "z" (U+007A) …'],
    [{ ...metadata, unknown: "zz" }, 'unknown: … got the text "zz": …'],
    [{ start: "a" }, 'start: "a" …'],
  ])("%j in the file", async (stored, message) => {
    const error = await open({}, stored as Record<string, string>).catch(
      (thrown: unknown) => thrown,
    );
    expectSaid(error, ModelFormatError, `metadata: ${message}`);
  });

  it.each([
    [{ start: V }, RangeError, "start: … got 11"],
    [{ start: 0.5 }, RangeError, "start: … got 0.5"],
    [{ start: "a" }, TypeError, 'start: "a" needs a vocabulary'],
    [{ start: null }, TypeError, "start: expected an id or a token, got null"],
    [{ unknown: 3 }, TypeError, "unknown: 3 needs a vocabulary"],
    [{ vocabulary: letters, unknown: 11 }, RangeError, "unknown: … got 11"],
    [{ vocabulary: letters, unknown: {} }, TypeError, "unknown: …"],
    [{ vocabulary: letters, unknown: "" }, RangeError, "unknown: …"],
  ] as [object, ErrorConstructor, string][])("%j as options", async (options, kind, message) => {
    const opened = open(options as LanguageModelOptions);
    await expectRejection(opened, kind, `loadLanguageModel: ${message}`);
  });

  it("the file's word for the unknown counts for nothing without a vocabulary", async () => {
    const model = await open({}, { unknown: "a" });
    expect(model.vocabulary).toBeUndefined();
    model.dispose();
  });

  it("leaves no memory behind", async () => {
    const places = () => {
      const block = coreOf(engine).arena.allocate(64);
      block.release();
      return block.pointer;
    };
    const before = places();
    await open({ start: V }).catch(() => undefined);
    await open({ vocabulary: { a: V } }).catch(() => undefined);
    expect(places()).toBe(before);
  });
});
