import { describe, expect, it } from "vitest";
import { createVocabulary, vocabularyMetadata } from "../../src/data/vocabulary.js";
import { createEngineSync, loadLanguageModel } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";
import { expectError } from "../support/errors.js";

const TEXT = "the cat sat. the cat ate. the dog sat 12 times: 12.";

describe("createVocabulary", () => {
  it("characters: each once, in the order of their code units, then U+FFFD", () => {
    const { tokens, unknown } = createVocabulary("ba\u00e9\u{1f600}ab\n");
    expect(tokens).toEqual(["\n", "a", "b", "\u00e9", "\u{1f600}", "\ufffd"]);
    expect(unknown).toBe(5);
  });

  it("atLeast leaves rare characters to the unknown token", () => {
    const vocabulary = createVocabulary("aaabbc", { atLeast: 2 });
    expect(vocabulary.tokens).toEqual(["a", "b", "\ufffd"]);
    expect([...vocabulary.encode("abcd")]).toEqual([0, 1, 2, 2]);
  });

  it("words: the frequent ones with the space before them, by falling frequency, after all characters", () => {
    const { tokens } = createVocabulary(TEXT, { tokens: "words", atLeast: 2 });
    const words = tokens.filter((token) => (token?.length ?? 0) > 1);
    expect(words).toEqual([" 12", " cat", " sat", " the"]);
    const one = createVocabulary(TEXT, { tokens: "words", words: 1, atLeast: 1 });
    expect(one.tokens.slice(-2)).toEqual([" 12", "\ufffd"]);
    expect(one.tokens).toHaveLength(new Set(TEXT).size + 2);
  });

  it("encodes and decodes every text of its characters without loss", () => {
    const vocabulary = createVocabulary(TEXT, { tokens: "words", atLeast: 1 });
    for (const text of [TEXT, "the catthe 1", "", "dog 12 dog", "ttt"]) {
      expect(vocabulary.decode(vocabulary.encode(text))).toBe(text);
    }
    expect(vocabulary.encode(TEXT).length).toBeLessThan(TEXT.length / 2);
  });

  it("unknown: null: a character outside is an error", () => {
    const vocabulary = createVocabulary("ab", { unknown: null });
    expect(vocabulary.unknown).toBeUndefined();
    expect(() => vocabulary.encode("abc")).toThrow(/"c"/);
  });

  it("a saved model encodes a text as the vocabulary that it was trained with does", async () => {
    using engine = createEngineSync();
    const vocabulary = createVocabulary(TEXT, { tokens: "words", atLeast: 1 });
    const size = vocabulary.tokens.length;
    const net = createTrainable(engine, {
      input: { tokens: size, embedding: 2 },
      recurrent: { cell: "gru", hiddenSize: 3 },
      output: { size },
    });
    const file = net.save({ metadata: vocabularyMetadata(vocabulary, { start: " " }) });
    const model = await loadLanguageModel(engine, file);
    const text = "the dog ate a cat";
    expect([...(model.vocabulary?.encode(text) ?? [])]).toEqual([...vocabulary.encode(text)]);
    const [score] = model.scoreSync([text]);
    expect(score?.tokens).toBe(vocabulary.encode(text).length);
  });

  it("refuses operands, by name", () => {
    expectError(
      () => createVocabulary(3 as never),
      TypeError,
      "createVocabulary: text: expected a string, got number",
    );
    expectError(
      () => createVocabulary("a", { token: "words" } as never),
      TypeError,
      "createVocabulary: …token…did you mean tokens?",
    );
    expectError(
      () => createVocabulary("a", { tokens: "bytes" as never }),
      TypeError,
      'createVocabulary: tokens: …"characters", "words", got "bytes"',
    );
    expectError(
      () => createVocabulary("a", { atLeast: 0 }),
      RangeError,
      "createVocabulary: atLeast: expected an integer ≥ 1, got 0",
    );
    expectError(
      () => createVocabulary("a", { unknown: "" }),
      TypeError,
      "createVocabulary: unknown: …",
    );
    expectError(
      () => createVocabulary("", { unknown: null }),
      RangeError,
      "createVocabulary: text: …",
    );
    expectError(
      () => vocabularyMetadata(createVocabulary("a"), { begin: "a" } as never),
      TypeError,
      "vocabularyMetadata: …",
    );
  });
});
