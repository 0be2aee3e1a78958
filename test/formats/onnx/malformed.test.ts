import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createEngineSync } from "../../../src/index.js";
import {
  describeOnnx,
  describeOnnxNode,
  ModelFormatError,
  openGraph,
  type ReadOnnxOptions,
  readOnnx,
} from "../../../src/onnx.js";
import { expectError, thrownBy } from "../../support/errors.js";
import { randomArray, uniform } from "../../support/random.js";
import { loadCases } from "./cases.js";
import {
  attributeProto,
  bytes,
  concat,
  FLOAT,
  float,
  graphProto,
  INT64,
  integer,
  type ModelSpec,
  model,
  modelProto,
  nodeProto,
  type OnnxArray,
  tensorProto,
  text,
} from "./writer.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const next = uniform(1);
const floats = (...shape: number[]): OnnxArray => ({
  shape,
  data: Float32Array.from(
    randomArray(
      next,
      shape.reduce((a, b) => a * b, 1),
    ),
  ),
});
const [T, m, nx, na] = [3, 2, 2, 3];

/** A small model, whole: one LSTM with everything an initializer may be. */
const small: ModelSpec = {
  nodes: [
    {
      operator: "LSTM",
      name: "lstm",
      inputs: ["X", "W", "R", "B", "", "", "", "P"],
      outputs: ["Y", "Y_h"],
      attributes: { hidden_size: na, clip: { float: 2 }, activations: ["Sigmoid", "Tanh", "Tanh"] },
    },
  ],
  initializers: {
    W: floats(1, 4 * na, nx),
    R: floats(1, 4 * na, na),
    B: floats(1, 8 * na),
    P: floats(1, 3 * na),
  },
  inputs: [["X", FLOAT, [T, m, nx]]],
  outputs: [
    ["Y", FLOAT],
    ["Y_h", FLOAT],
  ],
  metadata: { vocabulary: "abc" },
};

const graph = (...parts: ArrayLike<number>[]) => modelProto(concat(graphProto(small), ...parts));
const initializer = (...parts: ArrayLike<number>[]) =>
  graph(bytes(5, concat(text(8, "t"), ...parts)));
const dims = (...extents: (number | bigint)[]) => concat(...extents.map((e) => integer(1, e)));
const kind = (dtype: number) => integer(2, dtype);
const node = (
  attributes: NonNullable<ModelSpec["nodes"][number]["attributes"]>,
  operator = "LSTM",
  opset = 14,
) => {
  const inputs = ["X", "W", "R", "B"];
  const given = { operator, name: "lstm", inputs, outputs: ["Y", "Y_h"], attributes };
  return model({ ...small, nodes: [given], opset });
};
const many = (count: number, part: (i: number) => ArrayLike<number>) =>
  concat(...Array.from({ length: count }, (_, i) => part(i)));
const long = "n".repeat(513);
const infinite = { ...small, initializers: { ...small.initializers, B: floats(1, 8 * na) } };
infinite.initializers.B.data[5] = Number.NaN;

type Row = [
  code: string,
  file: Uint8Array,
  message: RegExp,
  tensor?: string | undefined,
  options?: ReadOnnxOptions,
];

