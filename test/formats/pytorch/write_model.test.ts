import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  DenseDescription,
  ModelDescription,
  RecurrentDescription,
  StoredNumbers,
} from "../../../src/description/description.js";
import {
  describeSafetensors,
  readSafetensors,
  writeModel,
} from "../../../src/formats/safetensors.js";
import type { RecurrentOptions } from "../../../src/layers/options.js";
import { outline } from "./outline.js";

const NAMES = ["sigmoid", "tanh", "relu", "hardSigmoid", "softsign"] as const;
const GATES = { rnn: 1, gru: 3, lstm: 4 } as const;
const ACTIVATIONS = { rnn: 1, gru: 2, lstm: 3 } as const;

let drawn = 0;
/** Numbers that no other tensor has. */
function numbers(...shape: number[]): StoredNumbers {
  const data = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  for (let i = 0; i < data.length; i++) data[i] = ++drawn;
  return { shape, data };
}

const activation = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.record({
    name: fc.constantFrom(...NAMES),
    alpha: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
);

const recurrent = fc.record({
  cell: fc.constantFrom("rnn", "gru", "lstm"),
  na: fc.integer({ min: 1, max: 4 }),
  layers: fc.integer({ min: 1, max: 3 }),
  directions: fc.constantFrom("forward", "reverse", "both"),
  biases: fc.constantFrom("none", "one", "two"),
  special: fc.record({
    clip: fc.option(fc.double({ min: 0.1, max: 9, noNaN: true }), { nil: undefined }),
    flag: fc.boolean(),
    activations: fc.option(fc.array(activation, { minLength: 6, maxLength: 6 }), {
      nil: undefined,
    }),
  }),
  merge: fc.constantFrom("concat", "sum", "mul", "ave"),
  projected: fc.boolean(),
  peepholes: fc.boolean(),
  norm: fc.constantFrom("none", "usual", "other"),
  residual: fc.boolean(),
});

type Drawn = typeof recurrent extends fc.Arbitrary<infer T> ? T : never;

function layerOf(
  drawing: Drawn,
  nx: number,
  name: string,
): { each: RecurrentDescription; n: number } {
  const { cell, na, layers, directions, biases, special, merge } = drawing;
  const both = directions === "both";
  const [projected, peepholes] = [drawing.projected, drawing.peepholes].map(
    (f) => f && cell === "lstm",
  );
  const nh = projected ? 1 : na;
  const count = ACTIVATIONS[cell] * (both ? 2 : 1);
  const options: RecurrentOptions = {
    cell,
    inputSize: nx,
    hiddenSize: na,
    ...(layers > 1 ? { layers } : {}),
    ...(both ? { bidirectional: true } : {}),
    ...(projected ? { projectionSize: nh } : {}),
    ...(peepholes ? { peepholes: true } : {}),
    ...(directions === "reverse" ? { reverse: true } : {}),
    ...(cell === "gru" && special.flag ? { resetAfter: false } : {}),
    ...(special.clip === undefined ? {} : { clip: special.clip }),
    ...(cell === "lstm" && special.flag ? { inputForget: true } : {}),
    ...(special.activations === undefined
      ? {}
      : { activations: special.activations.slice(0, count) }),
  };
  const weights: Record<string, StoredNumbers> = {};
  for (let l = 0; l < layers; l++) {
    for (const suffix of both ? ["", "_reverse"] : [""]) {
      const rows = GATES[cell] * na;
      const below = l === 0 ? nx : (both ? 2 : 1) * nh;
      weights[`weight_ih_l${l}${suffix}`] = numbers(rows, below);
      weights[`weight_hh_l${l}${suffix}`] = numbers(rows, nh);
      if (biases !== "none") weights[`bias_ih_l${l}${suffix}`] = numbers(rows);
      if (biases === "two") weights[`bias_hh_l${l}${suffix}`] = numbers(rows);
      if (projected) weights[`weight_hr_l${l}${suffix}`] = numbers(nh, na);
      if (peepholes) weights[`peephole_l${l}${suffix}`] = numbers(3 * na);
    }
  }
  const merged = both && merge !== "concat";
  const n = both && !merged ? 2 * nh : nh;
  const columns = both ? 2 * nh : nh;
  const layerNorm = Array.from({ length: layers }, (_, l) => ({
    name: `${name}/${l}`,
    weight: numbers(columns),
    bias: numbers(columns),
    ...(drawing.norm === "other" ? { epsilon: 0.5 } : {}),
  }));
  const each = {
    ...{ name, options, weights },
    ...(merged ? { merge } : {}),
    ...(drawing.norm === "none" ? {} : { layerNorm }),
    ...(drawing.residual ? { residual: true } : {}),
  };
  return { each, n };
}

const model = fc.record({
  format: fc.constantFrom("onnx", "keras", "tensorflow.js"),
  input: fc.constantFrom("embedding", "one-hot", "features"),
  nx: fc.integer({ min: 1, max: 4 }),
  stack: fc.array(recurrent, { minLength: 1, maxLength: 3 }),
  dense: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean(), activation), {
    maxLength: 3,
  }),
  softmax: fc.boolean(),
  output: fc.constantFrom("steps", "last"),
});

