import { describe, expect, it } from "vitest";
import { describeSafetensors, readSafetensors, writeModel } from "../../src/formats/safetensors.js";
import {
  type LayerNormDescription,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
  ModelFormatError,
  StateError,
  type Tagged,
  type Tensor,
} from "../../src/index.js";
import { engines, vacancies } from "../support/engines.js";
import { fixtureBytes, fixtureText } from "../support/fixtures.js";
import { describedOf, type ModelPlan, tokensOf } from "../support/models.js";

// Files and outputs of scripts/make_torch_norms.py.

interface Case {
  readonly x: readonly (number | readonly number[])[];
  readonly shape: readonly number[];
  readonly y: readonly number[];
}

const cases = Object.entries(JSON.parse(fixtureText("torch-norm/expected.json"))) as [
  string,
  Case,
][];
const bytesOf = (name: string) => fixtureBytes(`torch-norm/${name}.safetensors`);

/** The input of a case as a tagger takes it. */
const inputOf = ({ x }: Case): number[] | Tensor =>
  typeof x[0] === "number"
    ? (x as number[])
    : {
        shape: [x.length, (x[0] as number[]).length],
        data: Float64Array.from(x.flat() as number[]),
      };

const worst = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  expect(got.length).toBe(want.length);
  return Math.max(...Array.from(got, (value, i) => Math.abs(value - (want[i] as number))));
};

describe.each(engines)("LayerNorm and residuals on the $name", ({ engine }) => {
  it.each(cases)("%s: PyTorch's outputs to 1e-12, in f32 to 1e-5", async (name, given) => {
    for (const [precision, bound] of [
      ["f64", 1e-12],
      ["f32", 1e-5],
    ] as const) {
      const tagger = await loadTagger(engine, bytesOf(name), { precision });
      const [tagged] = await tagger.tag([inputOf(given)]);
      expect(tagged?.values.shape).toEqual(given.shape);
      expect(worst((tagged as Tagged).values.data, given.y)).toBeLessThan(bound);
      tagger.dispose();
    }
  });

  it.each(["language", "residual"])(
    "%s: a stream's log-probabilities are those of the whole text, bit by bit, after 1,000 tokens too",
    async (name) => {
      for (const precision of ["f64", "f32"] as const) {
        const model = await loadLanguageModel(engine, bytesOf(name), { precision });
        const ids = tokensOf(1000, 3, 7);
        const [score] = model.scoreSync([ids]);
        const stream = model.stream();
        stream.push(ids[0] as number);
        const before = vacancies(engine);
        const pushed = ids.slice(1).map((id) => stream.push(id));
        expect(vacancies(engine)).toEqual(before);
        expect(pushed).toEqual([...(score?.tokenLogProbs ?? [])]);
        stream.dispose();
        model.dispose();
      }
    },
  );
});

it.each(cases)("%s: written again it has the bytes of a fixed point, and every number", (name) => {
  const described = describeSafetensors(readSafetensors(bytesOf(name)));
  const bytes = writeModel(described);
  const again = describeSafetensors(readSafetensors(bytes));
  expect(again).toEqual(described);
  expect(Buffer.compare(writeModel(again), bytes)).toBe(0);
});

const plan: ModelPlan = {
  name: "norm",
  size: 5,
  input: "embedding",
  parts: [{ cell: "lstm", hiddenSize: 3, layers: 2, layerNorm: true, residual: true }],
  dense: [[5, "identity"]],
};
const described = describedOf(plan);
const [part] = described.recurrent as [ModelDescription["recurrent"][number]];
const [first, second] = part.layerNorm as [LayerNormDescription, LayerNormDescription];

it("a model's hash depends on gains, biases, epsilon and residuals, and a state of another is refused", async () => {
  const { engine } = engines[0] as (typeof engines)[number];
  const other = (weight: LayerNormDescription["weight"]) => ({
    ...weight,
    data: weight.data.map((value, i) => (i === 2 ? value + 1 : value)),
  });
  const changes = [
    {},
    { layerNorm: [first, { ...second, weight: other(second.weight) }] },
    { layerNorm: [first, { ...second, bias: other(second.bias) }] },
    { layerNorm: [{ ...first, epsilon: 1e-3 }, second] },
    { residual: false },
    { layerNorm: undefined },
  ];
  const models = await Promise.all(
    changes.map((change) => {
      const model = { ...described, recurrent: [{ ...part, ...change }] } as ModelDescription;
      return loadLanguageModel(engine, model);
    }),
  );
  expect(new Set(models.map(({ hash }) => hash)).size).toBe(changes.length);
  const [stream, stranger] = models.map((model) => model.stream());
  stream?.push(1);
  const bytes = stream?.state.toBytes() as Uint8Array;
  expect(() => stranger?.state.fromBytes(bytes)).toThrow(StateError);
  const fork = models[0]?.stream();
  fork?.state.fromBytes(bytes);
  expect(fork?.next()).toEqual(stream?.next());
  for (const model of models) model.dispose();
});

describe("a description is refused", () => {
  const numbers = (n: number) => ({ shape: [n], data: new Float64Array(n) });

  it.each([
    [{ layerNorm: [first] }, "part0: layerNorm: expected 2, one for each layer, got 1"],
    [{ layerNorm: 1 }, "part0: layerNorm: expected a list, got number"],
    [{ layerNorm: [first, null] }, "part0: layerNorm[1]: expected an object, got null"],
    [
      { layerNorm: [first, { ...second, weight: numbers(4) }] },
      "norm0.1: weight: expected (3,), got (4,)",
    ],
    [
      { layerNorm: [{ ...first, bias: undefined }, second] },
      "norm0.0: bias: expected an object, got undefined",
    ],
    [
      { layerNorm: [{ ...first, epsilon: 0 }, second] },
      "norm0.0: epsilon: expected a number > 0, got 0",
    ],
    [
      { layerNorm: [{ ...first, epsilon: Number.NaN }, second] },
      "norm0.0: epsilon: expected a number > 0, got NaN",
    ],
    [{ residual: 1 }, "part0: residual: expected true or false, got 1"],
  ])("%#: %s", async (changes, message) => {
    const model = {
      ...described,
      recurrent: [{ ...part, ...changes }],
    } as ModelDescription;
    const { engine } = engines[0] as (typeof engines)[number];
    const error = await loadLanguageModel(engine, model).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelFormatError);
    expect(error).toMatchObject({ code: "network", message: `loadLanguageModel: ${message}` });
  });

  it("in f32, a gain beyond its range", async () => {
    const weight = { shape: [3], data: Float64Array.of(1, 1e39, 1) };
    const model = {
      ...described,
      recurrent: [{ ...part, layerNorm: [first, { ...second, weight }] }],
    } as ModelDescription;
    const { engine } = engines[0] as (typeof engines)[number];
    await expect(loadLanguageModel(engine, model, { precision: "f32" })).rejects.toMatchObject({
      code: "not-finite",
      tensor: "norm0.1.weight",
    });
  });
});
