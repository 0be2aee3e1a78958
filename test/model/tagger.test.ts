import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  loadTagger,
  type ModelDescription,
  StateError,
  type Tagged,
  type Tagger,
  type TaggerOptions,
  type Tensor,
} from "../../src/index.js";
import { runNetwork } from "../oracle/model.js";
import { logSoftmax, softmax } from "../oracle/softmax.js";
import { loaded } from "../oracle/tensor.js";
import { FIXED, seeds } from "../support/cells.js";
import { relativeError } from "../support/compare.js";
import { engines, vacancies } from "../support/engines.js";
import { expectError, expectRejection, saying } from "../support/errors.js";
import { fixtures } from "../support/fixtures.js";
import { describedOf, LANGUAGE, type ModelPlan, textsOf } from "../support/models.js";
import { randomTensor, uniform } from "../support/random.js";
import type { TorchCase } from "../support/torch.js";

const nx = 3;
const features = { size: nx, input: "features" } as const;
const dense = [[4, "identity"]] as const;

const PLANS: readonly ModelPlan[] = [
  { name: "rnn over features", ...features, dense, parts: [{ cell: "rnn", hiddenSize: 5 }] },
  {
    name: "gru that reads from the end",
    ...features,
    dense,
    parts: [{ cell: "gru", hiddenSize: 5, reverse: true, layers: 2 }],
  },
  {
    name: "lstm in two directions, two layers, softmax",
    ...features,
    dense: [[4, "softmax"]],
    parts: [{ cell: "lstm", hiddenSize: 5, bidirectional: true, layers: 2 }],
  },
  ...(["sum", "mul", "ave"] as const).map(
    (merge): ModelPlan => ({
      name: `gru whose directions merge by ${merge}, below an rnn of two`,
      ...features,
      dense: [
        [6, "tanh"],
        [2, "logSoftmax"],
      ],
      parts: [
        { cell: "gru", hiddenSize: 4, bidirectional: true, layers: 2, merge },
        { cell: "rnn", hiddenSize: 3, bidirectional: true, merge },
      ],
    }),
  ),
  {
    name: "directions of different functions, a projection",
    ...features,
    dense: [[1, { name: "scaledTanh", alpha: 2 }]],
    parts: [
      {
        cell: "lstm",
        hiddenSize: 6,
        projectionSize: 2,
        bidirectional: true,
        activations: ["sigmoid", "tanh", "tanh", "hardSigmoid", "softsign", "relu"],
      },
    ],
  },
  { name: "no linear layer", ...features, dense: [], parts: [{ cell: "lstm", hiddenSize: 3 }] },
  {
    name: "tokens over an embedding, two directions",
    size: 11,
    input: "embedding",
    dense,
    parts: [{ cell: "gru", hiddenSize: 5, bidirectional: true }],
  },
  {
    name: "tokens as one-hot vectors, from the end",
    size: 11,
    input: "one-hot",
    dense,
    parts: [{ cell: "rnn", hiddenSize: 5, reverse: true }],
  },
  LANGUAGE[8] as ModelPlan,
  {
    name: "LayerNorm and residuals in two directions, below gru layers that merge",
    ...features,
    dense,
    parts: [
      { cell: "rnn", hiddenSize: nx, residual: true, layerNorm: true },
      { cell: "lstm", hiddenSize: 4, bidirectional: true, layers: 2, layerNorm: 0.1 },
      {
        cell: "gru",
        hiddenSize: 4,
        bidirectional: true,
        layers: 2,
        merge: "ave",
        layerNorm: true,
        residual: true,
      },
    ],
  },
  {
    name: "residuals without a normalisation, one from the end on top",
    ...features,
    dense: [],
    parts: [
      { cell: "gru", hiddenSize: nx, layers: 2, residual: true },
      { cell: "lstm", hiddenSize: nx, reverse: true, residual: true },
    ],
  },
];

const lengths = [5, 0, 1, 17, 2, 17, 9];

/** Sequences that a plan's network takes, as the oracle and as a tagger has them. */
function inputsOf(plan: ModelPlan, lengths: readonly number[], seed = 3) {
  if (plan.input !== "features") {
    const ids = textsOf(lengths, seed, plan.size);
    return { plain: ids, given: ids };
  }
  const next = uniform(seed);
  const given = lengths.map((T) => randomTensor(next, T, nx));
  const plain = given.map(({ data }, b) =>
    Array.from({ length: lengths[b] as number }, (_, t) =>
      Array.from(data.subarray(t * nx, (t + 1) * nx)),
    ),
  );
  return { plain, given };
}