function describeDrawn(
  drawing: typeof model extends fc.Arbitrary<infer T> ? T : never,
): ModelDescription {
  const { format, input, nx, output } = drawing;
  let n = nx;
  const stack = drawing.stack.map((each, i) => {
    const layer = layerOf(each, n, `layer ${i}/x`);
    n = layer.n;
    return layer.each;
  });
  const dense = drawing.dense.map(([ny, bias, own], i): DenseDescription => {
    const weight = numbers(ny, n);
    n = ny;
    const last = drawing.softmax && i === drawing.dense.length - 1;
    return {
      name: `dense ${i}`,
      weight,
      ...(bias ? { bias: numbers(ny) } : {}),
      activation: last ? "softmax" : own,
    };
  });
  return {
    format,
    input:
      input === "embedding"
        ? { kind: input, name: "embed", weight: numbers(6, nx) }
        : { kind: input, size: nx },
    recurrent: stack,
    dense,
    output,
    metadata: new Map([["producer", "test"]]),
  };
}

describe("a model of any format, written and read again", () => {
  it("is the same network, under PyTorch's names; written again, the same bytes", () => {
    fc.assert(
      fc.property(model, (drawing) => {
        const given = describeDrawn(drawing);
        const bytes = writeModel(given);
        const got = describeSafetensors(readSafetensors(bytes));
        expect(Buffer.compare(writeModel(got), bytes)).toBe(0);
        expect(got.metadata).toEqual(given.metadata);
        expect([got.output, got.input.kind]).toEqual([given.output, given.input.kind]);
        expect(got.recurrent.length).toBe(given.recurrent.length);
        got.recurrent.forEach((each, i) => {
          const wanted = given.recurrent[i] as RecurrentDescription;
          expect(each.merge).toBe(wanted.merge);
          expect(each.residual).toBe(wanted.residual);
          expect(each.layerNorm?.length).toBe(wanted.layerNorm?.length);
          each.layerNorm?.forEach((norm, l) => {
            const { name: _, ...own } = wanted.layerNorm?.[l] ?? norm;
            expect(norm).toMatchObject(own);
          });
          expect(meaning(each.options)).toEqual(meaning(wanted.options));
          for (const [name, weight] of Object.entries(each.weights)) {
            const zeros = { shape: weight.shape, data: new Float64Array(weight.data.length) };
            expect(weight, name).toMatchObject(wanted.weights[name] ?? zeros);
          }
          expect(Object.keys(each.weights)).toEqual(
            expect.arrayContaining(Object.keys(wanted.weights)),
          );
        });
        got.dense.forEach((each, i) => {
          const { name: _, activation: f, ...wanted } = given.dense[i] as DenseDescription;
          expect(each).toMatchObject(wanted);
          expect(JSON.stringify(each.activation)).toBe(JSON.stringify(f));
        });
      }),
      { seed: 20261125, numRuns: 100 },
    );
  });

  /** Options without those that say the usual. */
  function meaning({ activations, nonlinearity, ...rest }: RecurrentOptions) {
    const usual = { rnn: ["tanh"], gru: ["sigmoid", "tanh"], lstm: ["sigmoid", "tanh", "tanh"] };
    const all = activations ?? (nonlinearity === undefined ? [] : [nonlinearity]);
    const n = ACTIVATIONS[rest.cell];
    const isUsual = all.every((each, i) => each === usual[rest.cell][i % n]);
    const once = all.length > n && all.slice(n).every((each) => each === all[0]) && n === 1;
    return { ...rest, activations: JSON.stringify(isUsual ? [] : once ? all.slice(0, n) : all) };
  }

  it("names that it gives: a plain one needs no note", () => {
    const { each } = layerOf({ ...plain, biases: "one" as const }, 3, "/rnn/LSTM");
    const weight = numbers(5, 2);
    const given: ModelDescription = {
      format: "onnx",
      input: { kind: "embedding", name: "gather", weight: numbers(5, 3) },
      recurrent: [each],
      dense: [{ name: "MatMul_1", weight, bias: numbers(5), activation: "identity" }],
      output: "steps",
      metadata: new Map(),
    };
    const { tensors, metadata } = readSafetensors(writeModel(given));
    expect(metadata).toEqual(new Map());
    expect([...tensors.keys()]).toEqual([
      "decoder.bias",
      "decoder.weight",
      "embedding.weight",
      "lstm.bias_hh_l0",
      "lstm.bias_ih_l0",
      "lstm.weight_hh_l0",
      "lstm.weight_ih_l0",
    ]);
  });

  it("the note of a file that needs one, letter by letter", () => {
    const lower = layerOf(
      { ...plain, cell: "gru" as const, special: { ...plain.special, flag: true } },
      3,
      "g",
    );
    const upper = layerOf({ ...plain, directions: "both" as const, merge: "ave" as const }, 2, "l");
    const given: ModelDescription = {
      format: "keras",
      input: { kind: "features", size: 3 },
      recurrent: [lower.each, upper.each],
      dense: [{ name: "d", weight: numbers(5, 2), activation: { name: "elu", alpha: 0.5 } }],
      output: "last",
      metadata: new Map([["recurra.network", "old"]]),
    };
    const file = readSafetensors(writeModel(given));
    expect(file.metadata.get("recurra.network")).toBe(
      '{"input":{"kind":"features"},"recurrent":[{"name":"layers.0","options":{"resetAfter":false}},{"name":"layers.1","options":{},"merge":"ave"}],"dense":[{"name":"decoder","activation":{"name":"elu","alpha":0.5}}],"output":"last"}',
    );
    expect(outline(describeSafetensors(file))).toMatchObject({ output: "last", metadata: {} });
  });
});

