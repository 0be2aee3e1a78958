import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type DenseDescription,
  EngineMemoryError,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
  type RecurrentDescription,
  type ScoreOptions,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { vacancies } from "../support/engines.js";
import { saying } from "../support/errors.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

const engine = createEngineSync();
const described = describedOf(LANGUAGE[0] as ModelPlan);
const places = vacancies(engine);
const [part] = described.recurrent as [RecurrentDescription];
const [head] = described.dense as [DenseDescription];
const numbers = (...shape: number[]) => ({
  shape,
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
});

type Loader = typeof loadLanguageModel | typeof loadTagger;

async function failure(load: Loader, ...operands: unknown[]): Promise<string> {
  const call = load as (...operands: unknown[]) => Promise<object>;
  const error = await call(...operands).then(
    () => "loaded",
    (thrown: unknown) => thrown,
  );
  expect(vacancies(engine)).toEqual(places);
  return String(error);
}

describe.each([
  ["loadLanguageModel", loadLanguageModel],
  ["loadTagger", loadTagger],
] as [string, Loader][])("%s", (where, load) => {
  it("an engine", async () => {
    for (const [given, got] of [
      [undefined, "undefined"],
      [null, "null"],
      [{}, "Object"],
    ]) {
      expect(await failure(load, given, described)).toMatch(
        saying(`TypeError: ${where}: engine: …${got}`),
      );
    }
    const gone = createEngineSync();
    gone.dispose();
    expect(await failure(load, gone, described)).toMatch(/^StateError: .*engine is disposed/);
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    ["model.safetensors", "string"],
    [5, "number"],
    [{}, "Object"],
    [{ ...described, metadata: {} }, "Object"],
    [{ ...described, recurrent: undefined }, "Object"],
    [{ ...described, input: null }, "Object"],
    [new Float64Array(8), "Float64Array"],
  ])("a model: %#", async (given, got) => {
    expect(await failure(load, engine, given)).toMatch(
      saying(`TypeError: ${where}: model: …${got}`),
    );
  });

  it("options", async () => {
    expect(await failure(load, engine, described, null)).toMatch(
      saying(`TypeError: ${where}: options: …null`),
    );
    expect(await failure(load, engine, described, { precision: "f16" })).toMatch(
      saying(`TypeError: ${where}: precision: …f16`),
    );
  });

  it("bytes that are no file, and a file without a network", async () => {
    expect(await failure(load, engine, new Uint8Array(3))).toMatch(/^ModelFormatError: /);
    expect(await failure(load, engine, new ArrayBuffer(100))).toMatch(/^ModelFormatError: /);
  });

  const names =
    "softmax, logSoftmax, sigmoid, tanh, relu, affine, leakyRelu, thresholdedRelu, scaledTanh, hardSigmoid, elu, softsign, softplus, identity";
  const broken: [string, object, string][] = [
    ["no recurrent part", { recurrent: [] }, "expected a recurrent layer, got none"],
    [
      "an embedding of the wrong rank",
      { input: { ...described.input, weight: numbers(11, 6, 1) } },
      "embedding: expected (11, 6), got (11, 6, 1)",
    ],
    [
      "an embedding of no tokens",
      { input: { ...described.input, weight: numbers(0, 6) } },
      "embedding: expected at least one token, got (0, 6)",
    ],
    [
      "an embedding of too few numbers",
      { input: { ...described.input, weight: { ...numbers(10, 6), shape: [11, 6] } } },
      "embedding: (11, 6) asks for 66 numbers, there are 60",
    ],
    ["no embedding", { input: { kind: "embedding", name: "embedding" } }, "embedding: …"],
    [
      "an embedding in a list",
      { input: { ...described.input, weight: { shape: [1, 6], data: [1, 2, 3, 4, 5, 6] } } },
      "embedding: expected Float64Array or Float32Array, got Array",
    ],
    [
      "an unknown input",
      { input: { kind: "bytes", size: 6 } },
      'input.kind: expected "embedding", "one-hot" or "features", got bytes',
    ],
    [
      "an input of another size",
      { input: { kind: "one-hot", size: 11 } },
      "part0: expected nx = 11, from below, got 6",
    ],
    [
      "a part that does not take what is below",
      { recurrent: [part, { ...part, name: "upper" }] },
      "upper: … got 6",
    ],
    [
      "a part without options",
      { recurrent: [{ ...part, options: undefined }] },
      "part0: options: …",
    ],
    [
      "one direction to merge",
      { recurrent: [{ ...part, merge: "sum" }] },
      "part0: merge: expected two directions for sum, got one",
    ],
    [
      "an unknown merge",
      { recurrent: [{ ...part, merge: "max" }] },
      "part0: merge: expected concat, sum, mul, ave, got max",
    ],
    [
      "a linear layer that does not take what is below",
      { dense: [head, { ...head, name: "upper" }] },
      "upper: weight: … got (11, 9)",
    ],
    [
      "a linear layer of the wrong rank",
      { dense: [{ ...head, weight: numbers(11) }] },
      "dense0: weight: … got (11,)",
    ],
    [
      "a linear layer without outputs",
      { dense: [{ ...head, weight: numbers(0, 9) }] },
      "dense0: expected at least one output, got (0, 9)",
    ],
    [
      "a linear layer without weights",
      { dense: [{ name: "dense0", activation: "identity" }] },
      "dense0: …",
    ],
    [
      "a bias of another size",
      { dense: [{ ...head, bias: numbers(10) }] },
      "dense0: bias: … got (10,)",
    ],
    [
      "a softmax below another layer",
      {
        dense: [
          { ...head, activation: "softmax" },
          { ...head, weight: numbers(11, 11) },
        ],
      },
      "dense0: softmax: expected nothing above it, got another layer",
    ],
    [
      "an unknown function",
      { dense: [{ ...head, activation: "gelu" }] },
      `dense0: activation: expected one of ${names}, got gelu`,
    ],
    ["no function", { dense: [{ ...head, activation: null }] }, `dense0: activation: …`],
    ["an unknown output", { output: "first" }, "output: …"],
  ];

  it.each(broken)("%s", async (_, changes, message) => {
    expect(await failure(load, engine, { ...described, ...changes })).toMatch(
      saying(`ModelFormatError: ${where}: ${message}`),
    );
  });

  it("recurrent weights that are missing or of another size, and options that are none", async () => {
    const { weight_hh_l0, ...others } = part.weights;
    const withWeights = (weights: object) => ({ ...described, recurrent: [{ ...part, weights }] });
    expect(await failure(load, engine, withWeights(others))).toMatch(
      saying("TypeError: …weight_hh_l0: …"),
    );
    const wrong = { ...others, weight_hh_l0: numbers(9, 8) };
    expect(await failure(load, engine, withWeights(wrong))).toMatch(
      saying("ShapeError: …weight_hh_l0: … got (9, 8)"),
    );
    const options = { ...part.options, hiddenSize: 0 };
    expect(
      await failure(load, engine, { ...described, recurrent: [{ ...part, options }] }),
    ).toMatch(/^(RangeError: createRecurrent: hiddenSize|ModelFormatError: )/);
    expect(weight_hh_l0?.shape).toEqual([9, 9]);
  });

  it("memory that cannot hold it", async () => {
    const small = createEngineSync({ maximumBytes: 2 ** 20 });
    const free = vacancies(small);
    const V = 20_000;
    const large: ModelDescription = {
      ...described,
      input: { kind: "embedding", name: "embedding", weight: numbers(V, 6) },
      dense: [{ ...head, weight: numbers(V, 9), bias: numbers(V) }],
    };
    const call = load as (...operands: unknown[]) => Promise<object>;
    await expect(call(small, large)).rejects.toThrow(EngineMemoryError);
    expect(vacancies(small)).toEqual(free);
    // At every allocation on the way.
    const { arena } = coreOf(small);
    const allocate = arena.allocate.bind(arena);
    for (let k = 0, failed = true; failed; k++) {
      let left = k;
      arena.allocate = (bytes) => {
        if (left-- === 0) throw new Error("full");
        return allocate(bytes);
      };
      failed = await call(small, described).then(
        (made) => {
          (made as { dispose(): void }).dispose();
          return false;
        },
        (error: Error) => error.message === "full",
      );
      arena.allocate = allocate;
      expect(vacancies(small), `allocation ${k}`).toEqual(free);
    }
  });
});

