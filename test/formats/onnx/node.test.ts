import { afterAll, describe, expect, it } from "vitest";
import { fromBF16, fromF16 } from "../../../src/formats/halves.js";
import { describeOnnxNode, type OnnxNode, readOnnx } from "../../../src/formats/onnx.js";
import {
  createEngineSync,
  createRecurrent,
  ModelFormatError,
  ShapeError,
  type Tensor,
} from "../../../src/index.js";
import { openGraph } from "../../../src/onnx.js";
import { expectError } from "../../support/errors.js";
import { randomArray, uniform } from "../../support/random.js";
import { expectedOf } from "./cases.js";
import {
  bytes,
  concat,
  FLOAT,
  float,
  integer,
  type ModelSpec,
  model,
  modelProto,
  nodeProto,
  type OnnxArray,
  text,
  varint,
} from "./writer.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

const next = uniform(7);
const numbers = (...shape: number[]) =>
  randomArray(
    next,
    shape.reduce((a, b) => a * b, 1),
  );
const floats = (...shape: number[]) => ({ shape, data: Float32Array.from(numbers(...shape)) });
const doubles = (...shape: number[]) => ({ shape, data: numbers(...shape) });
const [T, m, nx, na] = [4, 3, 2, 5];

const gru: ModelSpec = {
  nodes: [
    {
      operator: "GRU",
      name: "/encoder/GRU",
      inputs: ["x", "W", "R", "", "lengths", "h0"],
      outputs: ["y", "last"],
      attributes: { hidden_size: na, linear_before_reset: 1, direction: "bidirectional" },
    },
    { operator: "Relu", inputs: ["y"], outputs: ["z"] },
  ],
  initializers: { W: floats(2, 3 * na, nx), R: floats(2, 3 * na, na) },
  inputs: [
    ["x", FLOAT, ["T", "m", nx]],
    ["lengths", 6, ["m"]],
    ["h0", FLOAT],
    ["W", FLOAT, [2, 3 * na, nx]],
  ],
  outputs: [["z", FLOAT, ["T", 2, "m", na]]],
  metadata: { author: "somebody" },
  opset: 18,
};

describe("readOnnx lists", () => {
  it("nodes, attributes, shapes, initializers, inputs and outputs, opset, metadata, operators", () => {
    const { nodes, metadata, ...rest } = readOnnx(model(gru));
    expect(rest).toEqual({
      irVersion: 8,
      producer: "recurra",
      opset: 18,
      graph: "graph",
      inputs: [
        { name: "x", dtype: "FLOAT", shape: ["T", "m", nx] },
        { name: "lengths", dtype: "INT32", shape: ["m"] },
        { name: "h0", dtype: "FLOAT" },
      ],
      outputs: [{ name: "z", dtype: "FLOAT", shape: ["T", 2, "m", na] }],
      operators: ["GRU", "Relu"],
    });
    expect([...metadata]).toEqual([["author", "somebody"]]);
    const { W, R } = gru.initializers as Record<string, OnnxArray>;
    expect(nodes).toEqual([
      {
        name: "/encoder/GRU",
        operator: "GRU",
        opset: 18,
        attributes: {
          direction: "bidirectional",
          hiddenSize: na,
          layout: 0,
          activations: ["sigmoid", "tanh", "sigmoid", "tanh"],
          inputForget: false,
          linearBeforeReset: true,
        },
        inputs: {
          X: { name: "x" },
          W: { name: "W", tensor: { dtype: "FLOAT", ...W } },
          R: { name: "R", tensor: { dtype: "FLOAT", ...R } },
          sequence_lens: { name: "lengths" },
          initial_h: { name: "h0" },
        },
        outputs: { Y: "y", Y_h: "last" },
      },
    ]);
  });

  const wide = (operator: string, attributes: object, opset = 14) => {
    const node = { operator, inputs: ["X", "W", "R"], outputs: ["Y"], attributes };
    const spec = { nodes: [node], inputs: [], outputs: [], opset } as unknown as ModelSpec;
    return readOnnx(model(spec)).nodes[0]?.attributes;
  };

  it("α and β go, in the functions' order, to those that take one; where a list ends, ONNX's own hold", () => {
    const activations = ["HardSigmoid", "leakyrelu", "Tanh", "Affine", "ELU", "ScaledTanh"];
    const lists = { activation_alpha: { floats: [1, 2, 3] }, activation_beta: { floats: [4, 5] } };
    const got = wide("LSTM", { activations, direction: "bidirectional", ...lists });
    expect(got?.activations).toEqual([
      { name: "hardSigmoid", alpha: 1, beta: 4 },
      { name: "leakyRelu", alpha: 2 },
      "tanh",
      { name: "affine", alpha: 3, beta: 5 },
      "elu",
      "scaledTanh",
    ]);
  });

  it("opsets 1 to 6: output_sequence; GRU-1's own spelling of forward; RNN's two functions for one direction", () => {
    expect(wide("LSTM", { output_sequence: 1 }, 1)?.direction).toBe("forward");
    expect(wide("GRU", { direction: "foward" }, 1)?.direction).toBe("forward");
    expect(wide("GRU", { linear_before_reset: 1 }, 3)?.linearBeforeReset).toBe(true);
    expect(wide("RNN", { activations: ["Relu", "Relu"] })?.activations).toEqual(["relu"]);
  });

  it("a file of IR 2, which names no set of operators, is of opset 1", () => {
    const node = nodeProto({ operator: "RNN", inputs: ["X", "W", "R"], outputs: ["Y"] });
    const file = concat(integer(1, 2), bytes(7, bytes(1, node)));
    expect(readOnnx(file).opset).toBe(1);
  });

  it("nothing is shared with the file, at any alignment", () => {
    const file = model(gru);
    const wanted = readOnnx(file);
    for (let shift = 0; shift < 4; shift++) {
      const buffer = Buffer.alloc(file.length + 8, 0xff);
      buffer.set(file, shift);
      const view = buffer.subarray(shift, shift + file.length);
      const got = readOnnx(view);
      view.fill(0xff);
      expect(got).toEqual(wanted);
    }
    expect(readOnnx(file.slice().buffer)).toEqual(wanted);
  });
});

