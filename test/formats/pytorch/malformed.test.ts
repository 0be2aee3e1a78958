import { describe, expect, it } from "vitest";
import {
  describeSafetensors,
  ModelFormatError,
  type PytorchNames,
  readSafetensors,
  type SafetensorsFile,
  writeModel,
} from "../../../src/formats/safetensors.js";
import { expectError, expectSaid, thrownBy } from "../../support/errors.js";
import { torchFile } from "../../support/fixtures.js";

/** Tensors of zeros from `name: shape`. */
function file(shapes: Record<string, number[]>, metadata: Record<string, string> = {}) {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
    return [name, { dtype: "F32", shape, data }] as const;
  });
  return { tensors: new Map(tensors), metadata: new Map(Object.entries(metadata)) };
}

const lstm = { "lstm.weight_ih_l0": [8, 3], "lstm.weight_hh_l0": [8, 2] };
const upper = { "lstm.weight_ih_l1": [8, 2], "lstm.weight_hh_l1": [8, 2] };
const module = (name: string, nx: number, na: number) => ({
  [`${name}.weight_ih_l0`]: [3 * na, nx],
  [`${name}.weight_hh_l0`]: [3 * na, na],
});
const left =
  'if they are of another kind (a normalisation, attention, a convolution), export the model to ONNX by torch.onnx.export and run it by openGraph of recurra/onnx; others: "ignore" leaves them out, and the outputs are wrong unless the network does without them';

type Row = [
  what: string,
  code: string,
  tensor: string | undefined,
  message: string,
  shapes: Record<string, number[]>,
  names?: PytorchNames,
  metadata?: Record<string, string>,
];

