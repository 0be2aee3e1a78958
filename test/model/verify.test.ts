import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import {
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  type ModelReference,
  ShapeError,
  StateError,
  type Tagger,
  type VerifyOptions,
  verifyModel,
} from "../../src/index.js";
import { runNetwork, tokenLogProbs } from "../oracle/model.js";
import { vacancies } from "../support/engines.js";
import { expectRejection } from "../support/errors.js";
import { fixtureText } from "../support/fixtures.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";
import { root } from "../support/project.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const plan: ModelPlan = {
  name: "gru over features",
  size: 2,
  input: "features",
  parts: [{ cell: "gru", hiddenSize: 4, bidirectional: true }],
  dense: [[3, "identity"]],
};
const description = describedOf(plan);
const inputs = [
  [
    [1, 2],
    [0.5, -1],
    [0, 3],
  ],
  [[-2, 0.25]],
];
const steps = inputs.map((rows) => runNetwork(description, rows).steps);
const means = inputs.map((rows) => runNetwork(description, rows).mean);

async function check(
  reference: unknown,
  options: VerifyOptions = {},
  output: Tagger["output"] = "steps",
) {
  const tagger = await loadTagger(engine, description, { output });
  try {
    return await verifyModel(tagger, reference as ModelReference, options);
  } finally {
    tagger.dispose();
  }
}

describe("a tagger", () => {
  it("passes on the oracle's numbers, at 1e-13; sequences of any lengths", async () => {
    const result = await check({ inputs, outputs: steps }, { tolerance: 1e-13 });
    expect(result).toMatchObject({ passed: true, tolerance: 1e-13, sequences: 2, elements: 12 });
    expect(result.worst.error).toBeLessThanOrEqual(1e-13);
    const pooled = await check({ inputs, outputs: means }, { tolerance: 1e-13 }, "mean");
    expect(pooled).toMatchObject({ passed: true, sequences: 2, elements: 6 });
    const rows = means.map((row) => [row]);
    expect(await check({ inputs, outputs: rows }, { tolerance: 1e-13 }, "mean")).toEqual(pooled);
  });

  it("takes tensors, too", async () => {
    const tensors = inputs.map((rows) => ({
      shape: [rows.length, 2],
      data: Float64Array.from(rows.flat()),
    }));
    const listed = await check({ inputs, outputs: steps });
    expect(await check({ inputs: tensors, outputs: steps })).toEqual(listed);
  });

  it.each([
    [0, 1, 2],
    [1, 0, 0],
    [0, 2, 1],
  ])(
    "finds the worst number, of sequence %i, step %i, column %i",
    async (sequence, step, column) => {
      const outputs = structuredClone(steps);
      const row = outputs[sequence]?.[step] as number[];
      const found = row[column] as number;
      row[column] = found + 0.25;
      const { passed, worst } = await check({ inputs, outputs });
      expect(passed).toBe(false);
      expect(worst).toMatchObject({ sequence, step, column, expected: found + 0.25 });
      expect(worst.found).toBeCloseTo(found, 12);
      const scale = Math.max(1, Math.abs(found + 0.25));
      expect(worst.error).toBeCloseTo(0.25 / scale, 12);
      expect((await check({ inputs, outputs }, { tolerance: 0.3 })).passed).toBe(true);
    },
  );

  it("large numbers are compared in proportion", async () => {
    const dense = description.dense.map((head) => ({
      ...head,
      weight: { ...head.weight, data: head.weight.data.map((w) => w * 2 ** 20) },
    }));
    const tagger = await loadTagger(engine, { ...description, dense });
    const outputs = inputs.map((rows) =>
      runNetwork({ ...description, dense }, rows).steps.map((row) => row.map((x) => x * 1.001)),
    );
    const { worst } = await verifyModel(tagger, { inputs, outputs });
    expect(worst.error).toBeCloseTo(0.001 / 1.001, 6);
    tagger.dispose();
  });

  it("NaN and infinities agree with themselves only", async () => {
    const outputs = structuredClone(steps);
    // Of equal errors the first one is told.
    for (const column of [1, 2]) (outputs[1]?.[0] as number[])[column] = Number.NaN;
    const { passed, worst } = await check({ inputs, outputs }, { tolerance: Number.MAX_VALUE });
    expect([passed, worst.error]).toEqual([false, Number.POSITIVE_INFINITY]);
    expect(worst).toMatchObject({ sequence: 1, step: 0, column: 1 });
    const spoilt = structuredClone(inputs);
    (spoilt[1]?.[0] as number[])[0] = Number.NaN;
    const nan = structuredClone(steps);
    nan[1] = [[Number.NaN, Number.NaN, Number.NaN]];
    expect((await check({ inputs: spoilt, outputs: nan })).passed).toBe(true);
    expect((await check({ inputs: spoilt, outputs: steps })).passed).toBe(false);
  });
});

