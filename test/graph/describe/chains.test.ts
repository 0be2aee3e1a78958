import { isDeepStrictEqual } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../../src/formats/safetensors.js";
import { createEngineSync, loadLanguageModel } from "../../../src/index.js";
import { describeOnnx, ModelFormatError } from "../../../src/onnx.js";
import { loadCases } from "../../formats/onnx/cases.js";
import {
  FLOAT,
  INT64,
  languageModel,
  type ModelSpec,
  model,
  type NodeSpec,
} from "../../formats/onnx/writer.js";
import { runDescribed } from "../../oracle/model.js";
import { expectSaid, thrownBy } from "../../support/errors.js";
import { shakespeare } from "../../support/fixtures.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());

describe("chains that PyTorch's exporter wrote: what PyTorch computes, to 1e-12", () => {
  it.each(loadCases("chains.json"))("$name", ({ name, model, inputs: { x }, outputs: { y } }) => {
    const [, source, ...words] = name.split(" ");
    const description = describeOnnx(model);
    expect(description.recurrent).toHaveLength(1);
    const pool = words.find((word) => word === "mean" || word === "max");
    const isLast = /step|state/.test(name);
    expect(description.output).toBe(pool ?? (isLast ? "last" : "steps"));
    if (x === undefined || y === undefined) throw new Error("no case");
    const first = words.includes("True");
    const [m, T] = first ? [x.shape[0], x.shape[1]] : [x.shape[1], x.shape[0]];
    const width = x.shape[2] ?? 1;
    const ny = y.shape.at(-1) ?? 0;
    for (let b = 0; b < (m ?? 0); b++) {
      // The lengths of the one case that has some.
      const length = words.includes("lengths") && b === 1 ? 3 : (T ?? 0);
      const at = (t: number): number => (first ? b * (T ?? 0) + t : t * (m ?? 0) + b);
      const sequence = Array.from({ length }, (_, t) => {
        const row = Array.from(x.data.slice(at(t) * width, (at(t) + 1) * width), Number);
        return source === "features" ? row : (row[0] as number);
      });
      const got = runDescribed(description, sequence);
      got.forEach((row, t) => {
        const place = description.output === "steps" ? at(t) : b;
        row.forEach((value, j) => {
          const want = Number(y.data[place * ny + j]);
          expect(Math.abs(value - want)).toBeLessThan(1e-12 * Math.max(1, Math.abs(want)));
        });
      });
    }
  });
});

describe("the Shakespeare model as ONNX", () => {
  it("its weights and scores, every bit", async () => {
    const { model: bytes, vocabulary, text, reference } = shakespeare();
    const { tensors } = readSafetensors(bytes);
    const description = describeOnnx(languageModel(tensors));
    const { input, recurrent, dense, output } = description;
    expect(output).toBe("steps");
    expect(input).toMatchObject({ kind: "embedding", name: "embedding" });
    expect(recurrent[0]?.name).toBe("lstm");
    expect(recurrent[0]?.options).toMatchObject({ cell: "lstm", layers: 2, hiddenSize: 128 });
    expect(dense).toMatchObject([{ name: "decoder", activation: "identity" }]);
    const got = new Map<string, unknown>([
      ["embedding.weight", input.kind === "embedding" && input.weight],
      ["decoder.weight", dense[0]?.weight],
      ["decoder.bias", dense[0]?.bias],
      ...Object.entries(recurrent[0]?.weights ?? {}).map(
        ([name, value]) => [`lstm.${name}`, value] as const,
      ),
    ]);
    expect([...got.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { shape, data }] of tensors)
      expect(isDeepStrictEqual(got.get(name), { shape, data }), name).toBe(true);

    // The whole text against PyTorch, its first lines against the same model from safetensors.
    const [part, whole] = [text.slice(0, 1000), text];
    const model = await loadLanguageModel(engine, description, { vocabulary });
    const torch = await loadLanguageModel(engine, bytes, { vocabulary });
    expect(model.scoreSync([part])).toEqual(torch.scoreSync([part]));
    const [score] = model.scoreSync([whole]);
    expect(score?.tokens).toBe(reference.characters - 1);
    expect(Math.abs((score?.logProb ?? 0) - reference.total_log_prob)).toBeLessThan(1e-9);
    for (const made of [model, torch]) made.dispose();
  });
});

