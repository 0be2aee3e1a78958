import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type LanguageModelOptions,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
  ModelFormatError,
  type TaggerOptions,
} from "../../src/index.js";
import { expectError, expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

const engine = createEngineSync();
const described = describedOf(LANGUAGE[0] as ModelPlan);
const model = await loadLanguageModel(engine, described);
const tagger = await loadTagger(engine, described);

describe("an option that nobody knows is a TypeError that suggests the nearest one", () => {
  it.each([
    ["loadLanguageModel", { precison: "f32" }, '"precison": did you mean precision?'],
    ["loadLanguageModel", { vocab: {} }, '"vocab": expected one of precision, input, …'],
    ["loadTagger", { clases: [] }, '"clases": did you mean classes?'],
    ["score", { onerror: "return" }, '"onerror": did you mean onError?'],
    ["scoreSync", { form: undefined }, '"form": did you mean from?'],
    ["scoreSync", { signal: undefined }, '"signal": expected one of from, onError'],
    ["scoreMany", { concurency: 4 }, '"concurency": did you mean concurrency?'],
    ["scoreMany", { onProgress: () => undefined }, '"onProgress": …'],
    ["tag", { yieldevery: 4 }, '"yieldevery": did you mean yieldEvery?'],
    ["tagSync", { onErr: "throw" }, '"onErr": did you mean onError?'],
  ] as [string, object, string][])("%s, %j", async (where, options, message) => {
    const call = async (): Promise<unknown> => {
      if (where === "loadLanguageModel") return loadLanguageModel(engine, described, options);
      if (where === "loadTagger") return loadTagger(engine, described, options);
      if (where === "tag") return tagger.tag([], options);
      if (where === "tagSync") return tagger.tagSync([], options);
      if (where === "score") return model.score([], options);
      return where === "scoreMany" ? model.scoreMany([], options) : model.scoreSync([], options);
    };
    await expectRejection(call(), TypeError, `${where}: options: unknown option ${message}`);
  });
});

describe("input: features or one-hot", () => {
  const plan = (input: "features" | "one-hot", size: number, ny: number): ModelPlan => ({
    name: "input",
    size,
    input,
    dense: [[ny, "identity"]],
    parts: [{ cell: "gru", hiddenSize: 5 }],
  });
  const guessed = (input: "features" | "one-hot", size: number, ny: number): ModelDescription => ({
    ...describedOf(plan(input, size, ny)),
    input: { kind: input, size, guessed: true },
  });
  const rows = { shape: [2, 4], data: Float64Array.of(0, 1, 0, 0, 1, 0, 0, 0) };

  it("the option decides, whatever the file says: one-hot rows are the tokens'", async () => {
    for (const file of [guessed("one-hot", 4, 4), describedOf(plan("features", 4, 4))]) {
      const features = await loadTagger(engine, file, { input: "features" });
      const tokens = await loadTagger(engine, file, { input: "one-hot" });
      expect(features.tagSync([rows])).toEqual(tokens.tagSync([[1, 0]]));
      const language = await loadLanguageModel(engine, file, { input: "one-hot" });
      expect(language.size).toBe(4);
      for (const made of [features, tokens, language]) made.dispose();
    }
  });

  it("the error of a wrong guess names it, and only of a guess", async () => {
    const hint = (kind: string, other: string) =>
      `; that the input is ${kind} is a guess from the sizes: pass { input: "${other}" } if it is wrong`;
    const tokens = await loadTagger(engine, guessed("one-hot", 4, 4));
    const kinds = "expected a text, an array of ids or Int32Array, got Object";
    const message = `sequences[0]: ${kinds}${hint("one-hot", "features")}`;
    expectError(() => tokens.tagSync([rows]), TypeError, `tagSync: ${message}`);
    await expectRejection(tokens.tag([rows]), TypeError, `tag: ${message}`);
    const features = await loadTagger(engine, guessed("features", 4, 3));
    expectError(
      () => features.tagSync([[1, 0]]),
      TypeError,
      `tagSync: sequences[0]: …${hint("features", "one-hot")}`,
    );
    await expectRejection(
      loadLanguageModel(engine, guessed("features", 4, 3)),
      ModelFormatError,
      `… expected tokens as input, got 4 numbers a step${hint("features", "one-hot")}`,
    );
    await expectRejection(
      loadLanguageModel(engine, guessed("one-hot", 4, 3)),
      ModelFormatError,
      `… expected 4 outputs, one for each token, got 3${hint("one-hot", "features")}`,
    );
    const known = await loadTagger(engine, describedOf(plan("one-hot", 4, 4)));
    expectError(() => known.tagSync([rows]), TypeError, /got Object$/);
    for (const made of [tokens, features, known]) made.dispose();
  });

  it("is one of two words, and nothing for an embedding", async () => {
    for (const load of [loadLanguageModel, loadTagger]) {
      const input = "onehot" as never;
      await expectRejection(
        load(engine, guessed("one-hot", 4, 4), { input }),
        TypeError,
        `${load.name}: input: expected "features" or "one-hot", got onehot`,
      );
      const options: LanguageModelOptions & TaggerOptions = { input: "one-hot" };
      await expectRejection(
        load(engine, described, options),
        TypeError,
        `${load.name}: input: the model has an embedding, which takes tokens`,
      );
    }
  });
});
