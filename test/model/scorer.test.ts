import { describe, expect, it } from "vitest";
import { FeatureError } from "../../src/errors.js";
import { readSafetensors, writeModel, writeSafetensors } from "../../src/formats/safetensors.js";
import {
  createScorer,
  float32,
  generalCells,
  generalCellsFloat32,
  loadScorer,
  type ScorerOptions,
} from "../../src/forward.js";
import {
  AbortedError,
  createEngineSync,
  loadLanguageModel,
  type ModelDescription,
  type Score,
  StateError,
} from "../../src/index.js";
import { vacancies } from "../support/engines.js";
import { expectError, expectRejection } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";
import { uniform } from "../support/random.js";

const engine = createEngineSync();
const kernels = [float32, generalCells, generalCellsFloat32];
const sequences = textsOf([0, 1, 2, 7, 7, 40, 3]);

const load = (plan: ModelPlan, options: ScorerOptions = {}) =>
  loadScorer(engine, writeModel(describedOf(plan)), options);
const planOf = (name: string) => LANGUAGE.find((plan) => plan.name === name) as ModelPlan;
const STANDARD = planOf("lstm over an embedding, a softmax on top");
const RELU = planOf("one-hot into a relu rnn of two layers");

describe.each(["f64", "f32"] as const)(
  "a scorer in %s gives the bits of a language model",
  (precision) => {
    it.each(LANGUAGE.map((plan) => [plan.name, plan] as const))("%s", async (_, plan) => {
      const description = describedOf(plan);
      const model = await loadLanguageModel(engine, description, { precision, start: 1 });
      const want = model.scoreSync(sequences);
      const options = { precision, kernels, start: 1 };
      for (const scorer of [
        await load(plan, options),
        createScorer(engine, description, options),
      ]) {
        expect(await scorer.score(sequences)).toEqual(want);
        expect(scorer.scoreSync(sequences)).toEqual(want);
        const { size, start } = scorer;
        expect({ size, precision: scorer.precision, start }).toEqual({
          size: 11,
          precision,
          start: 1,
        });
        scorer.dispose();
      }
      model.dispose();
    });
  },
);

describe("a scorer", () => {
  it("needs no import for the standard cells in f64, and takes texts", async () => {
    const vocabulary = Array.from("abcdefghijk");
    const scorer = await load(STANDARD, { vocabulary, unknown: "a" });
    const model = await loadLanguageModel(engine, describedOf(STANDARD), {
      vocabulary,
      unknown: "a",
    });
    expect(scorer.scoreSync(["bad zebra", "cafe"])).toEqual(model.scoreSync(["bad zebra", "cafe"]));
    expect(scorer.vocabulary?.decode([2, 0, 5, 4])).toBe("cafe");
    expect(scorer.assumptions).toEqual(model.assumptions);
  });

  it("tells what it inferred, as a language model does", async () => {
    const file = readSafetensors(writeModel(describedOf(STANDARD)));
    const bytes = writeSafetensors(file.tensors);
    const scorer = await loadScorer(engine, bytes);
    expect(scorer.assumptions).toEqual((await loadLanguageModel(engine, bytes)).assumptions);
    expect(scorer.assumptions.length).toBeGreaterThan(3);
  });

  it.each([
    ["loadScorer", STANDARD, { precision: "f32" }, "float32", 'precision "f32"'],
    ["loadScorer", RELU, {}, "generalCells", "a cell …"],
    ["createScorer", RELU, {}, "generalCells", "a cell …"],
    [
      "loadScorer",
      RELU,
      { precision: "f32", kernels: [float32] },
      "generalCellsFloat32",
      "a cell …",
    ],
    [
      "loadScorer",
      planOf("hidden linear layers with functions"),
      {},
      "generalCells",
      "… activation …",
    ],
  ] as const)(
    "%s of %o names what to import: %o",
    async (where, plan, options: ScorerOptions, name, use) => {
      const places = vacancies(engine);
      const message = `${where}: kernels: expected ${name} for ${use}, got none: import ${name} from …`;
      if (where === "loadScorer") await expectRejection(load(plan, options), FeatureError, message);
      else
        expectError(() => createScorer(engine, describedOf(plan), options), FeatureError, message);
      expect(vacancies(engine)).toEqual(places);
    },
  );

  it("reports progress, returns errors, and ends by a signal", async () => {
    const scorer = await load(STANDARD);
    const seen: number[] = [];
    await scorer.score(sequences, { yieldEvery: 0, onProgress: ({ done }) => seen.push(done) });
    expect(seen.at(-1)).toBe(sequences.length);
    const [good, bad] = scorer.scoreSync(
      [
        [1, 2],
        [1, 99],
      ],
      { onError: "return" },
    );
    expect((good as Score).tokens).toBe(1);
    expect(bad).toBeInstanceOf(RangeError);
    const signal = AbortSignal.abort();
    await expectRejection(
      scorer.score(sequences, { signal }),
      AbortedError,
      "score: aborted after 0 of 7",
    );
  });

  it("refuses other arguments, and every use after dispose", async () => {
    const scorer = await load(STANDARD);
    const wrong = (value: unknown) => value as ModelDescription;
    await expectRejection(
      loadScorer(engine, wrong(describedOf(STANDARD)) as unknown as Uint8Array),
      TypeError,
      "loadScorer: model: …",
    );
    expectError(
      () => createScorer(engine, wrong(new Uint8Array(9))),
      TypeError,
      "createScorer: model: …",
    );
    await expectRejection(
      load(STANDARD, { kernel: [] } as ScorerOptions),
      TypeError,
      'loadScorer: options: unknown option "kernel": did you mean kernels?',
    );
    await expectRejection(
      scorer.score(sequences, { from: 1 } as object),
      TypeError,
      'score: options: unknown option "from": …',
    );
    scorer.dispose();
    expectError(() => scorer.scoreSync(sequences), StateError, "scoreSync: the model is disposed");
  });
});

