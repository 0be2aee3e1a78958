import { describe, expect, it } from "vitest";
import {
  describeSafetensors,
  ModelFormatError,
  type PytorchNames,
  type SafetensorsFile,
  writeModel,
} from "../../src/formats/safetensors.js";
import { openFile } from "../support/torch_files.js";

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
const left = 'assign them by recurrent, embedding or output, or pass others: "ignore"';

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
    '"lstm.weight_hh_l0": expected (na, na) of an RNN, (3·na, na) of a GRU or (4·na, na) of an LSTM, got (16,)',
    { "lstm.weight_ih_l0": [8, 3], "lstm.weight_hh_l0": [16] },
  ],
  [
    "no units",
    "shape",
    "rnn.weight_hh_l0",
    '"rnn.weight_hh_l0": expected (na, na) of an RNN, (3·na, na) of a GRU or (4·na, na) of an LSTM, got (0, 0)',
    { "rnn.weight_ih_l0": [0, 3], "rnn.weight_hh_l0": [0, 0] },
  ],
  [
    "an input weight that is no matrix",
    "shape",
    "lstm.weight_ih_l0",
    '"lstm.weight_ih_l0": expected (4·na, nx), got (24,)',
    { ...lstm, "lstm.weight_ih_l0": [24] },
  ],
  [
    "an input weight of other rows",
    "shape",
    "lstm.weight_ih_l0",
    '"lstm.weight_ih_l0": expected (4·na, nx) with 4·na = 8, nx = 3, got (6, 3)',
    { ...lstm, "lstm.weight_ih_l0": [6, 3] },
  ],
  [
    "an RNN's input weight of other rows",
    "shape",
    "weight_ih",
    '"weight_ih": expected (na, nx) with na = 2, nx = 3, got (6, 3)',
    { weight_ih: [6, 3], weight_hh: [2, 2] },
  ],
  [
    "a second layer that takes something else",
    "shape",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": expected (4·na, na) with 4·na = 8, na = 2, got (8, 3)',
    { ...lstm, ...upper, "lstm.weight_ih_l1": [8, 3] },
  ],
  [
    "a bias of another size",
    "shape",
    "lstm.bias_hh_l0",
    '"lstm.bias_hh_l0": expected (4·na,) with 4·na = 8, got (9,)',
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
    '"cell.bias_ih": the file has no tensor of this name',
    { "cell.weight_ih": [8, 3], "cell.weight_hh": [8, 2], "cell.bias_hh": [8] },
  ],
  [
    "no recurrent weight",
    "missing-tensor",
    "lstm.weight_hh_l0",
    '"lstm.weight_hh_l0": the file has no tensor of this name',
    { "lstm.weight_ih_l0": [8, 3] },
  ],
  [
    "a layer that is skipped",
    "missing-tensor",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": the file has no tensor of this name',
    { ...lstm, "lstm.weight_ih_l2": [8, 2], "lstm.weight_hh_l2": [8, 2] },
  ],
  [
    "a second direction in one layer only",
    "missing-tensor",
    "lstm.weight_ih_l0_reverse",
    '"lstm.weight_ih_l0_reverse": the file has no tensor of this name',
    { ...lstm, ...upper, "lstm.weight_ih_l1_reverse": [8, 4], "lstm.weight_hh_l1_reverse": [8, 2] },
  ],
  [
    "two directions, and an upper layer that takes one",
    "shape",
    "lstm.weight_ih_l1",
    '"lstm.weight_ih_l1": expected (4·na, 2·na) with 4·na = 8, 2·na = 4, got (8, 2)',
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
    '"lstm.weight_hh_l0": expected (4·na, nh) with na = 5 (from "lstm.weight_hr_l0"), got (8, 2)',
    { ...lstm, "lstm.weight_hr_l0": [2, 5] },
  ],
  [
    "a projection of another size",
    "shape",
    "lstm.weight_hr_l0",
    '"lstm.weight_hr_l0": expected (nh, na) with nh = 1, na = 2, got (3, 2)',
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
    'expected recurrent modules that feed each other in one order, got "left" (3 → 4) and "right" (3 → 5); give their order by the option recurrent',
    { ...module("left", 3, 4), ...module("right", 3, 5) },
  ],
  [
    "modules that run into a circle",
    "ambiguous",
    undefined,
    'expected recurrent modules that feed each other in one order, got "a" (2 → 3), "b" (3 → 4), "c" (4 → 3) and "d" (3 → 4); give their order by the option recurrent',
    { ...module("a", 2, 3), ...module("b", 3, 4), ...module("c", 4, 3), ...module("d", 3, 4) },
  ],
  [
    "modules in a circle",
    "ambiguous",
    undefined,
    'expected recurrent modules that feed each other in one order, got "a" (3 → 4) and "b" (4 → 3); give their order by the option recurrent',
    { ...module("a", 3, 4), ...module("b", 4, 3) },
  ],
  [
    "many modules",
    "ambiguous",
    undefined,
    'expected recurrent modules that feed each other in one order, got "a" (3 → 3), "b" (3 → 3), "c" (3 → 3), "d" (3 → 3), "e" (3 → 3) and 3 more; give their order by the option recurrent',
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
    'recurrent: expected one of "lstm", got "gru"',
    lstm,
    { recurrent: "gru" },
  ],
  [
    "an embedding of another name",
    "missing-tensor",
    undefined,
    'embedding: expected one of "a" and "b", got "c"',
    { ...lstm, "a.weight": [5, 3], "b.weight": [5, 2] },
    { embedding: "c.weight" },
  ],
  [
    "two that could be the embedding",
    "ambiguous",
    undefined,
    'expected one embedding (V, nx) with nx = 3, got "a.weight" (5, 3) and "b.weight" (5, 3); choose by the option embedding',
    { ...lstm, "a.weight": [5, 3], "b.weight": [5, 3] },
  ],
  [
    "two that could be the output, both hinted",
    "ambiguous",
    undefined,
    'expected one output (ny, n) with n = 2, got "fc.weight" (5, 2) and "head.weight" (5, 2); choose by the option output',
    { ...lstm, "fc.weight": [5, 2], "head.weight": [5, 2] },
  ],
  [
    "one that could be both, or either",
    "ambiguous",
    undefined,
    'expected one embedding (V, nx) with nx = 2 and one output (ny, n) with n = 2, got "table.weight" (5, 2); choose by the options embedding and output',
    { "lstm.weight_ih_l0": [8, 2], "lstm.weight_hh_l0": [8, 2], "table.weight": [5, 2] },
  ],
  [
    "an embedding of other columns",
    "shape",
    "emb.weight",
    '"emb.weight": expected (V, nx) with nx = 3, got (5, 4)',
    { ...lstm, "emb.weight": [5, 4] },
    { embedding: "emb" },
  ],
  [
    "an output of other columns",
    "shape",
    "fc.weight",
    '"fc.weight": expected (ny, n) with n = 2, got (5, 4)',
    { ...lstm, "fc.weight": [5, 4] },
    { output: "fc" },
  ],
  [
    "an output whose bias does not fit",
    "shape",
    "fc.bias",
    '"fc.bias": expected (ny,) with ny = 5, got (4,)',
    { ...lstm, "fc.weight": [5, 2], "fc.bias": [4] },
  ],
  [
    "an output without a weight",
    "missing-tensor",
    "fc.weight",
    '"fc.weight": the file has no tensor of this name',
    { ...lstm, "fc.bias": [4] },
    { output: "fc" },
  ],
  [
    "more layers on top than the names say",
    "unknown-tensor",
    "fc2.weight",
    `"fc2.weight": expected no tensors outside of the network, got "fc2.weight" (4, 5) and "fc2.bias" (4,); ${left}`,
    { ...lstm, "fc1.weight": [5, 2], "fc2.weight": [4, 5], "fc2.bias": [4] },
  ],
  [
    "a normalisation between",
    "unknown-tensor",
    "norm.weight",
    `"norm.weight": expected no tensors outside of the network, got "norm.weight" (2,) and "norm.bias" (2,); ${left}`,
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

const fault = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("a file that is no network: its code, message and tensor, exactly", () => {
  it.each(rows)("%s", (_, code, tensor, message, shapes, names, metadata) => {
    const error = fault(() => describeSafetensors(file(shapes, metadata), names));
    expect(error).toBeInstanceOf(ModelFormatError);
    const { code: got, message: said, tensor: named } = error as ModelFormatError;
    expect({ got, said, named }).toEqual({
      got: code,
      said: `describeSafetensors: ${message}`,
      named: tensor,
    });
  });

  it("10,000 tensors that all would do are refused", () => {
    const many = Array.from({ length: 9_998 }, (_, i) => [`m${i}.weight`, [2, 2]]);
    const shapes = { ...Object.fromEntries(many), ...module("gru", 2, 2) };
    expect(fault(() => describeSafetensors(file(shapes)))).toMatchObject({ code: "ambiguous" });
    const groups = Object.assign(
      {},
      ...Array.from({ length: 5_000 }, (_, i) => module(`g${i}a`, 2, 2)),
    );
    const wanted = { code: "ambiguous" };
    expect(
      fault(() => describeSafetensors(file({ ...groups, ...module("x", 2, 2) }))),
    ).toMatchObject(wanted);
  });

  it.each([
    [null, {}, "file: expected an object, got null"],
    [[], {}, "file: expected what readSafetensors gives, { tensors, metadata }, got Array"],
    [file(lstm), null, "names: expected an object, got null"],
    [file(lstm), { recurrent: null }, "recurrent: expected a module's name, got null"],
    [file(lstm), { recurrent: [] }, "recurrent: expected a module's name, got Array"],
    [file(lstm), { output: 1 }, "output: expected a module's name, got number"],
    [file(lstm), { embedding: {} }, "embedding: expected a module's name, got Object"],
    [file(lstm), { input: "tokens" }, 'input: expected "one-hot" or "features", got tokens'],
    [file(lstm), { nonlinearity: 1 }, 'nonlinearity: expected "tanh" or "relu", got 1'],
    [file(lstm), { others: true }, 'others: expected "reject" or "ignore", got true'],
  ])("an argument of the wrong kind is a TypeError, %#", (given, names, message) => {
    const call = () => describeSafetensors(given as never, names as never);
    expect(call).toThrow(new TypeError(`describeSafetensors: ${message}`));
  });

  it("what is no description is not written", () => {
    const { input, ...rest } = describeSafetensors(openFile("language"));
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
    expect(fault(() => writeModel(wide))).toMatchObject({
      code: "shape",
      message: 'describeSafetensors: "more.weight": expected (ny, n) with n = 7, got (7, 12)',
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
      ...{ cell: "lstm", inputSize: 3, hiddenSize: 2, clip: 2, inputForget: true },
    });
  });

  it.each([
    ["{", "expected JSON"],
    [[], "the architecture: expected { input, recurrent, dense, output }"],
    [
      { ...note, more: 1 },
      "the architecture: expected { input, recurrent, dense, output }, got more",
    ],
    [
      { ...note, output: undefined },
      "the architecture: expected { input, recurrent, dense, output }, output is absent",
    ],
    [{ ...note, output: "some" }, "output: expected one of steps, last"],
    [
      { ...note, input: { kind: "text" } },
      "input.kind: expected one of embedding, one-hot, features",
    ],
    [{ ...note, input: { kind: "embedding" } }, "input.name: expected a string"],
    [{ ...note, recurrent: [] }, "recurrent: expected at least one"],
    [{ ...note, recurrent: {} }, "recurrent: expected a list of at most 1000"],
    [
      { ...note, recurrent: [note.recurrent[0], note.recurrent[0]] },
      "recurrent: expected different names, got one twice",
    ],
    [{ ...note, recurrent: [{ name: 1, options: {} }] }, "recurrent[0].name: expected a string"],
    [
      recurrent({ precision: "f32" }),
      "recurrent[0].options: expected { reverse?, nonlinearity?, resetAfter?, clip?, inputForget?, activations? }, got precision",
    ],
    [recurrent({ reverse: 1 }), "recurrent[0].options.reverse: expected true"],
    [recurrent({ resetAfter: true }), "recurrent[0].options.resetAfter: expected false"],
    [recurrent({ clip: 0 }), "recurrent[0].options.clip: expected a number > 0"],
    [recurrent({ clip: "1" }), "recurrent[0].options.clip: expected a number"],
    [
      recurrent({ nonlinearity: "selu" }),
      "recurrent[0].options.nonlinearity: expected one of tanh, relu",
    ],
    [
      recurrent({ nonlinearity: "relu" }),
      '"lstm": nonlinearity belongs to cell "rnn", and these shapes are those of "lstm"',
    ],
    [
      recurrent({ resetAfter: false }),
      '"lstm": resetAfter belongs to cell "gru", and these shapes are those of "lstm"',
    ],
    [recurrent({ activations: ["tanh"] }), '"lstm": expected 3 activations per direction, got 1'],
    [
      recurrent({ activations: ["swish"] }),
      'recurrent[0].options.activations[0]: there is no activation "swish"',
    ],
    [
      recurrent({ activations: [{ name: "elu", alpha: "1" }] }),
      "recurrent[0].options.activations[0].alpha: expected a number",
    ],
    [
      recurrent({ activations: [{ name: "toString" }] }),
      "recurrent[0].options.activations[0].name: expected one of sigmoid, tanh, relu, affine, leakyRelu, thresholdedRelu, scaledTanh, hardSigmoid, elu, softsign, softplus, identity",
    ],
    [recurrent({}, { merge: "max" }), "recurrent[0].merge: expected one of sum, mul, ave"],
    [
      { ...note, dense: [{ name: "fc" }] },
      "dense[0]: expected { name, activation }, activation is absent",
    ],
    [
      { ...note, dense: [{ name: "fc", activation: "hardmax" }] },
      'dense[0].activation: there is no activation "hardmax"',
    ],
  ])("is refused, %#", (value, message) => {
    expect(fault(() => describeSafetensors(noted(value)))).toEqual(
      new ModelFormatError("network-note", `describeSafetensors: recurra.network: ${message}`),
    );
  });

  it("and one of modules that are not there, or leave some out", () => {
    const absent = { ...note, recurrent: [{ name: "gru", options: {} }] };
    expect(fault(() => describeSafetensors(noted(absent)))).toMatchObject({
      code: "missing-tensor",
      message: 'describeSafetensors: "gru.weight_ih_l0": the file has no tensor of this name',
    });
    const { tensors } = file({ ...lstm, "fc.weight": [5, 2] });
    const { metadata } = noted(note);
    expect(fault(() => describeSafetensors({ tensors, metadata } as never))).toMatchObject({
      code: "unknown-tensor",
      tensor: "fc.weight",
    });
  });

  it("the caller's names beside a note are refused: one of them would be passed over", () => {
    expect(
      fault(() => describeSafetensors(noted(note), { output: null, others: "ignore" })),
    ).toEqual(
      new ModelFormatError(
        "network-note",
        "describeSafetensors: recurra.network: the file defines the architecture: remove the option output",
      ),
    );
  });
});