const rows: Row[] = [
  ["model", new Uint8Array(0), /expected an ir_version ≥ 1, got 0, at byte 0$/],
  ["model", Uint8Array.from(integer(1, 8)), /expected a graph, got none, at byte 0$/],
  ["model", concat(integer(1, 8), bytes(7, [])), /expected an opset_import, got none, at byte 0$/],
  ["model", concat(modelProto([]), bytes(7, [])), /expected one graph, got two, at byte 19$/],
  ["opset", modelProto([], 23), /opset: expected 1 to 22, got 23/],
  ["opset", modelProto([], 0), /opset: .* got 0/],
  [
    "varint",
    concat([8], Array(10).fill(255), [1]),
    /expected ≤ 10 bytes and 64 bits, got more, at byte 1$/,
  ],
  [
    "varint",
    concat([8], Array(9).fill(255), [2]),
    /expected ≤ 10 bytes and 64 bits, got more, at byte 1$/,
  ],
  ["truncated", Uint8Array.of(8, 128), /a varint has no end, at byte 1$/],
  ["truncated", Uint8Array.of(58, 5, 0), /field 7: expected ≤ 1 bytes, got 5, at byte 0$/],
  ["truncated", concat([58], Array(9).fill(255), [1]), /field 7: /],
  ["truncated", Uint8Array.of(97, 0), /field 12: .* got 1, at byte 0$/],
  ["truncated", Uint8Array.of(101, 0), /field 12: .* got 1, at byte 0$/],
  ["wire-type", Uint8Array.of(59), /field 7: expected type 0, 1, 2 or 5, got 3, at byte 0$/],
  ["wire-type", Uint8Array.of(0), /.* got 0, at byte 0$/],
  ["wire-type", concat([10], [0]), /field 1: .*, at byte 0$/],
  ["wire-type", Uint8Array.of(56, 1), /field 7: .*, at byte 0$/],
  [
    "utf8",
    graph(bytes(2, [0xc0, 0x80])),
    /a string: expected UTF-8, got other bytes, at byte \d+$/,
  ],
  ["name-too-long", graph(text(2, long)), /a string: expected ≤ 512 bytes, got 513, at byte \d+$/],
  [
    "duplicate-key",
    graph(bytes(5, tensorProto("B", floats(1)))),
    /"B": expected one initializer of this name, got another, at byte \d+$/,
    "B",
  ],
  [
    "duplicate-key",
    graph(bytes(1, concat(...[0, 1].map(() => bytes(5, attributeProto("axis", 1)))))),
    /expected one attribute axis, got another, at byte \d+$/,
  ],
  [
    "duplicate-key",
    concat(modelProto([]), ...[0, 1].map(() => bytes(14, concat(text(1, "k"), text(2, "v"))))),
    /metadata: expected one k, got another, at byte \d+$/,
  ],
  [
    "duplicate-key",
    concat(modelProto([]), bytes(8, integer(2, 9))),
    /expected one opset "", got another, at byte \d+$/,
  ],
  [
    "too-many-nodes",
    graph(many(100_000, () => bytes(1, []))),
    /expected ≤ 100000 nodes, got more, at byte \d+$/,
  ],
  [
    "too-many-values",
    graph(many(10_000, () => bytes(11, []))),
    /expected ≤ 10000 inputs or outputs, got more/,
  ],
  [
    "too-many-tensors",
    graph(many(10_000, (i) => bytes(5, concat(text(8, `k${i}`), dims(0))))),
    /"k9996": expected ≤ 10000 initializers, got more, at byte \d+$/,
    "k9996",
  ],
  [
    "too-many-metadata",
    concat(
      modelProto([]),
      many(10_001, (i) => bytes(14, text(1, `k${i}`))),
    ),
    /metadata: expected ≤ 10000 keys, got more, at byte \d+$/,
  ],
  [
    "rank-too-high",
    initializer(dims(1, 1, 1, 1, 1, 1, 1, 1, 1)),
    /dims: expected ≤ 8 numbers, got more/,
  ],
  [
    "integer",
    initializer(dims(-1), kind(1)),
    /"t": dims: expected integers from 0 to 2\^53 − 1, got -1, at byte \d+$/,
    "t",
  ],
  ["integer", initializer(dims(2n ** 60n)), /"t": dims: .* got 1152921504606847000/, "t"],
  [
    "shape-overflow",
    initializer(dims(2 ** 27, 2 ** 27, 0), kind(1)),
    /"t": dims: expected fewer than 2\^53 bytes, got \(134217728, 134217728, 0\), at byte \d+$/,
    "t",
  ],
  [
    "size",
    initializer(dims(2), kind(1), bytes(9, [1, 2, 3, 4])),
    /"t": expected 2 numbers of FLOAT for shape \(2,\), got 1/,
    "t",
  ],
  ["size", initializer(dims(2), kind(11), bytes(9, [1, 2, 3, 4])), /"t": .* got 0.5/, "t"],
  ["size", initializer(dims(2), kind(1), float(4, 1)), /"t": .* got 1/, "t"],
  ["size", initializer(dims(2), kind(7)), /"t": .* got 0/, "t"],
  [
    "data",
    initializer(dims(1), kind(11), float(4, 1)),
    /"t": expected DOUBLE in raw_data or in field 10, got numbers in another/,
    "t",
  ],
  ["data", initializer(dims(1), kind(1), float(4, 1), bytes(9, [0, 0, 0, 0])), /"t": /, "t"],
  ["data", initializer(bytes(3, [])), /"t": /, "t"],
  ["data", graph(bytes(15, [])), /expected dense initializers, got a sparse one, at byte \d+$/],
  [
    "external-data",
    initializer(dims(1), kind(1), bytes(13, concat(text(1, "location"), text(2, "../../secret")))),
    /"t": expected its numbers in the file, got external_data, at byte \d+$/,
    "t",
  ],
  ["external-data", initializer(dims(1), kind(1), integer(14, 1)), /"t": /, "t"],
  [
    "dtype",
    modelProto(
      concat(
        bytes(1, nodeProto({ operator: "RNN", inputs: ["X", "t", "R"], outputs: ["Y"] })),
        bytes(5, concat(text(8, "t"), dims(1, 1, 1), kind(3), bytes(5, [1]))),
      ),
    ),

    /"t": data_type: expected one of FLOAT, INT32, INT64, BOOL, FLOAT16, DOUBLE, BFLOAT16, got number 3/,
    "t",
  ],
  [
    "too-large",
    model(small),
    /expected tensors of ≤ 371 bytes \(maximumBytes\), got 372$/,
    undefined,
    { maximumBytes: 371 },
  ],
  [
    "not-finite",
    model(infinite),
    /"B": element 5: expected a finite number, got NaN \(nonFinite: "allow" accepts it\)/,
    "B",
  ],
  [
    "attribute",
    node({ hidden_size: na, layer: 1 }),
    /LSTM "lstm": attribute layer: expected one that LSTM of opset 14 has/,
  ],
  ["attribute", node({ linear_before_reset: 1 }), /attribute linear_before_reset: /],
  ["attribute", node({ input_forget: 1 }, "GRU"), /attribute input_forget: /],
  ["attribute", node({ layout: 1 }, "LSTM", 7), /attribute layout: /],
  ["attribute", node({ output_sequence: 1 }, "LSTM", 7), /attribute output_sequence: /],
  ["attribute", node({ linear_before_reset: 1 }, "GRU", 1), /attribute linear_before_reset: /],
  ["attribute", node({ hidden_size: { float: 3 } }), /attribute hidden_size: .* got 1/],
  ["attribute", node({ hidden_size: 0 }), /hidden_size: .* got 0/],
  ["attribute", node({ clip: { float: 0 } }), /clip: .* got 0/],
  ["attribute", node({ clip: { float: Number.NaN } }), /clip: .* got NaN/],
  ["attribute", node({ layout: 2 }), /layout: .* got 2/],
  ["attribute", node({ direction: "foward" }), /direction: .* got "foward"/],
  ["attribute", node({ activations: ["Tanh"] }), /activations: .* got 1/],
  ["attribute", node({ activations: ["Tanh", "Sin", "Tanh"] }), /activations: /],
  ["attribute", node({ activations: ["__proto__", "Tanh", "Tanh"] }), /activations: /],
  ["attribute", node({ activation_alpha: { floats: [1] } }), /activation_alpha: .* got 1/],
  [
    "attribute",
    node({ activations: ["Elu", "Tanh", "Tanh"], activation_alpha: { floats: [Number.NaN] } }),
    /activation_alpha: .* got NaN/,
  ],
  [
    "graph",
    model({ ...small, nodes: [{ operator: "LSTM", inputs: ["X", "W"], outputs: ["Y"] }] }),
    /LSTM "Y": expected an input R, got none/,
  ],
  [
    "graph",
    model({
      ...small,
      nodes: small.nodes.map((each) => ({ ...each, operator: "RNN", attributes: {} })),
    }),
    /RNN "lstm": .* got 8 and 2/,
  ],
];