const rows: Row[] = [
  [
    "no recurrent weights",
    "missing-tensor",
    undefined,
    'expected tensors named …weight_ih_l0 and so on, got "conv.weight" (4, 3, 3)',
    { "conv.weight": [4, 3, 3] },
  ],
  [
    "no tensors",
    "missing-tensor",
    undefined,
    "expected tensors named …weight_ih_l0 and so on, got none",
    {},
  ],
  [
    "rows of no cell",
    "shape",
    "lstm.weight_hh_l0",
    '"lstm.weight_hh_l0": expected (na, na) of an RNN, (3·na, na) of a GRU or (4·na, na) of an LSTM, got (10, 4)',
    { "lstm.weight_ih_l0": [10, 3], "lstm.weight_hh_l0": [10, 4] },
  ],
  [
    "a recurrent weight that is no matrix",
    "shape",
    "lstm.weight_hh_l0",
    '"lstm.weight_hh_l0": … got (16,)',
    { "lstm.weight_ih_l0": [8, 3], "lstm.weight_hh_l0": [16] },
  ],
  [
    "no units",
    "shape",
    "rnn.weight_hh_l0",
    '"rnn.weight_hh_l0": … got (0, 0)',
    { "rnn.weight_ih_l0": [0, 3], "rnn.weight_hh_l0": [0, 0] },
  ],
  [
    "an input weight that is no matrix",
    "shape",
    "lstm.weight_ih_l0",
    '"lstm.weight_ih_l0": … got (24,)',
    { ...lstm, "lstm.weight_ih_l0": [24] },
  ],
  [
    "an input weight of other rows",
    "shape",
    "lstm.weight_ih_l0",
    '"lstm.weight_ih_l0": … got (6, 3)',
    { ...lstm, "lstm.weight_ih_l0": [6, 3] },
  ],
  [
    "an RNN's input weight of other rows",
    "shape",
    "weight_ih",
    '"weight_ih": … got (6, 3)',
    { weight_ih: [6, 3], weight_hh: [2, 2] },
  ],
  [
    "a second layer that takes something else",
    "shape",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": … got (8, 3)',
    { ...lstm, ...upper, "lstm.weight_ih_l1": [8, 3] },
  ],
  [
    "a bias of another size",
    "shape",
    "lstm.bias_hh_l0",
    '"lstm.bias_hh_l0": … got (9,)',
    { ...lstm, "lstm.bias_ih_l0": [8], "lstm.bias_hh_l0": [9] },
  ],
  [
    "one bias of two",
    "missing-tensor",
    "lstm.bias_hh_l0",
    '"lstm.bias_hh_l0": the file has no tensor of this name',
    { ...lstm, "lstm.bias_ih_l0": [8] },
  ],
  [
    "one cell's bias of two",
    "missing-tensor",
    "cell.bias_ih",
    '"cell.bias_ih": …',
    { "cell.weight_ih": [8, 3], "cell.weight_hh": [8, 2], "cell.bias_hh": [8] },
  ],
  [
    "no recurrent weight",
    "missing-tensor",
    "lstm.weight_hh_l0",
    '"lstm.weight_hh_l0": …',
    { "lstm.weight_ih_l0": [8, 3] },
  ],
  [
    "a layer that is skipped",
    "missing-tensor",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": …',
    { ...lstm, "lstm.weight_ih_l2": [8, 2], "lstm.weight_hh_l2": [8, 2] },
  ],
  [
    "a second direction in one layer only",
    "missing-tensor",
    "lstm.weight_ih_l0_reverse",
    '"lstm.weight_ih_l0_reverse": …',
    { ...lstm, ...upper, "lstm.weight_ih_l1_reverse": [8, 4], "lstm.weight_hh_l1_reverse": [8, 2] },
  ],
  [
    "two directions, and an upper layer that takes one",
    "shape",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": … got (8, 2)',
    {
      ...lstm,
      ...upper,
      "lstm.weight_ih_l0_reverse": [8, 3],
      "lstm.weight_hh_l0_reverse": [8, 2],
    },
  ],
  [
    "a projection that does not fit",
    "shape",
    "lstm.weight_hh_l0",
    '"lstm.weight_hh_l0": … got (8, 2)',
    { ...lstm, "lstm.weight_hr_l0": [2, 5] },
  ],
  [
    "a projection of another size",
    "shape",
    "lstm.weight_hr_l0",
    '"lstm.weight_hr_l0": … got (3, 2)',
    { "lstm.weight_ih_l0": [8, 3], "lstm.weight_hh_l0": [8, 1], "lstm.weight_hr_l0": [3, 2] },
  ],
  [
    "a GRU with peepholes",
    "unknown-tensor",
    "gru.peephole_l0",
    '"gru.peephole_l0": only an LSTM has peepholes, and these shapes are those of cell "gru"',
    { ...module("gru", 3, 2), "gru.peephole_l0": [6] },
  ],
  [
    "a cell's name and a layer's for the same weight",
    "duplicate-key",
    "lstm.weight_ih",
    '"lstm.weight_ih": is the same weight as "lstm.weight_ih_l0"',
    { ...lstm, "lstm.weight_ih": [8, 3] },
  ],
  [
    "two modules that could change places",
    "ambiguous",
    undefined,
    'expected recurrent modules that feed each other in one order, got "decoder" (4 → 4) and "encoder" (4 → 4); give their order by the option recurrent',
    { ...module("encoder", 4, 4), ...module("decoder", 4, 4) },
  ],
  [
    "two modules beside each other",
    "ambiguous",
    undefined,
    '… got "left" (3 → 4) and "right" (3 → 5); …recurrent…',
    { ...module("left", 3, 4), ...module("right", 3, 5) },
  ],
  [
    "modules that run into a circle",
    "ambiguous",
    undefined,
    '… got "a" (2 → 3), "b" (3 → 4), "c" (4 → 3) and "d" (3 → 4); …recurrent…',
    { ...module("a", 2, 3), ...module("b", 3, 4), ...module("c", 4, 3), ...module("d", 3, 4) },
  ],
  [
    "modules in a circle",
    "ambiguous",
    undefined,
    '… got "a" (3 → 4) and "b" (4 → 3); …recurrent…',
    { ...module("a", 3, 4), ...module("b", 4, 3) },
  ],
  [
    "many modules",
    "ambiguous",
    undefined,
    '… got "a" (3 → 3), "b" (3 → 3), "c" (3 → 3), "d" (3 → 3), "e" (3 → 3) and 3 more; …recurrent…',
    Object.assign({}, ...[..."abcdefgh"].map((name) => module(name, 3, 3))),
  ],
  [
    "numbered modules that do not fit",
    "chain",
    undefined,
    'expected each recurrent module to take the output of the one below it, got "rnn1" (3 → 4) and "rnn2" (5 → 5); give their order by the option recurrent',
    { ...module("rnn2", 5, 5), ...module("rnn1", 3, 4) },
  ],
  [
    "a recurrent module of another name",
    "missing-tensor",
    undefined,
    'recurrent: … got "gru"',
    lstm,
    { recurrent: "gru" },
  ],
  [
    "an embedding of another name",
    "missing-tensor",
    undefined,
    'embedding: … got "c"',
    { ...lstm, "a.weight": [5, 3], "b.weight": [5, 2] },
    { embedding: "c.weight" },
  ],
  [
    "two that could be the embedding",
    "ambiguous",
    undefined,
    '… got "a.weight" (5, 3) and "b.weight" (5, 3); …embedding…',
    { ...lstm, "a.weight": [5, 3], "b.weight": [5, 3] },
  ],
  [
    "two that could be the output, both hinted",
    "ambiguous",
    undefined,
    '… got "fc.weight" (5, 2) and "head.weight" (5, 2); …output…',
    { ...lstm, "fc.weight": [5, 2], "head.weight": [5, 2] },
  ],
  [
    "one that could be both, or either",
    "ambiguous",
    undefined,
    '… got "table.weight" (5, 2); …embedding…output…',
    { "lstm.weight_ih_l0": [8, 2], "lstm.weight_hh_l0": [8, 2], "table.weight": [5, 2] },
  ],
  [
    "an embedding of other columns",
    "shape",
    "emb.weight",
    '"emb.weight": … got (5, 4)',
    { ...lstm, "emb.weight": [5, 4] },
    { embedding: "emb" },
  ],
  [
    "an output of other columns",
    "shape",
    "fc.weight",
    '"fc.weight": … got (5, 4)',
    { ...lstm, "fc.weight": [5, 4] },
    { output: "fc" },
  ],
  [
    "an output whose bias does not fit",
    "shape",
    "fc.bias",
    '"fc.bias": … got (4,)',
    { ...lstm, "fc.weight": [5, 2], "fc.bias": [4] },
  ],
  [
    "an output without a weight",
    "missing-tensor",
    "fc.weight",
    '"fc.weight": …',
    { ...lstm, "fc.bias": [4] },
    { output: "fc" },
  ],
  [
    "more layers on top than the names say",
    "unknown-tensor",
    "fc2.weight",
    `"fc2.weight": expected no tensors outside of the network, got "fc2.weight" (4, 5) and "fc2.bias" (4,); if "fc2" is a linear layer, pass { output: [{ name: "fc1", activation: "relu" }, "fc2"] } with the activation that lies between; ${left}`,
    { ...lstm, "fc1.weight": [5, 2], "fc2.weight": [4, 5], "fc2.bias": [4] },
  ],
  [
    "a normalisation between",
    "unknown-tensor",
    "norm.weight",
    `"norm.weight": … got "norm.weight" (2,) and "norm.bias" (2,); assign them by recurrent, embedding or output; ${left}`,
    { ...lstm, "norm.weight": [2], "norm.bias": [2] },
  ],
  [
    "an RNN's function that PyTorch does not have",
    "metadata",
    undefined,
    'nonlinearity: expected tanh or relu, got "selu"',
    { weight_ih: [2, 3], weight_hh: [2, 2] },
    {},
    { nonlinearity: "selu" },
  ],
];

