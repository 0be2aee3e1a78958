import { afterAll, describe, expect, it } from "vitest";
import {
  describeSafetensors,
  type PytorchNames,
  readSafetensors,
  writeModel,
  writeSafetensors,
} from "../../../src/formats/safetensors.js";
import { createEngineSync } from "../../../src/index.js";
import { runDescribed } from "../../oracle/model.js";
import { shakespeare, torchFile, torchFileRuns } from "../../support/fixtures.js";
import { outline } from "./outline.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const CASES: [file: string, says: object][] = [
  [
    "language",
    {
      input: { kind: "embedding", name: "embedding", weight: "(7,5)" },
      recurrent: [
        {
          name: "lstm",
          options: { cell: "lstm", inputSize: 5, hiddenSize: 6, layers: 2, bidirectional: true },
        },
      ],
      dense: [{ name: "decoder", weight: "(7,12)", bias: "(7)", activation: "identity" }],
      output: "steps",
      metadata: { format: "pt" },
    },
  ],
  [
    "tied",
    {
      input: { kind: "embedding", name: "encoder", weight: "(7,4)" },
      recurrent: [{ name: "rnn", options: { cell: "gru", inputSize: 4, hiddenSize: 4 } }],
      dense: [{ name: "decoder", weight: "(7,4)", bias: "(7)", activation: "identity" }],
      metadata: { format: "pt", "decoder.weight": "encoder.weight" },
    },
  ],
  [
    "relu",
    {
      input: { kind: "features", size: 3 },
      recurrent: [
        {
          name: "model.rnn",
          options: { cell: "rnn", inputSize: 3, hiddenSize: 5, layers: 2, nonlinearity: "relu" },
        },
      ],
      dense: [{ name: "classifier", weight: "(2,5)", bias: "(2)", activation: "identity" }],
      metadata: { format: "pt", nonlinearity: "relu" },
    },
  ],
  [
    "projected",
    {
      input: { kind: "features", size: 3 },
      recurrent: [
        {
          name: "lstm",
          options: {
            cell: "lstm",
            inputSize: 3,
            hiddenSize: 6,
            layers: 2,
            bidirectional: true,
            projectionSize: 2,
          },
        },
      ],
      dense: [],
    },
  ],
  [
    "cells",
    {
      input: { kind: "one-hot", size: 7 },
      recurrent: [
        { name: "cells.0", options: { cell: "lstm", inputSize: 7, hiddenSize: 4 } },
        { name: "cells.1", options: { cell: "lstm", inputSize: 4, hiddenSize: 3 } },
      ],
      dense: [{ name: "head", weight: "(7,3)", bias: "(7)", activation: "identity" }],
    },
  ],
  [
    "lone",
    {
      input: { kind: "features", size: 3 },
      recurrent: [
        {
          name: "",
          options: { cell: "gru", inputSize: 3, hiddenSize: 4, bidirectional: true },
        },
      ],
      dense: [],
    },
  ],
  [
    "two",
    {
      input: { kind: "embedding", name: "wte", weight: "(7,5)" },
      recurrent: [
        {
          name: "upper",
          options: { cell: "gru", inputSize: 5, hiddenSize: 4, bidirectional: true },
        },
        { name: "lower", options: { cell: "lstm", inputSize: 8, hiddenSize: 3 } },
      ],
      dense: [{ name: "fc", weight: "(2,3)", activation: "identity" }],
    },
  ],
];

describe.each(CASES)("a file that PyTorch wrote: %s", (name, says) => {
  const file = readSafetensors(torchFile(name));
  const description = describeSafetensors(file);

  it("is found to be what it is", () => {
    expect(outline(description)).toMatchObject({ format: "safetensors", output: "steps", ...says });
  });

  it("computes what PyTorch computes in float64, to 1e-12", () => {
    const { x, y } = torchFileRuns()[name] as { x: number[] | number[][]; y: number[] };
    const got = runDescribed(description, x).flat();
    expect(got.length).toBe(y.length);
    got.forEach((value, i) => {
      expect(Math.abs(value - (y[i] as number))).toBeLessThan(1e-12);
    });
  });

  it("is written under the same names, with the same dtypes, numbers and metadata, and nothing else", () => {
    const bytes = writeModel(description);
    expect(bytes).toEqual(writeSafetensors(file.tensors, file.metadata));
    const again = describeSafetensors(readSafetensors(bytes));
    expect(again).toEqual(description);
    expect(writeModel(again)).toEqual(bytes);
  });
});