function expectFault(error: unknown, code: string, message: RegExp, tensor: string | undefined) {
  expect(error).toBeInstanceOf(ModelFormatError);
  const { message: said, code: got, tensor: named, offset } = error as ModelFormatError;
  expect({ got, named }).toEqual({ got: code, named: tensor });
  expect(said).toMatch(message);
  const at = /at byte (\d+)$/.exec(said)?.[1];
  expect(offset).toBe(at === undefined ? undefined : Number(at));
}

describe("a malformed file: its code, message, tensor and byte", () => {
  it.each(rows)("%s, %#", (code, file, message, tensor, options) => {
    const error = thrownBy(() => readOnnx(file, options));
    expectFault(error, code, message, tensor);
    expect((error as Error).message).toMatch(/^readOnnx: /);
  });

  it.each([
    ["graph", () => openGraph(engine, model({ ...small, nodes: [] })), /^openGraph: output "Y": /],
    [
      "graph",
      () => openGraph(engine, model({ ...small, nodes: [...small.nodes, ...small.nodes] })),
      /^openGraph: "Y" is made twice, at byte \d+$/,
    ],
    [
      "graph",
      () => openGraph(engine, model({ ...small, outputs: [["Z", FLOAT]] })),
      /output "Z": /,
    ],
    [
      "shape",
      () => readOnnx(node({ hidden_size: 2 })).nodes.map(describeOnnxNode),
      /^describeOnnxNode: "W": expected W \(1, 8, 2\) with D = 1, nx = 2, na = 2, got \(1, 12, 2\)/,
      "W",
    ],
    [
      "shape",
      () => describeOnnx(node({ hidden_size: 2 })),
      /^describeOnnx: "W": expected W \(1, 8, 2\) with D = 1, nx = 2, na = 2, got \(1, 12, 2\)/,
      "W",
    ],
  ] as [string, () => unknown, RegExp, string?][])(
    "%s, in a call, %#",
    (code, work, message, tensor) => {
      expectFault(thrownBy(work), code, message, tensor);
    },
  );
});