describe("a file that is no network: its code, message and tensor, exactly", () => {
  it.each(rows)("%s", (_, code, tensor, message, shapes, names, metadata) => {
    const error = thrownBy(() => describeSafetensors(file(shapes, metadata), names));
    expectSaid(error, ModelFormatError, `describeSafetensors: ${message}`);
    const { code: got, tensor: named } = error as ModelFormatError;
    expect({ got, named }).toEqual({ got: code, named: tensor });
  });

  it.each([
    [
      "10,000 tensors that could all be the output",
      {
        ...Object.fromEntries(Array.from({ length: 9_998 }, (_, i) => [`m${i}.weight`, [2, 2]])),
        ...module("gru", 2, 2),
      },
    ],
    [
      "5,001 modules in no order",
      Object.assign(
        module("x", 2, 2),
        ...Array.from({ length: 5_000 }, (_, i) => module(`g${i}a`, 2, 2)),
      ),
    ],
  ])("%s are refused, and each shape is read at most 8 times", (_, shapes) => {
    const { tensors, metadata } = file(shapes);
    let reads = 0;
    const counted = [...tensors].map(([name, tensor]) => {
      const { shape } = tensor;
      const counting = Object.defineProperty({ ...tensor }, "shape", {
        get: () => {
          reads++;
          return shape;
        },
      });
      return [name, counting] as const;
    });
    const given = { tensors: new Map(counted), metadata };
    expect(thrownBy(() => describeSafetensors(given))).toMatchObject({ code: "ambiguous" });
    expect(reads).toBeGreaterThan(0);
    expect(reads / counted.length).toBeLessThanOrEqual(8);
  });

  it.each([
    [null, {}, "file: expected an object, got null"],
    [[], {}, "file: expected what readSafetensors gives, { tensors, metadata }, got Array"],
    [file(lstm), null, "names: …"],
    [file(lstm), { recurrent: null }, "recurrent: expected a module's name, got null"],
    [file(lstm), { recurrent: [] }, "recurrent: …"],
    [file(lstm), { output: 1 }, "output: …"],
    [file(lstm), { embedding: {} }, "embedding: …"],
    [file(lstm), { input: "tokens" }, 'input: expected "one-hot" or "features", got tokens'],
    [file(lstm), { nonlinearity: 1 }, "nonlinearity: … got 1"],
    [file(lstm), { others: true }, "others: …"],
    [file(lstm), { residual: "no" }, "residual: expected true or false, got string"],
    [file(lstm), { pooling: "sum" }, 'pooling: expected "steps" or "step" or … got sum'],
  ])("an argument of the wrong kind is a TypeError, %#", (given, names, message) => {
    const call = () => describeSafetensors(given as never, names as never);
    expectError(call, TypeError, `describeSafetensors: ${message}`);
  });

  it("what is no description is not written", () => {
    expectError(() => writeModel(null as never), TypeError, "writeModel: description: …null");
    const { input, ...rest } = describeSafetensors(readSafetensors(torchFile("language")));
    const broken = {
      ...rest,
      input: { kind: "features", size: 4 } as const,
      output: "last",
    } as const;
    expect(input.kind).toBe("embedding");
    // The size of what goes in is the first layer's; it is not written twice.
    expect(() => writeModel(broken)).not.toThrow();
    const [dense] = rest.dense;
    const wide = { ...rest, input, dense: [dense, { ...dense, name: "more" }] } as never;
    expect(thrownBy(() => writeModel(wide))).toMatchObject({
      code: "shape",
      message: expect.stringMatching(/"more\.weight": .* got \(7, 12\)/),
    });
  });
});