describe("what the caller says", () => {
  const tensor = (...shape: number[]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { shape, data: Float32Array.from({ length: size }, (_, i) => i / size) };
  };
  const lstm = (prefix: string, nx: number, na: number) => ({
    [`${prefix}weight_ih_l0`]: tensor(4 * na, nx),
    [`${prefix}weight_hh_l0`]: tensor(4 * na, na),
  });
  const say = (tensors: object, names: PytorchNames, metadata = {}) => {
    const file = readSafetensors(writeSafetensors(tensors as never, metadata));
    const description = describeSafetensors(file, names);
    // What is said once stands in the file from then on.
    const written = readSafetensors(writeModel(description));
    expect([...written.tensors.keys()]).toEqual([...file.tensors.keys()]);
    const again = describeSafetensors(written);
    const notes = [...description.metadata, ...again.metadata];
    expect(again).toEqual({ ...description, metadata: new Map(notes) });
    return outline(description);
  };
  const two = { ...lstm("encoder.", 4, 4), ...lstm("decoder.", 4, 4) };
  const ambiguous = { a: tensor(9, 4), b: tensor(9, 4) };
  const unnamed = {
    ...lstm("lstm.", 4, 4),
    "a.weight": ambiguous.a,
    "b.weight": ambiguous.b,
  };

  it("the order of recurrent modules", () => {
    for (const recurrent of [
      ["encoder", "decoder"],
      ["decoder.", "encoder."],
    ]) {
      expect(say(two, { recurrent, residual: false })).toMatchObject({
        recurrent: recurrent.map((name) => ({ name: name.replace(".", "") })),
      });
    }
  });

  it("one of several, without the rest", () => {
    const file = readSafetensors(writeSafetensors(two));
    const description = describeSafetensors(file, { recurrent: "decoder", others: "ignore" });
    expect(description.recurrent.map(({ name }) => name)).toEqual(["decoder"]);
    expect([...readSafetensors(writeModel(description)).tensors.keys()]).toEqual([
      "decoder.weight_hh_l0",
      "decoder.weight_ih_l0",
    ]);
  });

  it("which matrix is the embedding, and which the output", () => {
    expect(say(unnamed, { embedding: "b" })).toMatchObject({
      input: { kind: "embedding", name: "b" },
      dense: [{ name: "a" }],
    });
    expect(say(unnamed, { output: "b.weight" })).toMatchObject({
      input: { name: "a" },
      dense: [{ name: "b" }],
    });
  });

  it("one matrix for both, under one name or with a bias under another", () => {
    const { "b.weight": _, ...tied } = unnamed;
    expect(say(tied, { embedding: "a", output: "a" })).toMatchObject({
      input: { name: "a", weight: "(9,4)" },
      dense: [{ name: "a", weight: "(9,4)" }],
    });
    const biased = { ...tied, "head.bias": tensor(9) };
    expect(say(biased, { embedding: "a", output: { name: "head", weight: "a" } })).toMatchObject({
      dense: [{ name: "head", weight: "(9,4)", bias: "(9)" }],
    });
  });

  it("layers on top, with functions", () => {
    const deep = {
      ...lstm("lstm.", 4, 4),
      "fc1.weight": tensor(6, 4),
      "fc1.bias": tensor(6),
      "fc2.weight": tensor(2, 6),
    };
    const output = [{ name: "fc1", activation: "relu" }, "fc2"] as const;
    expect(say(deep, { output })).toMatchObject({
      dense: [
        { name: "fc1", activation: "relu", bias: "(6)" },
        { name: "fc2", activation: "identity" },
      ],
    });
  });

  it("no embedding, no output; features although one-hot would fit", () => {
    const headed = { ...lstm("lstm.", 4, 3), "fc.weight": tensor(4, 3) };
    // A guess from the sizes is marked, also when it was written and read again.
    const guess = (kind: string) => ({ kind, size: 4, guessed: true });
    expect(say(headed, {})).toMatchObject({ input: guess("one-hot") });
    const told = say(headed, { input: "features" }) as { input: object };
    expect(told.input).toEqual({ kind: "features", size: 4 });
    expect(told).toMatchObject({
      dense: [{ name: "fc" }],
    });
    const file = readSafetensors(writeSafetensors(unnamed));
    const alone = describeSafetensors(file, { embedding: null, output: null, others: "ignore" });
    expect(outline(alone)).toMatchObject({ input: guess("features"), dense: [] });
  });

  it("an RNN's function: the option before the metadata, tanh without either", () => {
    const rnn = { weight_ih: tensor(3, 2), weight_hh: tensor(3, 3) };
    const nonlinearity = (names: PytorchNames, metadata = {}) =>
      (say(rnn, names, metadata) as { recurrent: { options: object }[] }).recurrent[0]?.options;
    const shaped = { cell: "rnn", inputSize: 2, hiddenSize: 3 };
    expect(nonlinearity({})).toEqual(shaped);
    expect(nonlinearity({}, { nonlinearity: "relu" })).toEqual({ ...shaped, nonlinearity: "relu" });
    expect(nonlinearity({ nonlinearity: "relu" })).toEqual({ ...shaped, nonlinearity: "relu" });
    expect(nonlinearity({ nonlinearity: "tanh" }, { nonlinearity: "relu" })).toEqual(shaped);
  });

  it("modules stand in the one order that their sizes allow, also where it comes back to a size", () => {
    const loop = { ...lstm("c.", 4, 3), ...lstm("b.", 3, 4), ...lstm("a.", 2, 3) };
    expect(say(loop, { residual: false })).toMatchObject({
      recurrent: [{ name: "a" }, { name: "b" }, { name: "c" }],
    });
  });

  it("a line in the metadata stands for a tensor only where there is none of its name", () => {
    const both = {
      ...lstm("lstm.", 4, 4),
      "encoder.weight": tensor(9, 4),
      "decoder.weight": tensor(9, 4),
    };
    both["decoder.weight"].data.fill(1);
    const alias = { "decoder.weight": "encoder.weight" };
    const file = readSafetensors(writeSafetensors(both, alias));
    const [dense] = describeSafetensors(file).dense;
    expect(dense?.weight.data[0]).toBe(1);
  });

  it("numbered modules stand in the order of their numbers", () => {
    const numbered = Object.assign({}, ...[2, 1, 10].map((i) => lstm(`lstm${i}.`, 4, 4)));
    expect(say(numbered, { residual: false })).toMatchObject({
      recurrent: [{ name: "lstm1" }, { name: "lstm2" }, { name: "lstm10" }],
    });
  });
});

describe("the Shakespeare model", () => {
  it("is an embedding, two layers of LSTM and a decoder; written, the same tensors", () => {
    const file = readSafetensors(shakespeare().model);
    const description = describeSafetensors(file);
    expect(outline(description)).toMatchObject({
      input: { kind: "embedding", name: "embedding", weight: "(65,128)" },
      recurrent: [
        { name: "lstm", options: { cell: "lstm", inputSize: 128, hiddenSize: 128, layers: 2 } },
      ],
      dense: [{ name: "decoder", weight: "(65,128)", bias: "(65)" }],
      metadata: { format: "pt" },
    });
    const wanted = writeSafetensors(file.tensors, file.metadata);
    expect(Buffer.compare(writeModel(description), wanted)).toBe(0);
  });
});
