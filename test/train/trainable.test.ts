import { describe, expect, it } from "vitest";
import { describeKeras } from "../../src/formats/keras.js";
import {
  describeSafetensors,
  ModelFormatError,
  readSafetensors,
} from "../../src/formats/safetensors.js";
import {
  createEngineSync,
  loadLanguageModel,
  loadTagger,
  ShapeError,
  StateError,
  type Tensor,
} from "../../src/index.js";
import { createTrainable, trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { vacancies } from "../support/engines.js";
import { fixtureBytes } from "../support/fixtures.js";
import { drawBatch, names, optionsOf } from "./networks.js";

const engine = createEngineSync();

const statistics = (x: Float64Array) => {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return { mean, deviation: Math.sqrt(variance), most: Math.max(...x.map(Math.abs)) };
};

describe("first weights", () => {
  const options = {
    input: { tokens: 50, embedding: 40 },
    recurrent: { cell: "lstm", hiddenSize: 64 },
    output: { size: 50 },
  } as const;

  it("are PyTorch's: the embedding normal, all others uniform in ±1/√na", () => {
    const net = createTrainable(engine, { ...options, seed: 7 });
    const weights = net.weights();
    const { mean, deviation } = statistics(weights["embedding.weight"]?.data as Float64Array);
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(Math.abs(deviation - 1)).toBeLessThan(0.05);
    const bound = 1 / Math.sqrt(64);
    for (const [name, { data }] of Object.entries(weights).slice(1)) {
      const { most, deviation: spread } = statistics(data);
      expect(most, name).toBeLessThanOrEqual(bound);
      expect(Math.abs(spread / (bound / Math.sqrt(3)) - 1), name).toBeLessThan(0.2);
    }
  });

  it("are Keras's: Glorot, orthogonal, biases 0, the forget gate's 1", () => {
    const net = createTrainable(engine, { ...options, seed: 7, initialisation: "keras" });
    const weights = net.weights();
    const W = weights["recurrent.weight_hh_l0"] as Tensor;
    // WᵀW = 1.
    for (let i = 0; i < 64; i += 9) {
      for (let j = 0; j < 64; j += 7) {
        let dot = 0;
        for (let r = 0; r < 256; r++) {
          dot += (W.data[r * 64 + i] as number) * (W.data[r * 64 + j] as number);
        }
        expect(Math.abs(dot - (i === j ? 1 : 0))).toBeLessThan(1e-14);
      }
    }
    const bound = Math.sqrt(6 / (256 + 40));
    const { most } = statistics(weights["recurrent.weight_ih_l0"]?.data as Float64Array);
    expect(most).toBeLessThanOrEqual(bound);
    expect(most).toBeGreaterThan(0.99 * bound);
    const bias = weights["recurrent.bias_ih_l0"]?.data as Float64Array;
    expect([...bias]).toEqual([0, 1, 0, 0].flatMap((value) => Array(64).fill(value)));
    expect(weights["recurrent.bias_hh_l0"]?.data.every((value) => value === 0)).toBe(true);
    expect(weights["output.bias"]?.data.every((value) => value === 0)).toBe(true);
  });

  it("have the forget bias that is asked for, and the same bits for the same seed only", () => {
    const net = createTrainable(engine, { ...options, seed: 1, forgetBias: 2 });
    const bias = net.weights()["recurrent.bias_ih_l0"]?.data.subarray(64, 128) as Float64Array;
    expect([...bias]).toEqual(Array(64).fill(2));
    const of = (seed: number) =>
      createTrainable(createEngineSync(), { ...options, seed }).weights();
    expect(of(5)).toEqual(of(5));
    expect(of(5)).not.toEqual(of(2 ** 32 + 5));
    // A literal: other hosts and later versions draw the same.
    expect(of(0)["output.bias"]?.data[0]).toBe(OUTPUT_BIAS);
  });
});

const OUTPUT_BIAS = 0.09961906990525546;

describe.each(names)("%s", (name) => {
  const options = optionsOf(name);

  it("load sets what weights gives, in every bit, and the loss is the same", () => {
    const [a, b] = [1, 2].map((seed) => createTrainable(engine, { ...options, seed }));
    if (a === undefined || b === undefined) throw new Error("unreachable");
    expect(b.weights()).not.toEqual(a.weights());
    b.load(a.weights());
    expect(b.weights()).toEqual(a.weights());
    const [x, y] = [a, b].map((net) =>
      createTrainer(net, { loss: "mse", optimizer: { name: "sgd" } }).evaluate(
        drawBatch(options, "mse"),
      ),
    );
    expect(y).toEqual(x);
  });

  it("a file holds all, and the network of it has the same loss", () => {
    const net = createTrainable(engine, { ...options, seed: 3 });
    const file = net.save({ metadata: { note: "mine" } });
    const { tensors, metadata } = readSafetensors(file);
    expect(metadata.get("note")).toBe("mine");
    expect([...tensors.keys()].sort()).toEqual(Object.keys(net.weights()).sort());
    const copy = trainable(engine, file);
    expect(copy.weights()).toEqual(net.weights());
    const [x, y] = [net, copy].map((each) =>
      createTrainer(each, { loss: "mse", optimizer: { name: "sgd" } }).evaluate(
        drawBatch(options, "mse"),
      ),
    );
    expect(y).toEqual(x);
  });
});

/** The mean squared error of the outputs of a tagger made of the network, and the trainer's. */
async function bothLosses(name: string): Promise<[number, number]> {
  const options = optionsOf(name);
  const net = createTrainable(engine, { ...options, seed: 4 });
  const batch = drawBatch(options, "mse");
  const trainer = createTrainer(net, { loss: "mse", optimizer: { name: "sgd" } });
  const tagger = await loadTagger(engine, net.description());
  const outputs = await tagger.tag(batch.inputs);
  const got = outputs.flatMap(({ values }) => [...values.data]);
  const targets = batch.targets as Tensor | Tensor[];
  const want = [targets].flat().flatMap(({ data }) => [...data]);
  expect(got.length).toBe(want.length);
  const error = got.reduce((sum, value, i) => sum + (value - (want[i] as number)) ** 2, 0);
  return [trainer.evaluate(batch).loss, error / got.length];
}

describe("description", () => {
  it.each(names)("a tagger of it has the trainer's loss to 1e-14: %s", async (name) => {
    const [own, tagged] = await bothLosses(name);
    expect(Math.abs(own - tagged)).toBeLessThan(1e-14 * own + 1e-15);
  });

  it("a language model of the file scores a text as the trainer's loss says, to 1e-14", async () => {
    const net = createTrainable(engine, { ...optionsOf("lstm"), seed: 2 });
    const trainer = createTrainer(net, { loss: "crossEntropy", optimizer: { name: "sgd" } });
    const ids = [0, 3, 5, 1, 2, 2, 4];
    const { loss } = trainer.evaluate({ inputs: [ids.slice(0, -1)], targets: [ids.slice(1)] });
    const metadata = { vocabulary: JSON.stringify(["a", "b", "c", "d", "e", "f"]) };
    const model = await loadLanguageModel(engine, net.save({ metadata }));
    const [score] = await model.score(["adfbcce"]);
    expect(score?.tokens).toBe(6);
    expect(Math.abs(-(score?.logProb ?? 0) / 6 - loss)).toBeLessThan(1e-14);
  });
});

describe("errors name the place, what is expected and what was given", () => {
  const good = optionsOf("lstm");
  const make = (changes: object) => () =>
    createTrainable(engine, { ...good, ...changes } as typeof good);
  it.each([
    [
      "an unknown option",
      make({ inptu: 1 }),
      TypeError,
      /options: unknown option "inptu": did you mean input\?/,
    ],
    [
      "no tokens",
      make({ input: { tokens: 0 } }),
      RangeError,
      /input.tokens: expected an integer ≥ 1, got 0/,
    ],
    ["no stack", make({ recurrent: [] }), RangeError, /recurrent: expected a stack, got none/],
    [
      "an option of another cell",
      make({ recurrent: { cell: "gru", hiddenSize: 2, peepholes: true } }),
      TypeError,
      /createTrainable: recurrent: peepholes: belongs to cell "lstm"/,
    ],
    [
      "sizes that follow from others",
      make({ recurrent: { cell: "gru", hiddenSize: 2, inputSize: 2 } }),
      TypeError,
      /recurrent: inputSize: remove it/,
    ],
    [
      "dropout of 1",
      make({ recurrent: { cell: "gru", hiddenSize: 2, dropout: 1 } }),
      RangeError,
      /recurrent: dropout: expected a finite number at least 0 and below 1, got 1/,
    ],
    [
      "an unknown output",
      make({ output: { size: 3, of: "first" } }),
      TypeError,
      /output.of: expected one of "step", "last", "mean", "max", got "first"/,
    ],
    [
      "a tied output of another size",
      make({ output: { size: 6, tied: true } }),
      RangeError,
      /output.tied: expected an embedding \(6, 4\), .* got \(6, 3\)/,
    ],
    [
      "a seed that is no integer",
      make({ seed: 0.5 }),
      RangeError,
      /seed: expected an integer ≥ 0, got 0.5/,
    ],
    [
      "an unknown initialisation",
      make({ initialisation: "he" }),
      TypeError,
      /initialisation: expected one of "pytorch", "keras", got "he"/,
    ],
  ] as const)("%s", (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });

  it("load: a weight that is missing, misspelt or of another shape changes nothing", () => {
    const net = createTrainable(engine, good);
    const before = net.weights();
    const others = createTrainable(engine, { ...good, seed: 9 }).weights();
    const { "output.bias": bias, ...rest } = others;
    expect(() => net.load(rest)).toThrow(TypeError);
    expect(() => net.load(rest)).toThrow(/^load: output.bias: expected .* got undefined/);
    const misspelt = { ...others, "output.bais": bias as Tensor };
    expect(() => net.load(misspelt)).toThrow(
      /"output.bais": unknown weight: did you mean output.bias\?/,
    );
    const short = { ...others, "output.bias": new Float64Array(5) };
    expect(() => net.load(short)).toThrow(ShapeError);
    expect(() => net.load(short)).toThrow(/^load: output.bias: expected \(6,\), got 5 numbers/);
    expect(net.weights()).toEqual(before);
    net.load(new Map(Object.entries(others)));
    expect(net.weights()).toEqual(others);
  });

  it("freeze: a name that no parameter has", () => {
    const net = createTrainable(engine, good);
    expect(() => net.freeze("embeding.weight")).toThrow(/did you mean embedding.weight\?/);
    net.freeze("recurrent", "output.bias");
    expect(net.frozen()).toHaveLength(9);
    net.unfreeze("recurrent.weight_hh_l0");
    expect(net.frozen()).toHaveLength(8);
  });

  it("a network that is disposed of, and its engine", () => {
    const own = createEngineSync();
    const net = createTrainable(own, good);
    const other = createTrainable(own, good);
    net.dispose();
    expect(() => net.weights()).toThrow(StateError);
    own.dispose();
    expect(() => other.weights()).toThrow(StateError);
    expect(() => createTrainable({} as never, good)).toThrow(TypeError);
  });
});

describe("trainable opens what other readers describe", () => {
  const files = ["language", "lone", "projected", "relu", "tied", "two", "cells"];

  it.each(files)(
    "a file of PyTorch, %s: its tensors, names and outputs come back",
    async (name) => {
      const bytes = fixtureBytes(`torch-files/${name}.safetensors`);
      const names = name === "cells" ? { input: "features" as const } : {};
      const description = describeSafetensors(readSafetensors(bytes), names);
      if (description.dense.length === 0) {
        expect(() => trainable(engine, description)).toThrow(
          /^trainable: expected a linear layer on top, got none$/,
        );
        return;
      }
      const net = trainable(engine, description);
      const { tensors } = readSafetensors(bytes);
      const saved = readSafetensors(net.save()).tensors;
      for (const [own, { data, shape }] of saved) {
        const before = tensors.get(own);
        expect(before?.shape, own).toEqual(shape);
        expect([...data], own).toEqual([...(before?.data ?? [])]);
      }
      const [a, b] = await Promise.all([
        loadTagger(engine, description, { activation: "identity", output: description.output }),
        loadTagger(engine, net.description(), { activation: "identity" }),
      ]);
      const { input } = description;
      const rows = { shape: [4, 0], data: new Float64Array(0) };
      if (input.kind === "features") {
        rows.shape = [4, input.size];
        rows.data = Float64Array.from({ length: 4 * input.size }, (_, i) => Math.sin(i));
      }
      const sequence = input.kind === "features" ? rows : [1, 0, 1, 1];
      expect(await b.tag([sequence as never])).toEqual(await a.tag([sequence as never]));
    },
  );

  it("a model of Keras", () => {
    const description = describeKeras(fixtureBytes("keras/h5py.keras"));
    const net = trainable(engine, description);
    expect(Object.keys(net.weights()).length).toBeGreaterThan(3);
  });
});

it("options of trainable decide what a file leaves open", () => {
  const bytes = fixtureBytes("torch-files/two.safetensors");
  const [steps, last] = (["steps", "last"] as const).map((output) => {
    const net = trainable(engine, bytes, { output });
    expect(net.description().output).toBe(output);
    return createTrainer(net, { loss: "crossEntropy", optimizer: { name: "sgd" } });
  });
  expect(steps?.evaluate({ inputs: [[1, 2]], targets: [[0, 1]] }).tokens).toBe(2);
  expect(last?.evaluate({ inputs: [[1, 2]], targets: [1] }).tokens).toBe(1);
  expect(() => trainable(engine, bytes, { input: "features" })).toThrow(
    /^trainable: input: the model has an embedding/,
  );
  expect(() => trainable(engine, bytes, { output: "first" } as never)).toThrow(
    /^trainable: output: expected one of/,
  );
});

it("trainable refuses what it does not train, with the part's name", async () => {
  const net = createTrainable(engine, optionsOf("two stacks"));
  const description = net.description();
  const [top] = description.dense;
  const refused = { ...description, dense: [{ ...top, activation: "relu" }] };
  const attempt = () => trainable(engine, refused as never);
  expect(attempt).toThrow(ModelFormatError);
  expect(attempt).toThrow(
    /^trainable: output: activation: expected one of identity, softmax, logSoftmax, sigmoid on top, got relu$/,
  );
});

it("what is disposed of leaves no memory", () => {
  const own = createEngineSync();
  const work = () => {
    const net = createTrainable(own, optionsOf("tied, LayerNorm, residual"));
    const trainer = createTrainer(net, { loss: "crossEntropy", optimizer: { name: "adam" } });
    trainer.step(drawBatch(optionsOf("tied, LayerNorm, residual"), "crossEntropy"));
    trainer.dispose();
    net.dispose();
  };
  work();
  const before = vacancies(own);
  work();
  expect(vacancies(own)).toEqual(before);
});