describe("numbers: raw and in fields, packed and alone, of every type", () => {
  const read = (dtype: number, count: number, ...parts: ArrayLike<number>[]) => {
    const tensor = concat(integer(1, count), integer(2, dtype), text(8, "W"), ...parts);
    const node = nodeProto({ operator: "RNN", inputs: ["X", "W", "W"], outputs: ["Y"] });
    const file = modelProto(concat(bytes(1, node), bytes(5, tensor)));
    return readOnnx(file, { nonFinite: "allow" }).nodes[0]?.inputs.W?.tensor;
  };
  const memory = (data: ArrayBufferView) =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7c00);
  const packed = (values: ArrayLike<number | bigint>) => concat(...Array.from(values, varint));
  const values = [1.5, -2, 3e-310];
  const integers = [1, -2, 2 ** 31 - 1];

  it.each([
    ["FLOAT", 1, 4, Float32Array.from(values), memory(Float32Array.from(values))],
    ["DOUBLE", 11, 10, Float64Array.from(values), memory(Float64Array.from(values))],
    [
      "INT32",
      6,
      5,
      Float64Array.from(integers),
      packed(integers),
      memory(Int32Array.from(integers)),
    ],
    [
      "INT64",
      7,
      7,
      Float64Array.from(integers),
      packed(integers),
      memory(BigInt64Array.from(integers, BigInt)),
    ],
    ["FLOAT16", 10, 5, fromF16(halves), packed(halves), memory(halves)],
    ["BFLOAT16", 16, 5, fromBF16(halves), packed(halves), memory(halves)],
  ])("%s", (dtype, kind, field, data, inField, raw = inField) => {
    const wanted = { dtype, shape: [3], data };
    expect(read(kind, 3, bytes(9, raw))).toEqual(wanted);
    expect(read(kind, 3, bytes(field, inField))).toEqual(wanted);
    // An empty field beside the other says nothing.
    expect(read(kind, 3, bytes(field, inField), bytes(9, []))).toEqual(wanted);
  });

  it("alone, field by field", () => {
    const wanted = Float32Array.of(1, 2);
    expect(read(1, 2, float(4, 1), float(4, 2))?.data).toEqual(wanted);
    expect(read(10, 2, integer(5, 0x3c00), integer(5, 0x4000))?.data).toEqual(wanted);
    expect(read(7, 2, integer(7, 1), integer(7, 2))?.data).toEqual(Float64Array.of(1, 2));
  });

  it("no element; rank 0", () => {
    expect(read(1, 0)?.data).toEqual(new Float32Array(0));
    const scalar = concat(integer(2, 1), text(8, "W"), float(4, 7));
    const node = nodeProto({ operator: "RNN", inputs: ["X", "W", "W"], outputs: ["Y"] });
    const [{ inputs }] = readOnnx(modelProto(concat(bytes(1, node), bytes(5, scalar)))).nodes as [
      OnnxNode,
    ];
    expect(inputs.W?.tensor).toEqual({ dtype: "FLOAT", shape: [], data: Float32Array.of(7) });
  });
});