// loadScorer does not check the description of a file, whose reader has: a file that one refuses, the other refuses, too.
it("500 damaged files: the errors and the scores of loadLanguageModel", async () => {
  const next = uniform(7);
  const draw = <T>(of: readonly T[]): T => of[Math.floor(((next() + 1) / 2) * of.length)] as T;
  const said = async (
    opening: Promise<{ scoreSync(list: number[][]): unknown; dispose(): void }>,
  ) => {
    try {
      const model = await opening;
      const scores = model.scoreSync([[0, 1, 2]]);
      model.dispose();
      return scores;
    } catch (error) {
      const { name, message } = error as Error;
      return `${name}: ${message.replace(/load(Scorer|LanguageModel)/, "load…")}`;
    }
  };
  let refused = 0;
  for (let i = 0; i < 500; i++) {
    const { tensors, metadata } = readSafetensors(writeModel(describedOf(draw(LANGUAGE))));
    const damaged = new Map(tensors);
    const notes = new Map(metadata);
    const name = draw([...damaged.keys()]);
    const { shape, data } = damaged.get(name) as { shape: readonly number[]; data: Float64Array };
    const at = draw([...shape.keys()]);
    const other = shape.map((extent, axis) =>
      axis === at ? draw([0, 1, extent + 1, 2 * extent]) : extent,
    );
    const size = other.reduce((product, extent) => product * extent, 1);
    const damages = [
      () => damaged.delete(name),
      () =>
        damaged.set(name, {
          ...(damaged.get(name) as object),
          shape: other,
          data: new Float64Array(size),
        } as never),
      () =>
        damaged.set(`${name}.weight`, { ...(damaged.get(name) as object), shape, data } as never),
      () => notes.delete("recurra.network"),
      ...[
        ['"identity"', '"softmax"'],
        ['"options":{', '"merge":"sum","options":{'],
        ['"options":{', '"options":{"reverse":true,'],
        ['"options":{', '"options":{"clip":0.5,'],
        ['"steps"', '"mean"'],
        ['"embedding"', '"one-hot"'],
        ['"one-hot"', '"features"'],
      ].map(([from = "", to = ""]) => () => {
        const note = notes.get("recurra.network") ?? "";
        notes.set("recurra.network", note.replace(from, to).replace(",}", "}"));
      }),
    ];
    draw(damages)();
    draw(damages)();
    const bytes = writeSafetensors(damaged, notes);
    const want = await said(loadLanguageModel(engine, bytes));
    expect(await said(loadScorer(engine, bytes, { kernels }))).toEqual(want);
    if (typeof want === "string") refused++;
  }
  expect(refused).toBeGreaterThan(200);
  expect(refused).toBeLessThan(500);
});