describe("loadLanguageModel", () => {
  const wrong = "ModelFormatError: loadLanguageModel: a language model: expected";
  it("an output of all steps", async () => {
    for (const [output, name] of [
      ["mean", "mean"],
      ["max", "maximum"],
    ] as const) {
      expect(await failure(loadLanguageModel, engine, { ...described, output })).toBe(
        `${wrong} an output for every step, got the ${name} over all`,
      );
    }
    // Each prefix has a last step.
    (await loadLanguageModel(engine, { ...described, output: "last" })).dispose();
  });

  it.each([
    [
      "numbers in",
      { kind: "features", size: 6 },
      [head],
      `${wrong} tokens as input, got 6 numbers a step`,
    ],
    [
      "other outputs",
      described.input,
      [{ ...head, weight: numbers(7, 9), bias: numbers(7) }],
      `${wrong} 11 outputs, one for each token, got 7`,
    ],
    ["no outputs", described.input, [], `${wrong} 11 outputs, one for each token, got 9`],
    [
      "a function on top",
      described.input,
      [{ ...head, activation: "relu" }],
      `${wrong} logits or a softmax on top, got relu`,
    ],
    [
      "one with numbers",
      described.input,
      [{ ...head, activation: { name: "elu", alpha: 2 } }],
      `${wrong} logits or a softmax on top, got elu`,
    ],
  ] as const)("%s", async (_, input, dense, message) => {
    expect(await failure(loadLanguageModel, engine, { ...described, input, dense })).toMatch(
      saying(message),
    );
  });

  it.each(["bidirectional", "reverse"] as const)(
    "%s: what is to come would be known",
    async (how) => {
      const plan: ModelPlan = {
        name: how,
        size: 11,
        input: "embedding",
        dense: [[11, "identity"]],
        parts: [{ cell: "lstm", hiddenSize: 5, [how]: true }],
      };
      expect(await failure(loadLanguageModel, engine, describedOf(plan))).toMatch(
        saying(`${wrong}…directions…`),
      );
    },
  );

  it("identity by its name, as a function, is the logits", async () => {
    const dense = [{ ...head, activation: { name: "identity" } as const }];
    const [a, b] = [
      await loadLanguageModel(engine, { ...described, dense }),
      await loadLanguageModel(engine, described),
    ];
    expect(a.scoreSync([[1, 2, 3]])).toEqual(b.scoreSync([[1, 2, 3]]));
    expect(a.hash).toBe(b.hash);
    for (const model of [a, b]) model.dispose();
  });
});