describe("a model that is cut or changed gives a ModelFormatError, or is one", () => {
  const file = model(small);
  const all = (given: Uint8Array) => {
    readOnnx(given).nodes.map(describeOnnxNode);
    describeOnnx(given);
    openGraph(engine, given).dispose();
  };

  it("cut at every byte", () => {
    all(file);
    for (let end = 0; end < file.length; end++) {
      for (const read of [readOnnx, describeOnnx, (part: Uint8Array) => openGraph(engine, part)]) {
        const error = thrownBy(() => read(file.subarray(0, end)));
        // Behind the set of operators only metadata follow: a cut before them leaves a whole model.
        if (error !== undefined) expect(error).toBeInstanceOf(ModelFormatError);
        else
          expect(end).toBe(
            file.length - bytes(14, concat(text(1, "vocabulary"), text(2, "abc"))).length,
          );
      }
    }
  });

  const check = (given: Uint8Array): void => {
    const error = thrownBy(() => all(given));
    if (error !== undefined) expect(error).toBeInstanceOf(ModelFormatError);
  };

  it("any bytes, seeded", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), {
      seed: 1,
      numRuns: 2000,
      interruptAfterTimeLimit: 10_000,
    });
  });

  it("a model with some bytes changed, seeded", () => {
    const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255));
    const property = fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const given = file.slice();
      for (const [at, byte] of changes) given[at] = byte;
      check(given);
    });
    fc.assert(property, { seed: 1, numRuns: 800, interruptAfterTimeLimit: 10_000 });
  });

  it("an exporter's chain with some bytes changed, seeded", () => {
    const chains = loadCases("chains.json").map((each) => each.model);
    const property = fc.property(
      fc.constantFrom(...chains),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true }), fc.nat(255)), {
        minLength: 1,
        maxLength: 3,
      }),
      (chain, changes) => {
        const given = chain.slice();
        for (const [at, byte] of changes) given[Math.floor(at * given.length)] = byte;
        const error = thrownBy(() => describeOnnx(given, { maximumBytes: 1e7 }));
        if (error !== undefined) expect(error).toBeInstanceOf(ModelFormatError);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 1500, interruptAfterTimeLimit: 10_000 });
  });

  it("a graph of random operators, seeded: an error that is typed, or a description", () => {
    const operators = [
      "Gather",
      "Concat",
      "Slice",
      "Reshape",
      "Transpose",
      "Expand",
      "Squeeze",
      "Unsqueeze",
      "Cast",
    ];
    const names = ["X", "c", "k", "W", "t0", "t1", "t2"];
    const step = fc.record({
      operator: fc.constantFrom(
        ...operators,
        "Shape",
        "MatMul",
        "Add",
        "ConstantOfShape",
        "Softmax",
      ),
      inputs: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
      attributes: fc.constantFrom(
        {},
        { axis: 0 },
        { axis: 1 },
        { perm: [2, 1, 0] },
        { to: 7 },
        { axes: [0] },
      ),
    });
    const property = fc.property(
      fc.tuple(step, step, step),
      fc.integer({ min: 7, max: 22 }),
      (steps, opset) => {
        const given = model({
          nodes: steps.map((each, i) => ({ ...each, outputs: [`t${i}`] })),
          initializers: {
            c: { shape: [2], data: BigInt64Array.of(1n, 2n) },
            k: { shape: [], data: BigInt64Array.of(-1n) },
            W: floats(2, 3, 4),
          },
          inputs: [["X", INT64, ["n", 5]]],
          outputs: [["t2", FLOAT]],
          opset,
        });
        const error = thrownBy(() => describeOnnx(given));
        expect(error).toBeInstanceOf(ModelFormatError);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 1500, interruptAfterTimeLimit: 10_000 });
  });
});