describe("describeOnnxNode: a node as a layer", () => {
  const given = { W: doubles(2, 3 * na, nx), R: doubles(2, 3 * na, na) };
  const x: Tensor = doubles(T, m, nx);
  const [node] = readOnnx(model(gru)).nodes as [OnnxNode];
  /** The node with other weights. */
  const withWeights = (weights: Partial<typeof given>): OnnxNode => {
    const operands = Object.entries(weights).map(([name, each]) => [
      name,
      { name, tensor: { dtype: "DOUBLE", ...each } },
    ]);
    return { ...node, inputs: { ...node.inputs, ...Object.fromEntries(operands) } };
  };

  it("a node among others: the layer computes what the oracle does, to 1e-13", () => {
    const { name, options, weights } = describeOnnxNode(withWeights(given));
    expect(name).toBe("/encoder/GRU");
    expect(options).toEqual({ cell: "gru", bidirectional: true, inputSize: nx, hiddenSize: na });
    const layer = createRecurrent(engine, { ...options, precision: "f64" });
    layer.load(weights);
    const { y } = layer.forward(x);
    const spec = { ...gru, nodes: gru.nodes.slice(0, 1), outputs: [["y", FLOAT]] } as ModelSpec;
    const zeros = { shape: [2, m, na], data: new Float64Array(2 * m * na) };
    const lengths = { shape: [m], data: Int32Array.from([T, T, T]) };
    const want = expectedOf(model(spec), { x, lengths, h0: zeros, ...given }).get("y");
    // Y is (T, D, m, na), the layer's y (T, m, D·na).
    for (let t = 0; t < T; t++) {
      for (let b = 0; b < m; b++) {
        for (let d = 0; d < 2; d++) {
          for (let j = 0; j < na; j++) {
            const got = y.data[((t * m + b) * 2 + d) * na + j] as number;
            expect(got).toBeCloseTo(want?.data[((t * 2 + d) * m + b) * na + j] as number, 13);
          }
        }
      }
    }
    layer.dispose();
    const { weights: narrow } = describeOnnxNode(node);
    expect(narrow.weight_ih_l0?.data).toBeInstanceOf(Float32Array);
  });

  it("a weight of the wrong shape, a weight that is an input, and other arguments", () => {
    const wrong = () => describeOnnxNode(withWeights({ W: doubles(2, 3 * na, 0) }));
    expectError(wrong, ModelFormatError, /^describeOnnxNode: "W": .* got \(2, 15, 0\)/);
    expect(wrong).toThrow(expect.objectContaining({ code: "shape", tensor: "W" }));
    const open = { ...node, inputs: { ...node.inputs, R: { name: "weights" } } };
    const message = 'describeOnnxNode: "weights": expected R in the file, got an input …';
    expectError(() => describeOnnxNode(open), ModelFormatError, message);
    const kind = "describeOnnxNode: node: expected an object, got null";
    expectError(() => describeOnnxNode(null as never), TypeError, kind);
  });

  it("an initial state that the file holds is not left out in silence", () => {
    const held = { ...gru.initializers, h0: floats(2, m, na) };
    const [first] = readOnnx(model({ ...gru, initializers: held })).nodes as [OnnxNode];
    expectError(() => describeOnnxNode(first), ModelFormatError, /"h0": .*initial_h/);
  });
});