const argmax = (row: readonly number[]): number => row.indexOf(Math.max(...row));

describe.each(engines)("taggers on the $name", ({ engine }) => {
  describe.each([
    ["f64", 1e-13],
    ["f32", 2e-5],
  ] as const)("%s, to %s", (precision, bound) => {
    describe.each(["steps", "last", "mean", "max"] as const)("%s", (output) => {
      it.each(PLANS)("$name: values of the oracle, and their classes", async (plan) => {
        const description = { ...describedOf(plan), output };
        const tagger = await loadTagger(engine, description, { precision });
        const { plain, given } = inputsOf(plan, lengths);
        const all = tagger.tagSync(given);
        expect(await tagger.tag(given, { yieldEvery: 0 })).toEqual(all);
        plain.forEach((sequence, b) => {
          const made = runNetwork(description, sequence);
          const want = output === "steps" ? made.steps : [made[output]];
          const { values, classes, labels } = all[b] as Tagged;
          expect(values.shape).toEqual([want.length, tagger.outputSize]);
          expect(labels).toBeUndefined();
          want.flat().forEach((value, i) => {
            expect(Math.abs((values.data[i] as number) - value), `${b}, ${i}`).toBeLessThan(bound);
          });
          expect(classes).toBeInstanceOf(Int32Array);
          expect(Array.from(classes)).toEqual(want.map(argmax));
        });
        tagger.dispose();
      });
    });
  });

  it.each(PLANS)("$name: the same bits alone and in any batch", async (plan) => {
    for (const output of ["steps", "last", "mean", "max"] as const) {
      for (const precision of ["f64", "f32"] as const) {
        const tagger = await loadTagger(engine, describedOf(plan), { precision, output });
        const lengths = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 });
        const property = fc.property(lengths, seeds, (lengths, seed) => {
          const { given } = inputsOf(plan, lengths, seed % 1000);
          const alone = given.map((sequence) => tagger.tagSync([sequence])[0] as Tagged);
          expect(tagger.tagSync(given)).toEqual(alone);
          expect(tagger.tagSync([...given].reverse())).toEqual([...alone].reverse());
        });
        fc.assert(property, { ...FIXED, numRuns: 4 });
        const { given } = inputsOf(
          plan,
          Array.from({ length: 130 }, (_, i) => i % 9),
        );
        const alone = given.map((sequence) => tagger.tagSync([sequence])[0] as Tagged);
        expect(tagger.tagSync(given)).toEqual(alone);
        tagger.dispose();
      }
    }
  });
});

describe("PyTorch's cases by a tagger, from zeros where PyTorch began from a state: against the oracle", () => {
  const engine = createEngineSync();
  it.each(fixtures<TorchCase>("torch-cases"))("$name, to 1e-11", async ({ content: given }) => {
    const weights = Object.entries(given.weights).map(([name, value]) => [name, loaded(value)]);
    const { cell, layers, bidirectional } = given;
    const description: ModelDescription = {
      format: "safetensors",
      input: { kind: "features", size: given.input_size },
      recurrent: [
        {
          name: "layer",
          options: {
            cell,
            layers,
            bidirectional,
            inputSize: given.input_size,
            hiddenSize: given.hidden_size,
          },
          weights: Object.fromEntries(weights),
        },
      ],
      dense: [],
      output: "steps",
      metadata: new Map(),
    };
    const tagger = await loadTagger(engine, description);
    const x = given.x.map(loaded);
    const all = tagger.tagSync(x);
    x.forEach((sequence, b) => {
      const [T = 0, n = 0] = sequence.shape;
      const rows = Array.from({ length: T }, (_, t) =>
        Array.from(sequence.data.subarray(t * n, (t + 1) * n)),
      );
      const { steps } = runNetwork(description, rows);
      const want = { shape: [T, tagger.outputSize], data: Float64Array.from(steps.flat()) };
      expect(relativeError((all[b] as Tagged).values, want)).toBeLessThan(1e-11);
    });
    tagger.dispose();
  });
});

