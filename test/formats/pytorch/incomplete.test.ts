import { describe, expect, it } from "vitest";
import { ModelFormatError, writeModel } from "../../../src/formats/safetensors.js";
import { createEngineSync, loadTagger, ShapeError } from "../../../src/index.js";
import { expectError } from "../../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../../support/models.js";

const described = describedOf(LANGUAGE[0] as ModelPlan);
const [part] = described.recurrent;
const [head] = described.dense;
const engine = createEngineSync();

const recurrent = (changes: object) => ({ recurrent: [{ ...part, ...changes }] });
const dense = (changes: object) => ({ dense: [{ ...head, ...changes }] });

type Row = [changes: unknown, message: string];
const incomplete: Row[] = [
  [{ recurrent: [null] }, "recurrent[0]: expected an object, got null"],
  [{ recurrent: [7] }, "recurrent[0]: expected an object, got number"],
  [{ dense: [undefined] }, "dense[0]: expected an object, got undefined"],
  [recurrent({ name: undefined }), "recurrent[0].name: expected a string, got undefined"],
  [dense({ name: 3 }), "dense[0].name: expected a string, got number"],
  [recurrent({ options: null }), "part0: options: expected an object, got null"],
  [recurrent({ weights: undefined }), "part0: weights: expected an object, got undefined"],
  [
    recurrent({ options: { ...part?.options, cell: "toString" } }),
    'part0: cell: expected "rnn", "lstm" or "gru", got toString',
  ],
  [
    recurrent({ options: { ...part?.options, activations: 1 } }),
    "part0: activations: expected a list, got number",
  ],
  [
    recurrent({ options: { ...part?.options, activations: [null] } }),
    "part0: activations: expected an object, got null",
  ],
  [{ input: { kind: "embedding" } }, "input.name: expected a string, got undefined"],
  [{ output: undefined }, 'output: expected "steps", "last", "mean" or "max", got undefined'],
  [{ assumptions: [1] }, "assumptions: expected a list of sentences, got Array"],
];

describe("an incomplete description is a ModelFormatError that names the part", () => {
  it.each(incomplete)("%j", async (changes, message) => {
    const description = { ...described, ...(changes as object) } as never;
    const expected = (where: string) => new ModelFormatError("network", `${where}: ${message}`);
    expect(() => writeModel(description)).toThrow(expected("writeModel"));
    await expect(loadTagger(engine, description)).rejects.toEqual(expected("loadTagger"));
  });
});

describe("writeModel: an argument of the wrong kind or shape", () => {
  it.each([
    [null, "description: expected a description, got null"],
    [{}, "description: expected a description, got Object"],
    [{ ...described, metadata: {} }, "description: expected a description, got Object"],
    [
      { ...described, ...dense({ weight: null }) },
      "dense0.weight: expected a tensor { shape, data: Float64Array }, got null",
    ],
    [
      { ...described, ...recurrent({ weights: { weight_ih_l0: { shape: [1], data: [1] } } }) },
      "part0.weight_ih_l0: expected a tensor { shape, data: Float64Array }, got data: Array",
    ],
    [
      { ...described, input: { kind: "embedding", name: "embedding" } },
      "embedding.weight: expected a tensor { shape, data: Float64Array }, got undefined",
    ],
  ])("%#", (description, message) => {
    expectError(() => writeModel(description as never), TypeError, `writeModel: ${message}`);
  });

  it("numbers that do not fill their shape", () => {
    const weight = { shape: [2, 9], data: new Float64Array(17) };
    const description = { ...described, ...dense({ weight }) } as never;
    expect(() => writeModel(description)).toThrow(
      new ShapeError("writeModel: dense0.weight: shape (2, 9) asks for 18 elements, data has 17"),
    );
  });
});