describe("score, scoreSync", () => {
  const cases: [unknown[], string][] = [
    [[5], "TypeError: score: sequences: expected an array, got number"],
    [["text"], "TypeError: score: sequences: …"],
    [[undefined], "TypeError: score: sequences: …"],
    [[[], null], "TypeError: score: options: …"],
    [[[], { from: "x" }], "TypeError: score: from: expected a stream, got string"],
    [[[], { signal: null }], "TypeError: score: signal: expected an AbortSignal, got null"],
    [[[], { signal: {} }], "TypeError: score: signal: …"],
    [[[], { yieldEvery: -1 }], "TypeError: score: yieldEvery: expected milliseconds ≥ 0, got -1"],
    [[[], { yieldEvery: "5" }], "TypeError: score: yieldEvery: … got 5"],
    [[[], { yieldEvery: Number.NaN }], "TypeError: score: yieldEvery: … got NaN"],
    [[[], { onProgress: 1 }], "TypeError: score: onProgress: expected a function, got number"],
  ];

  it.each(cases)("%j", async (operands, message) => {
    const model = await loadLanguageModel(engine, described);
    const [sequences, options] = operands as [string[], ScoreOptions];
    const error = await model.score(sequences, options).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(saying(message));
    model.dispose();
  });

  it.each(cases.slice(0, 5))("at once: %j", async (operands, message) => {
    const model = await loadLanguageModel(engine, described);
    const [sequences, options] = operands as [string[], ScoreOptions];
    let error: unknown;
    try {
      model.scoreSync(sequences, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toMatch(saying(message.replace("score:", "scoreSync:")));
    model.dispose();
  });
});