const plain = {
  cell: "lstm" as const,
  na: 2,
  layers: 1,
  directions: "forward" as const,
  biases: "two" as const,
  special: { clip: undefined, flag: false, activations: undefined },
  merge: "concat" as const,
  projected: false,
  peepholes: false,
  norm: "none" as const,
  residual: false,
};

describe("what is assumed of a description, written and read again", () => {
  const { each } = layerOf({ ...plain }, 3, "lstm");
  const given: ModelDescription = {
    format: "safetensors",
    input: { kind: "features", size: 3 },
    recurrent: [each],
    dense: [{ name: "head", weight: numbers(5, 2), activation: "identity" }],
    output: "steps",
    metadata: new Map(),
  };
  const noteOf = (description: ModelDescription) =>
    readSafetensors(writeModel(description)).metadata.get("recurra.network");
  const read = (description: ModelDescription) =>
    describeSafetensors(readSafetensors(writeModel(description)));

  it("nothing: the file says so, and nothing is assumed of it", () => {
    const stated: ModelDescription = { ...given, assumptions: [] };
    expect(noteOf(stated)).toBe(
      '{"input":{"kind":"features"},"recurrent":[{"name":"lstm","options":{}}],"dense":[{"name":"head","activation":"identity"}],"output":"steps"}',
    );
    expect(read(stated).assumptions).toEqual([]);
  });

  it("what a reader of the same file would assume: no note, and the same again", () => {
    const bare = { ...given, input: { ...given.input, guessed: true } as const };
    const assumptions = read(bare).assumptions ?? [];
    expect(assumptions.length).toBeGreaterThan(3);
    expect(noteOf({ ...bare, assumptions })).toBeUndefined();
    const fewer = assumptions.slice(1);
    expect(read({ ...bare, assumptions: fewer }).assumptions).toEqual(fewer);
  });

  it("the mean and the maximum over the steps", () => {
    for (const output of ["mean", "max"] as const) {
      expect(read({ ...given, output })).toMatchObject({ output, assumptions: [] });
    }
  });
});
