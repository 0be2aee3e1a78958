import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  AbortedError,
  createEngineSync,
  loadLanguageModel,
  UnknownTokenError,
  type VocabularySource,
} from "../../src/index.js";
import { TokenMatcher } from "../../src/model/vocabulary.js";
import { coreOf } from "../../src/wasm/engine.js";
import { FIXED } from "../support/cells.js";
import { countWork } from "../support/cost.js";
import { expectError, expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

const engine = createEngineSync();
const described = describedOf(LANGUAGE[0] as ModelPlan);
const open = (vocabulary: VocabularySource, unknown?: number) =>
  loadLanguageModel(engine, described, { vocabulary, ...(unknown !== undefined && { unknown }) });

const nextTask = () => new Promise((resolve) => setImmediate(resolve));

function encode(matcher: TokenMatcher, text: string, unknown?: number): number[] {
  const job = matcher.encode("test", text, unknown);
  for (;;) {
    const step = job.next();
    if (step.done) return Array.from(step.value);
  }
}

/** From the left the longest token that matches: every length is tried. */
function tried(tokens: readonly string[], text: string, unknown: number): number[] {
  const ids: number[] = [];
  for (let at = 0; at < text.length; ) {
    const fits = tokens.filter((token) => text.startsWith(token, at));
    const longest = fits.sort((a, b) => b.length - a.length)[0];
    ids.push(longest === undefined ? unknown : tokens.indexOf(longest));
    at += longest?.length ?? String.fromCodePoint(text.codePointAt(at) as number).length;
  }
  return ids;
}

describe("a text becomes ids", () => {
  const units = fc.constantFrom("a", "b", "c", "\ud83d", "\ude00", "😀", "é");
  const word = (most: number) =>
    fc.array(units, { minLength: 1, maxLength: most }).map((all) => all.join(""));

  it("the longest token from the left, whatever the tokens are: as by trying every length", () => {
    const tokens = fc.uniqueArray(word(6), { minLength: 0, maxLength: 12 });
    const property = fc.property(tokens, word(60), (tokens, text) => {
      const matcher = new TokenMatcher("test", tokens, tokens.length);
      expect(encode(matcher, text, 99)).toEqual(tried(tokens, text, 99));
    });
    fc.assert(property, { ...FIXED, numRuns: 2000 });
  });

  // Each position of the text matches thousands of characters of the long token, and then not its end.
  it("of work that grows as the text does, also beside a token of 8,000 characters", () => {
    const tokens = ["a", `${"a".repeat(8000)}b`, "b"];
    const matcher = new TokenMatcher("test", tokens, 3);
    const [small, large] = [1, 4].map((k) => {
      const text = `${"a".repeat(k * 10_000)}b`;
      return countWork(() => encode(matcher, text));
    }) as [number, number];
    expect(small).toBeGreaterThan(10_000);
    expect(large / small).toBeLessThan(4.1);
    expect(small / 10_001).toBeLessThan(40);
  });

  it("and tokens become an automaton by work that grows as they do", () => {
    const [small, large] = [1, 4].map((k) => {
      const tokens = Array.from({ length: k * 50 }, (_, i) => "ab".repeat(20 + i / 2) + i);
      const characters = tokens.reduce((sum, token) => sum + token.length, 0);
      return countWork(() => new TokenMatcher("test", tokens, tokens.length)) / characters;
    }) as [number, number];
    expect(large / small).toBeLessThan(1.2);
  });

  it("in time slices, and no more after an abort", async () => {
    const model = await open({ a: 0, b: 1 });
    // 600,000 characters, 65,536 of them between two pauses: 9 pauses that find tokens, 9 that take them, and 9 that collect
    // them for the batch, which is laid out afterwards.
    const text = "ab".repeat(300_000);
    const allocations = vi.spyOn(coreOf(engine).arena, "allocate");
    for (const where of ["score", "scoreMany"] as const) {
      const controller = new AbortController();
      const options = { yieldEvery: 0, signal: controller.signal };
      const running =
        where === "score" ? model.score([text], options) : model.scoreMany([text], options).next();
      for (let turn = 0; turn < 14; turn++) await nextTask();
      controller.abort();
      await expectRejection(running, AbortedError, `${where}: aborted after 0 of …`);
      expect(allocations).not.toHaveBeenCalled();
    }
    vi.restoreAllMocks();
    model.dispose();
  });
});

describe("model.vocabulary", () => {
  it("encodes, and decodes what it has encoded", async () => {
    const model = await open({ the: 4, " cat": 5, t: 1, h: 2, e: 3, " ": 0 });
    const vocabulary = model.vocabulary as NonNullable<typeof model.vocabulary>;
    expect(vocabulary.encode("the cat the")).toEqual(Int32Array.of(4, 5, 0, 4));
    expect(vocabulary.decode(vocabulary.encode("the cat the"))).toBe("the cat the");
    expect(vocabulary.decode([5, 1])).toBe(" catt");
    expect(vocabulary.decode([])).toBe("");
    expectError(
      () => vocabulary.encode("them"),
      UnknownTokenError,
      'encode: text: "m" (U+006D) at index 3 …',
    );
    expectError(() => vocabulary.encode(5 as never), TypeError, "encode: text: … got number");
    expectError(
      () => vocabulary.decode([4, 10]),
      RangeError,
      "decode: ids[1]: expected the id of a token, got 10",
    );
    expectError(() => vocabulary.decode("the" as never), TypeError, "decode: ids: … got string");
    model.dispose();
  });

  it("is a list in the order of the ids, too; ids without a token are left out", async () => {
    const list = ["b", undefined, "a", null, "cc"];
    const model = await open(list);
    const stored = new Map([["vocabulary", JSON.stringify(list)]]);
    const same = await loadLanguageModel(engine, { ...described, metadata: stored });
    for (const { vocabulary } of [model, same]) {
      expect(vocabulary?.ids).toEqual(
        new Map([
          ["b", 0],
          ["a", 2],
          ["cc", 4],
        ]),
      );
      expect(vocabulary?.encode("accb")).toEqual(Int32Array.of(2, 4, 0));
    }
    const again = await open(model.vocabulary?.tokens ?? []);
    expect(again.vocabulary?.ids).toEqual(model.vocabulary?.ids);
    for (const made of [model, same, again]) made.dispose();
  });

  it("of more characters than it may have is refused, whatever they are", async () => {
    const token = "x".repeat(2 ** 24);
    await expectRejection(
      open([token, "y"]),
      RangeError,
      "loadLanguageModel: vocabulary: expected tokens of ≤ 16777216 characters in all",
    );
  });
});

describe("stream.push takes one token", () => {
  it("a text of several is an error, also where unknown characters have an id", async () => {
    const model = await open({ H: 0, e: 1, l: 2, o: 3, é: 4 }, 9);
    const stream = model.stream();
    stream.push("H");
    const before = stream.state.toBytes();
    for (const text of ["Hello", "", "\ud83d\ude00\ud83d\ude00", "e\u0301"]) {
      expectError(
        () => stream.push(text),
        RangeError,
        `push: token: expected one token, got the text ${JSON.stringify(text)}: vocabulary.encode gives the ids of a text`,
      );
    }
    expect(stream.state.toBytes()).toEqual(before);
    const [one, two] = [model.stream(), model.stream()];
    for (const id of model.vocabulary?.encode("Hello 😀") ?? []) one.push(id);
    for (const token of "Hello 😀") two.push(token);
    expect(one.next()).toEqual(two.next());
    model.dispose();
  });
});