describe("the engine after all that", () => {
  it("still computes", () => {
    const x = { shape: [T, m, nx], data: new Float32Array(T * m * nx).fill(0.5) };
    const { Y } = openGraph(engine, model(small)).run({ X: x });
    expect(Y?.shape).toEqual([T, 1, m, na]);
    expect(Y?.data.every(Number.isFinite)).toBe(true);
  });
});

describe("an argument of the wrong kind", () => {
  it.each([
    [() => readOnnx(null as never), "readOnnx: file: expected Uint8Array or ArrayBuffer, got null"],
    [
      () => readOnnx(model(small), null as never),
      "readOnnx: options: expected an object, got null",
    ],
    [
      () => readOnnx(model(small), { nonFinite: 1 } as never),
      'readOnnx: nonFinite: expected "reject" or "allow", got 1',
    ],
    [
      () => readOnnx(model(small), { maximumBytes: -1 }),
      "readOnnx: maximumBytes: expected a number ≥ 0, got -1",
    ],
    [
      () => describeOnnx(model(small), { output: "Z" }),
      "describeOnnx: output: expected Y, Y_h, got Z",
    ],
    [
      () => describeOnnx(model(small), { outputs: "Y" } as never),
      "describeOnnx: options: …outputs…output…",
    ],
    [() => openGraph(engine, model(small)).run({}), "run: X: expected …, got undefined"],
    [
      () => openGraph(engine, model(small)).run({ X: floats(T, m, nx), Z: floats(1) } as never),
      "run: inputs: expected X, got Z",
    ],
    [
      () => openGraph(engine, model(small), { inputs: { W: floats(1) } }),
      "openGraph: inputs: expected X, got W",
    ],
  ])("%#", (work, message) => {
    expectError(work, TypeError, message);
  });
});