describe("a note that nobody wrote", () => {
  const note = {
    input: { kind: "features" },
    recurrent: [{ name: "lstm", options: {} }],
    dense: [],
    output: "steps",
  };
  const recurrent = (options: object, rest = {}) => ({
    ...note,
    recurrent: [{ name: "lstm", options, ...rest }],
  });
  const noted = (value: unknown): SafetensorsFile =>
    file(lstm, {
      "recurra.network": typeof value === "string" ? value : JSON.stringify(value),
    }) as SafetensorsFile;

  it("is read where it is right", () => {
    const { recurrent: stack, output } = describeSafetensors(
      noted({ ...recurrent({ clip: 2, inputForget: true }), output: "last" }),
    );
    expect(output).toBe("last");
    expect(stack[0]?.options).toEqual({
      cell: "lstm",
      inputSize: 3,
      hiddenSize: 2,
      clip: 2,
      inputForget: true,
    });
  });

  it("may leave out options, say that nothing is residual, and pool; nothing is assumed then", () => {
    const kinds = { steps: "steps", step: "steps", last: "last", mean: "mean", max: "max" };
    for (const [output, read] of Object.entries(kinds)) {
      const stated = { ...note, recurrent: [{ name: "lstm" }], output, residual: false };
      expect(describeSafetensors(noted(stated))).toMatchObject({ output: read, assumptions: [] });
    }
  });

  it("keeps what an earlier reader assumed, also when it is written again", () => {
    const assumptions = ["output: one for every step.", "network: It is small."];
    const description = describeSafetensors(noted({ ...note, assumptions }));
    expect(description.assumptions).toEqual(assumptions);
    const again = describeSafetensors(readSafetensors(writeModel(description)));
    expect(again.assumptions).toEqual(assumptions);
  });

  it("of a network with residual connections is refused, with what runs it", () => {
    const error = thrownBy(() => describeSafetensors(noted({ ...note, residual: true })));
    expectSaid(
      error,
      ModelFormatError,
      "describeSafetensors: recurra.network: residual: expected false: state residual connections in recurra.network, or export the model to ONNX by torch.onnx.export and run it by openGraph of recurra/onnx",
    );
    expect(error).toMatchObject({ code: "unsupported-setting" });
  });

  it.each([
    ["{", "expected JSON"],
    [
      { ...note, pooling: "mean" },
      "the architecture: expected { input, recurrent, dense, output, residual?, assumptions? }, got pooling",
    ],
    [{ ...note, residual: 1 }, "residual: expected true or false"],
    [{ ...note, assumptions: "none" }, "assumptions: expected a list of at most 10,000"],
    [{ ...note, assumptions: [1] }, "assumptions[0]: expected a string"],
    [[], "the architecture: expected { input, recurrent, dense, output }"],
    [{ ...note, more: 1 }, "…more"],
    [{ ...note, output: undefined }, "…output…"],
    [{ ...note, output: "some" }, "output: …"],
    [{ ...note, input: { kind: "text" } }, "input.kind: …"],
    [{ ...note, input: { kind: "embedding" } }, "input.name: …"],
    [{ ...note, recurrent: [] }, "recurrent: …"],
    [{ ...note, recurrent: {} }, "recurrent: …"],
    [{ ...note, recurrent: [note.recurrent[0], note.recurrent[0]] }, "recurrent: …"],
    [{ ...note, recurrent: [{ name: 1, options: {} }] }, "recurrent[0].name: …"],
    [recurrent({ precision: "f32" }), "recurrent[0].options: …precision"],
    [recurrent({ reverse: 1 }), "recurrent[0].options.reverse: …"],
    [recurrent({ resetAfter: true }), "recurrent[0].options.resetAfter: …"],
    [recurrent({ clip: 0 }), "recurrent[0].options.clip: …"],
    [recurrent({ clip: "1" }), "recurrent[0].options.clip: …"],
    [recurrent({ nonlinearity: "selu" }), "recurrent[0].options.nonlinearity: …"],
    [recurrent({ nonlinearity: "relu" }), '"lstm": nonlinearity …'],
    [recurrent({ resetAfter: false }), '"lstm": resetAfter …'],
    [recurrent({ activations: ["tanh"] }), '"lstm": …activations… got 1'],
    [recurrent({ activations: ["swish"] }), "recurrent[0].options.activations[0]: …"],
    [
      recurrent({ activations: [{ name: "elu", alpha: "1" }] }),
      "recurrent[0].options.activations[0].alpha: …",
    ],
    [
      recurrent({ activations: [{ name: "toString" }] }),
      "recurrent[0].options.activations[0].name: …",
    ],
    [recurrent({}, { merge: "max" }), "recurrent[0].merge: …"],
    [recurrent({}, { merge: "sum" }), '"lstm": merge: expected two directions for sum, got one'],
    [recurrent({}, { residual: false }), "recurrent[0].residual: expected true"],
    [recurrent({}, { layerNorm: {} }), "recurrent[0].layerNorm: expected a list …"],
    [recurrent({}, { layerNorm: [] }), '"lstm": layerNorm: expected 1, one for each layer, got 0'],
    [recurrent({}, { layerNorm: [{}] }), "recurrent[0].layerNorm[0]: … name is absent"],
    [recurrent({}, { layerNorm: [{ name: 1 }] }), "recurrent[0].layerNorm[0].name: …"],
    [
      recurrent({}, { layerNorm: [{ name: "n", epsilon: 0 }] }),
      "recurrent[0].layerNorm[0].epsilon: expected a number > 0",
    ],
    [{ ...note, dense: [{ name: "fc" }] }, "dense[0]: …"],
    [{ ...note, dense: [{ name: "fc", activation: "hardmax" }] }, "dense[0].activation: …"],
    [
      {
        ...note,
        dense: [
          { name: "fc", activation: "softmax" },
          { name: "top", activation: "softmax" },
        ],
      },
      "dense[0].activation: expected softmax on the highest layer only",
    ],
  ])("is refused, %#", (value, message) => {
    const error = thrownBy(() => describeSafetensors(noted(value)));
    expectSaid(error, ModelFormatError, `describeSafetensors: recurra.network: ${message}`);
    expect(error).toMatchObject({ code: "network-note" });
  });

  it("and one of modules that are not there, or leave some out", () => {
    const absent = { ...note, recurrent: [{ name: "gru", options: {} }] };
    expect(thrownBy(() => describeSafetensors(noted(absent)))).toMatchObject({
      code: "missing-tensor",
      tensor: "gru.weight_ih_l0",
    });
    const { tensors } = file({ ...lstm, "fc.weight": [5, 2] });
    const { metadata } = noted(note);
    expect(thrownBy(() => describeSafetensors({ tensors, metadata } as never))).toMatchObject({
      code: "unknown-tensor",
      tensor: "fc.weight",
    });
  });

  it("the caller's names beside a note are refused: one of them would be passed over", () => {
    const error = thrownBy(() =>
      describeSafetensors(noted(note), { output: null, others: "ignore" }),
    );
    expectSaid(error, ModelFormatError, "describeSafetensors: recurra.network: …output…");
    expect(error).toMatchObject({ code: "network-note" });
  });
});