describe("a language model", () => {
  const language = LANGUAGE[0] as ModelPlan;
  const described = describedOf(language);
  const texts = textsOf([6, 3]);
  const logits = texts.map((ids) => runNetwork(described, ids, { logits: true }).steps);

  it("logits or log-probabilities, whatever its start token; ids or texts", async () => {
    const vocabulary = Object.fromEntries([..."abcdefghijk"].map((token, id) => [token, id]));
    const model = await loadLanguageModel(engine, described, { vocabulary, start: "c" });
    const tolerance = 1e-12;
    const result = await verifyModel(model, { inputs: texts, outputs: logits }, { tolerance });
    expect(result).toMatchObject({ passed: true, elements: 9 * 11 });
    const words = texts.map((ids) => ids.map((id) => "abcdefghijk"[id]).join(""));
    expect(await verifyModel(model, { inputs: words, outputs: logits }, { tolerance })).toEqual(
      result,
    );
    const [first = []] = texts;
    const [row = []] = logits[0] ?? [];
    // The same number that scoring without a start token gives.
    const log = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    const want = tokenLogProbs(described, first)[0] as number;
    expect((row[first[1] as number] as number) - log).toBeCloseTo(want, 12);
    model.dispose();
  });

  it("probabilities, if a softmax is on top", async () => {
    const softmax = describedOf(LANGUAGE[2] as ModelPlan);
    const model = await loadLanguageModel(engine, softmax);
    const outputs = texts.map((ids) => runNetwork(softmax, ids).steps);
    const { passed } = await verifyModel(model, { inputs: texts, outputs }, { tolerance: 1e-12 });
    expect(passed).toBe(true);
    model.dispose();
  });

  it("outputs of the token before fail", async () => {
    const model = await loadLanguageModel(engine, described);
    const shifted = logits.map((rows) => [rows.at(-1) as number[], ...rows.slice(0, -1)]);
    expect((await verifyModel(model, { inputs: texts, outputs: shifted })).passed).toBe(false);
    model.dispose();
  });
});

describe("errors", () => {
  const whole = { inputs, outputs: steps };
  it.each([
    [null, "TypeError", "reference: expected an object, got null"],
    [
      { ...whole, output: [] },
      "TypeError",
      'reference: unknown option "output": did you mean outputs?',
    ],
    [{ inputs }, "TypeError", "reference.outputs: expected a list of sequences, got undefined"],
    [{ ...whole, inputs: "x" }, "TypeError", "reference.inputs: expected a list of …, got string"],
    [
      { inputs: [], outputs: [] },
      "ShapeError",
      "reference.inputs: expected at least one sequence, got none",
    ],
    [
      { inputs, outputs: steps.slice(1) },
      "ShapeError",
      "reference.outputs: expected m = 2, as reference.inputs has, got 1",
    ],
    [
      { inputs: [[]], outputs: [[]] },
      "ShapeError",
      "reference.outputs: expected at least one number, got none",
    ],
    [
      { ...whole, inputs: [[1, 2], inputs[1]] },
      "TypeError",
      "reference.inputs[0][0]: expected a row of nx = 2 numbers, got number",
    ],
    [
      { ...whole, inputs: [[[1]], inputs[1]] },
      "ShapeError",
      "reference.inputs[0][0]: expected nx = 2, got 1",
    ],
    [
      { ...whole, inputs: [[["1", 2]], inputs[1]] },
      "TypeError",
      "reference.inputs[0][0][0]: expected a number, got string",
    ],
    [
      { ...whole, outputs: [7, steps[1]] },
      "TypeError",
      "reference.outputs[0]: expected rows of numbers, got number",
    ],
    [
      { ...whole, outputs: [steps[1], steps[1]] },
      "ShapeError",
      "reference.outputs[0]: expected (T, ny) = (3, 3), got (1, 3); …",
    ],
    [
      { ...whole, outputs: [steps[0], [[1, 2]]] },
      "ShapeError",
      "reference.outputs[1][0]: expected ny = 3, got 2",
    ],
    [
      { ...whole, outputs: [steps[0], [[1, 2, null]]] },
      "TypeError",
      "reference.outputs[1][0][2]: expected a number, got null",
    ],
  ])("%#: of the reference", async (reference, kind, message) => {
    const kinds = { TypeError, ShapeError };
    const places = vacancies(engine);
    await expectRejection(
      check(reference),
      kinds[kind as keyof typeof kinds],
      `verifyModel: ${message}`,
    );
    expect(vacancies(engine)).toEqual(places);
  });

  it("of options and models", async () => {
    const tagger = await loadTagger(engine, description);
    const verify = (options: object) => verifyModel(tagger, whole, options);
    await expectRejection(
      verify({ tolerence: 1 }),
      TypeError,
      'verifyModel: options: unknown option "tolerence": did you mean tolerance?',
    );
    for (const tolerance of [-1, Number.NaN, "1"]) {
      await expectRejection(
        verify({ tolerance }),
        TypeError,
        `verifyModel: tolerance: expected a number ≥ 0, got ${tolerance}`,
      );
    }
    await expectRejection(
      verifyModel({} as Tagger, whole),
      TypeError,
      "verifyModel: model: expected what loadTagger or loadLanguageModel gives, got Object",
    );
    const tokens = await loadTagger(engine, describedOf(LANGUAGE[0] as ModelPlan));
    await expectRejection(
      verifyModel(tokens, { inputs: [[11]], outputs: [[1]] }),
      RangeError,
      "verifyModel: reference.inputs[0][0]: expected an id in 0 … 10, got 11",
    );
    for (const each of [tagger, tokens]) each.dispose();
    await expectRejection(verify({}), StateError, "verifyModel: the tagger is disposed");
  });
});

describe("the snippets of docs/formats.md", () => {
  it.each(["reference", "architecture"])("%s: the text that wrote the fixtures", (name) => {
    const page = readFileSync(`${root}docs/formats.md`, "utf8");
    const snippets = JSON.parse(fixtureText("verify/snippets.json")) as Record<string, string>;
    const lines = name === "reference" ? 6 : 4;
    expect(snippets[name]?.trimEnd().split("\n")).toHaveLength(lines);
    expect(page).toContain(`\`\`\`python\n${snippets[name]}\`\`\``);
  });
});