describe("what a chain may not hold is refused by the operator's name", () => {
  const [T, m, nx, na] = [4, 2, 3, 5];
  const zeros = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
  });
  const whole = (...values: number[]) => ({
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const initializers = {
    W: zeros(1, 4 * na, nx),
    R: zeros(1, 4 * na, na),
    W2: zeros(1, 4 * na, na),
    WW: zeros(2, 4 * na, nx),
    RR: zeros(2, 4 * na, na),
    V: zeros(na, 7),
    b: zeros(7),
    h: zeros(1, m, na),
    table: zeros(9, nx),
    one: whole(1),
    last: { shape: [], data: BigInt64Array.of(-1n) },
    first: { shape: [], data: BigInt64Array.of(0n) },
    shape: whole(0, -1),
    huge: whole(2 ** 20, 2 ** 20),
    minus: whole(-1),
    end: whole(9e15),
  };
  const lstm = (
    inputs: string[],
    extra: NodeSpec["attributes"] = {},
    outputs = ["Y"],
  ): NodeSpec => ({
    operator: "LSTM",
    inputs,
    outputs,
    attributes: { hidden_size: na, ...extra },
  });
  const of = (
    operator: string,
    inputs: string[],
    output: string,
    attributes: NodeSpec["attributes"] = {},
  ) => ({
    operator,
    inputs,
    outputs: [output],
    attributes,
  });
  const base = [lstm(["X", "W", "R"]), of("Squeeze", ["Y", "one"], "y")];
  const both = lstm(["X", "WW", "RR"], { direction: "bidirectional" });
  const states = lstm(["X", "WW", "RR"], { direction: "bidirectional" }, ["Y", "H"]);

  const rows: [what: string, nodes: readonly NodeSpec[], output: string, message: RegExp][] = [
    [
      "an operator of no chain",
      [...base, of("Sin", ["y"], "z")],
      "z",
      /operator Sin "z": it is not supported/,
    ],
    [
      "a foreign domain",
      [...base, { ...of("Relu", ["y"], "z"), domain: "com.x" }],
      "z",
      /operator com.x.Relu "z"/,
    ],
    [
      "a function above no linear layer",
      [...base, of("Relu", ["y"], "z")],
      "z",
      /operator Relu "z": /,
    ],
    [
      "a function twice",
      [...base, of("MatMul", ["y", "V"], "p"), of("Relu", ["p"], "q"), of("Tanh", ["q"], "z")],
      "z",
      /operator Tanh "z"/,
    ],
    [
      "a bias twice",
      [
        ...base,
        of("MatMul", ["y", "V"], "p"),
        of("Add", ["p", "b"], "q"),
        of("Add", ["q", "b"], "z"),
      ],
      "z",
      /operator Add "z"/,
    ],
    ["two flows added", [...base, of("Add", ["y", "y"], "z")], "z", /operator Add "z": /],
    ["a weight on the left", [...base, of("MatMul", ["V", "y"], "z")], "z", /operator MatMul "z"/],
    ["a weight of another size", [...base, of("MatMul", ["y", "table"], "z")], "z", /MatMul "z": /],
    [
      "an axis exchanged before a linear layer",
      [...base, of("Transpose", ["y"], "t", { perm: [2, 1, 0] }), of("MatMul", ["t", "V"], "z")],
      "z",
      /operator MatMul "z": /,
    ],
    [
      "directions in the wrong order",
      [
        both,
        of("Transpose", ["Y"], "t", { perm: [0, 2, 3, 1] }),
        of("Reshape", ["t", "s"], "u"),
        of("MatMul", ["u", "V"], "z"),
      ],
      "z",
      /operator MatMul "z": /,
    ],
    [
      "softmax along another axis",
      [...base, of("MatMul", ["y", "V"], "p"), of("Softmax", ["p"], "z", { axis: 0 })],
      "z",
      /operator Softmax "z": /,
    ],
    [
      "an attribute that is not known",
      [...base, of("Transpose", ["y"], "z", { perm: [1, 0, 2], mode: 1 })],
      "z",
      /operator Transpose "z": /,
    ],
    [
      "Gemm with a factor",
      [
        ...base,
        of("Gather", ["y", "last"], "l"),
        of("Gemm", ["l", "V", "b"], "z", { alpha: { float: 2 } }),
      ],
      "z",
      /operator Gemm "z": /,
    ],
    [
      "the first step of a forward layer",
      [...base, of("Gather", ["y", "first"], "z")],
      "z",
      /operator Gather "z": /,
    ],
    [
      "the last step of a reverse layer",
      [
        lstm(["X", "W", "R"], { direction: "reverse" }),
        of("Squeeze", ["Y", "one"], "y"),
        of("Gather", ["y", "last"], "z"),
      ],
      "z",
      /operator Gather "z": /,
    ],
    [
      "the last step of two directions",
      [both, of("Gather", ["Y", "last"], "z")],
      "z",
      /operator Gather "z": /,
    ],
    [
      "two steps",
      [...base, of("Slice", ["y", "one", "end", "first1"], "z")],
      "z",
      /operator Slice "z"/,
    ],
    ["one direction of two", [states, of("Gather", ["H", "last"], "z")], "z", /output "z": /],
    [
      "states the wrong way round",
      [
        states,
        of("Gather", ["H", "first"], "f"),
        of("Gather", ["H", "last"], "l"),
        of("Concat", ["l", "f"], "z", { axis: 1 }),
      ],
      "z",
      /operator Concat "z": /,
    ],
    [
      "an initial state",
      [lstm(["X", "W", "R", "", "", "h"]), of("Squeeze", ["Y", "one"], "z")],
      "z",
      /operator LSTM "Y": /,
    ],
    ["lengths in the file", [lstm(["X", "W", "R", "", "one"])], "Y", /operator LSTM "Y": /],
    [
      "a weight that is computed",
      [of("Sin", ["W"], "w"), lstm(["X", "w", "R"])],
      "Y",
      /operator Sin "w": /,
    ],
    ["a weight that is an input", [lstm(["X", "X", "R"])], "Y", /operator LSTM "Y": /],
    [
      "something between the layers",
      [...base, of("MatMul", ["y", "V"], "p"), { ...lstm(["p", "W2", "R"]), outputs: ["z"] }],
      "z",
      /operator LSTM "z": /,
    ],
    [
      "layers that read along other axes",
      [
        ...base,
        of("Transpose", ["y"], "t", { perm: [1, 0, 2] }),
        { ...lstm(["t", "W2", "R"]), outputs: ["z"] },
      ],
      "z",
      /operator LSTM "z": /,
    ],
    ["no recurrent layer", [of("Identity", ["X"], "z")], "z", /output "z": /],
    [
      "a value from nowhere",
      [lstm(["X", "W", "R", "nobody"])],
      "Y",
      /operator LSTM "Y": input "nobody": no node before this one computes it/,
    ],
    [
      "a value made later",
      [of("Identity", ["Y"], "x"), lstm(["x", "W", "R"])],
      "x",
      /operator Identity "x": input "Y": no node before this one computes it/,
    ],
    ["a value made twice", [...base, ...base], "y", /"Y" is made twice/],
  ];

  const build = (nodes: readonly NodeSpec[], output: string, more: Partial<ModelSpec> = {}) =>
    model({
      nodes,
      opset: 13,
      outputs: [[output, FLOAT]],
      inputs: [["X", FLOAT, [T, m, nx]]],
      initializers: { ...initializers, s: whole(0, 0, -1), first1: whole(0) },
      ...more,
    });

  it.each(rows)("%s", (_, nodes, output, message) => {
    const error = thrownBy(() => describeOnnx(build(nodes, output)));
    expectSaid(error, ModelFormatError, message);
    expect(["operator", "graph"]).toContain((error as ModelFormatError).code);
  });

  it("what is folded has a limit, too", () => {
    const nodes = [of("Expand", ["one", "huge"], "w"), lstm(["X", "w", "R"])];
    expect(() => describeOnnx(build(nodes, "Y"))).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });

  it("the output is the one that is asked for; unneeded nodes need not be understood", () => {
    const nodes = [...base, of("Sin", ["y"], "other")];
    const outputs = [["other", FLOAT] as const, ["y", FLOAT] as const];
    const file = build(nodes, "y", { outputs });
    expect(() => describeOnnx(file)).toThrow(/operator Sin "other"/);
    expect(describeOnnx(file, { output: "y" }).output).toBe("steps");
  });

  it("the last step of a layer that reads from the end is the first one", () => {
    const nodes = [
      lstm(["X", "W", "R"], { direction: "reverse" }),
      of("Squeeze", ["Y", "one"], "y"),
      of("Gather", ["y", "first"], "z"),
    ];
    const { output, recurrent } = describeOnnx(build(nodes, "z"));
    expect(output).toBe("last");
    expect(recurrent[0]?.options.reverse).toBe(true);
  });

  it("tokens choose rows of a table; a table for numbers is refused", () => {
    const nodes = [
      of("Gather", ["table", "X"], "e"),
      ...base.map((each) => ({
        ...each,
        inputs: each.inputs.map((name) => (name === "X" ? "e" : name)),
      })),
    ];
    const tokens = build(nodes, "y", { inputs: [["X", INT64, [T, m]]] });
    expect(describeOnnx(tokens).input).toMatchObject({ kind: "embedding", name: "table" });
    const numbers = build(nodes, "y", { inputs: [["X", FLOAT, [T, m]]] });
    expect(() => describeOnnx(numbers)).toThrow(/operator Gather "e": /);
  });
});