describe("openGraph of one node", () => {
  const spec: ModelSpec = {
    ...gru,
    nodes: gru.nodes.slice(0, 1),
    outputs: [
      ["y", FLOAT],
      ["last", FLOAT],
    ],
  };
  const inputs = { x: floats(T, m, nx), h0: floats(2, m, na) };
  const lens = [2, 0, 4];

  it("lengths as Int32Array, BigInt64Array, Float64Array: the same bits; zeros after the end; 0 leaves the state", () => {
    const graph = openGraph(engine, model(spec));
    const results = [
      Int32Array.from(lens),
      BigInt64Array.from(lens, BigInt),
      Float64Array.from(lens),
    ].map((data) => graph.run({ ...inputs, lengths: { shape: [m], data } }));
    graph.dispose();
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    const { y, last } = results[0] as unknown as Record<string, Tensor>;
    const row = (t: number, d: number, b: number) =>
      Array.from(
        y?.data.subarray(((t * 2 + d) * m + b) * na, ((t * 2 + d) * m + b + 1) * na) ?? [],
      );
    for (let b = 0; b < m; b++) {
      for (let t = 0; t < T; t++) {
        for (const d of [0, 1])
          expect(row(t, d, b).some((v) => v !== 0)).toBe(t < (lens[b] as number));
      }
    }
    for (const d of [0, 1]) {
      const at = (d * m + 1) * na;
      expect(last?.data.slice(at, at + na)).toEqual(inputs.h0.data.slice(at, at + na));
    }
  });

  it("an initializer that is an input, too, gives way to the caller's", () => {
    const lengths = { shape: [m], data: Int32Array.from([T, T, T]) };
    const zeros = { shape: [2, 3 * na, nx], data: new Float32Array(6 * na * nx) };
    const held = openGraph(engine, model(spec));
    const other = openGraph(engine, model(spec), { inputs: { W: zeros } });
    const [before, after] = [held, other].map((graph) => graph.run({ ...inputs, lengths }).y);
    expect(after?.data).not.toEqual(before?.data);
    expect(Object.keys(other.inputs)).toEqual(["x", "lengths", "h0"]);
    for (const graph of [held, other]) graph.dispose();
    const fixed = () => openGraph(engine, model(spec), { inputs: { R: zeros } });
    expectError(fixed, TypeError, "openGraph: inputs: expected x, lengths, h0, W, got R");
  });

  it.each([
    [
      { x: floats(T, m, nx + 1) },
      ShapeError,
      /^run: x: expected \("?T"?, "?m"?, 2\), got \(4, 3, 3\)/,
    ],
    [
      { h0: floats(1, m, na) },
      ModelFormatError,
      /GRU "\/encoder\/GRU": initial_h: expected \(2, 3, 5\), got \(1, 3, 5\)/,
    ],
    [
      { lengths: { shape: [2], data: Int32Array.of(1, 1) } },
      ModelFormatError,
      /sequence_lens: expected 3 integers in 0 … 4, got \(1,1\)/,
    ],
    [
      { lengths: { shape: [m], data: Int32Array.of(1, 5, 1) } },
      ModelFormatError,
      /sequence_lens: expected 3 integers in 0 … 4, got \(1,5,1\)/,
    ],
    [
      { lengths: { shape: [m], data: Int32Array.of(1, -1, 1) } },
      ModelFormatError,
      /got \(1,-1,1\)/,
    ],
    [{ lengths: [1, 2, 3] }, TypeError, /lengths: expected \{ shape, data \}/],
    [{ x: { shape: [T, m, nx], data: [1] } }, ShapeError, /x: /],
    [{ x: null }, TypeError, /x: /],
  ])("an input that does not fit, %#", (change, kind, message) => {
    const lengths = { shape: [m], data: Int32Array.from(lens) };
    const graph = openGraph(engine, model(spec));
    const call = () => graph.run({ ...inputs, lengths, ...change } as never);
    expectError(call, kind as ErrorConstructor, message);
    graph.dispose();
  });

  it("T = 0, m = 0", () => {
    const graph = openGraph(engine, model(spec));
    for (const [steps, batch] of [
      [0, m],
      [T, 0],
    ] as const) {
      const { y, last } = graph.run({
        x: floats(steps, batch, nx),
        h0: floats(2, batch, na),
        lengths: { shape: [batch], data: new Int32Array(batch) },
      });
      expect(y?.shape).toEqual([steps, 2, batch, na]);
      expect(last?.shape).toEqual([2, batch, na]);
    }
    graph.dispose();
  });

  it("2,000 runs, every second one a failure, and graphs made and disposed of: memory does not grow", () => {
    const lengths = { shape: [m], data: Int32Array.from(lens) };
    const file = model(spec);
    const once = (): void => {
      const graph = openGraph(engine, file);
      graph.run({ ...inputs, lengths });
      const wrong = { shape: [m], data: Int32Array.of(9, 9, 9) };
      const call = () => graph.run({ ...inputs, lengths: wrong });
      expect(call).toThrow(ModelFormatError);
      graph.dispose();
    };
    once();
    const { bytes: before } = engine.memory();
    for (let i = 0; i < 1000; i++) once();
    expect(engine.memory().bytes).toBe(before);
  });
});