describe("a tagger's options", () => {
  const engine = createEngineSync();
  const plan = PLANS[2] as ModelPlan;
  const description = describedOf(plan);
  const { given, plain } = inputsOf(plan, lengths);
  const open = (options: TaggerOptions, described = description) =>
    loadTagger(engine, described, options);

  it.each([
    ["identity", (row: readonly number[]) => [...row]],
    ["softmax", softmax],
    ["logSoftmax", logSoftmax],
  ] as const)("activation %s, whatever the file says", async (activation, f) => {
    for (const own of ["softmax", "logSoftmax", "identity", "relu"] as const) {
      const dense = description.dense.map((head) => ({ ...head, activation: own }));
      const tagger = await open({ activation }, { ...description, dense });
      const all = tagger.tagSync(given);
      plain.forEach((sequence, b) => {
        const want = runNetwork(description, sequence, { logits: true }).steps.map((row) => f(row));
        want.flat().forEach((value, i) => {
          expect(Math.abs(((all[b] as Tagged).values.data[i] as number) - value)).toBeLessThan(
            1e-13,
          );
        });
      });
      tagger.dispose();
    }
    const bare: ModelDescription = { ...description, dense: [] };
    const tagger = await open({ activation }, bare);
    const first = tagger.tagSync(given)[0] as Tagged;
    const want = runNetwork(bare, plain[0] as number[][]).steps.map((row) => f(row));
    want.flat().forEach((value, i) => {
      expect(Math.abs((first.values.data[i] as number) - value)).toBeLessThan(1e-13);
    });
    tagger.dispose();
  });

  it('output: "step" is "steps", and an option decides whatever the file says', async () => {
    for (const output of ["steps", "last", "mean", "max"] as const) {
      const file: ModelDescription = { ...description, output: output === "last" ? "max" : "last" };
      const tagger = await open({ output }, file);
      const own = await open({}, { ...description, output });
      expect([tagger.output, own.output]).toEqual([output, output]);
      expect(tagger.tagSync(given)).toEqual(own.tagSync(given));
      for (const each of [tagger, own]) each.dispose();
    }
    const step = await open({ output: "step" }, { ...description, output: "mean" });
    expect(step.output).toBe("steps");
    expect(step.tagSync(given)).toEqual((await open({ output: "steps" })).tagSync(given));
  });

  it("the mean and the maximum of a sequence without steps are those of zeros", async () => {
    const none = { shape: [0, nx], data: new Float64Array(0) };
    const zeros = (await open({ output: "last" })).tagSync([none])[0] as Tagged;
    for (const output of ["mean", "max"] as const) {
      const tagger = await open({ output });
      expect(tagger.tagSync([none, none])).toEqual([zeros, zeros]);
      expect(zeros.values.shape).toEqual([1, 4]);
      tagger.dispose();
    }
  });

  it("a step that is NaN makes the mean and the maximum NaN", async () => {
    const bare: ModelDescription = { ...description, dense: [] };
    const rows = Float64Array.from({ length: 4 * nx }, (_, i) => i);
    rows[nx] = Number.NaN;
    for (const output of ["mean", "max"] as const) {
      const tagger = await open({ output }, bare);
      const [{ values }] = tagger.tagSync([{ shape: [4, nx], data: rows }]) as [Tagged];
      expect(values.data.every(Number.isNaN)).toBe(true);
      tagger.dispose();
    }
  });

  it("classes: a label for each row", async () => {
    const classes = ["north", "east", "south", "west"];
    const tagger = await open({ classes });
    for (const { classes: ids, labels } of tagger.tagSync(given)) {
      expect(labels).toEqual(Array.from(ids, (id) => classes[id]));
    }
    tagger.dispose();
  });

  it("single numbers are taken, too: by an f64 network the same bits as their doubles", async () => {
    const single = given.map((x) => ({
      shape: (x as Tensor).shape,
      data: Float32Array.from((x as Tensor).data),
    }));
    const double = single.map(({ shape, data }) => ({ shape, data: Float64Array.from(data) }));
    for (const precision of ["f64", "f32"] as const) {
      const tagger = await open({ precision });
      expect(tagger.precision).toBe(precision);
      expect(tagger.tagSync(single)).toEqual(tagger.tagSync(double));
      expect(tagger.tagSync([...single.slice(0, 3), ...double.slice(3)])).toEqual(
        tagger.tagSync(double),
      );
      tagger.dispose();
    }
  });

  it("the first of equal values is the class; of NaN the first", async () => {
    const zero = { shape: [3, nx], data: new Float64Array(3 * nx) };
    const [head] = description.dense;
    if (head === undefined) throw new Error("no head");
    const flat = { ...head, weight: { ...head.weight, data: head.weight.data.map(() => 0) } };
    const biases = Float64Array.of(1, 2, 2, 0);
    const dense = [{ ...flat, bias: { shape: [4], data: biases } }];
    const tagger = await open({}, { ...description, dense });
    expect(tagger.tagSync([zero])[0]?.classes).toEqual(Int32Array.of(1, 1, 1));
    const spoilt = { ...zero, data: zero.data.map(() => Number.NaN) };
    expect(tagger.tagSync([spoilt])[0]?.classes).toEqual(Int32Array.of(0, 0, 0));
    tagger.dispose();
  });

  it("tokens: texts by the vocabulary, unknown ones as they are told", async () => {
    const tokens = PLANS[8] as ModelPlan;
    const tagger = await open({ vocabulary: { a: 1, b: 2 }, unknown: "b" }, describedOf(tokens));
    expect(tagger.tagSync(["abz"])).toEqual(tagger.tagSync([[1, 2, 2]]));
    expect(tagger.tagSync([Int32Array.of(1, 2, 2)])).toEqual(tagger.tagSync([[1, 2, 2]]));
    tagger.dispose();
  });

  it.each([
    [{ output: "first" }, "TypeError: loadTagger: output: …"],
    [{ precision: "f16" }, "TypeError: loadTagger: precision: …"],
    [{ activation: "relu" }, "TypeError: loadTagger: activation: …"],
    [{ classes: ["a"] }, "RangeError: loadTagger: classes: expected 4 names, got 1"],
    [{ classes: "abcd" }, "TypeError: loadTagger: classes: …"],
    [
      { classes: ["a", "b", "c", 4] },
      "TypeError: loadTagger: classes[3]: expected a string, got number",
    ],
    [null, "TypeError: loadTagger: options: …"],
  ])("%j is an error", async (options, message) => {
    const places = vacancies(engine);
    const error = await open(options as TaggerOptions).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(saying(message));
    expect(vacancies(engine)).toEqual(places);
  });

  it.each([
    [[5], "TypeError: tagSync: sequences: …"],
    [[undefined], "TypeError: tagSync: sequences: …"],
    [
      [[[1, 2]]],
      "TypeError: tagSync: sequences[0]: expected a tensor { shape, data: Float64Array }, got shape: undefined",
    ],
    [[["abc"]], "TypeError: tagSync: sequences[0]: …"],
    [
      [[{ shape: [2, 4], data: new Float64Array(8) }]],
      "ShapeError: tagSync: sequences[0]: expected (T, nx) with nx = 3 (from the model), got (2, 4)",
    ],
    [
      [[{ shape: [2, 3], data: new Float64Array(5) }]],
      "ShapeError: tagSync: sequences[0]: shape (2, 3) asks for 6 elements, data has 5",
    ],
  ])("sequences %#", async (operands, message) => {
    const tagger = await open({});
    const call = () => tagger.tagSync(operands[0] as never);
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toMatch(saying(message));
    const rejected = await tagger.tag(operands[0] as never).catch((thrown: unknown) => thrown);
    expect(String(rejected)).toMatch(saying(message.replace("tagSync", "tag")));
    tagger.dispose();
  });

  it("a disposed tagger, or engine", async () => {
    const own = createEngineSync();
    const places = vacancies(own);
    const tagger: Tagger = await loadTagger(own, description);
    tagger.tagSync(given);
    const run = tagger.tag(given, { yieldEvery: 0 });
    tagger.dispose();
    tagger.dispose();
    expectError(() => tagger.tagSync(given), StateError, "tagSync: the tagger is disposed");
    await expectRejection(tagger.tag([]), StateError, "tag: …");
    expect(await run).toHaveLength(given.length);
    expect(vacancies(own).slice(0, 3)).toEqual(places.slice(0, 3));
    {
      using other = await loadTagger(own, description);
      own.dispose();
      expectError(() => other.tagSync(given), StateError, /engine/);
    }
  });
});
