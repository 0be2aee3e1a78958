import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FLOAT, INT64, model } from "../../test/formats/onnx/writer.js";
import { type Server, SettingsError } from "../src/index.js";
import type { Backend, HostTensor, ModelInfo, TensorInfo } from "../src/serving/backend.js";
import { selfTest } from "../src/serving/self_test.js";
import { checkModelSettings } from "../src/settings.js";
import { ENGLISH, post, server } from "./support/server.js";

const folder = mkdtempSync(join(tmpdir(), "recurra-self-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Weights whose products are infinite, though each of them is finite: a file with NaN is not even read. */
const HUGE = 1.7e308;

/** The shipped model, whose last weights are all `value` if one is given. */
function language(value?: number): Uint8Array {
  const { tensors, metadata } = readSafetensors(readFileSync(ENGLISH));
  const own = Object.fromEntries(tensors);
  const last = own["decoder.weight"];
  if (value !== undefined && last !== undefined) {
    const data = new Float64Array(last.data.length).fill(value);
    own["decoder.weight"] = { ...last, dtype: "F64", data };
  }
  return writeSafetensors(own, metadata);
}

/** A GRU of 3 inputs and 4 units with 2 outputs, whose last weights are all `value` if one is given. */
function tagger(value?: number): Uint8Array {
  const weights = (...shape: number[]) => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(3 * i)),
  });
  const last = weights(2, 4);
  if (value !== undefined) last.data.fill(value);
  return writeSafetensors({
    "gru.weight_ih_l0": weights(12, 3),
    "gru.weight_hh_l0": weights(12, 4),
    "out.weight": last,
    "out.bias": { shape: [2], data: new Float64Array(2).fill(value ?? 0) },
  });
}

/** y = x + w, of rows of 3 numbers; the output says that it has `told` of them. */
const graph = (value = 0.5, told = 3): Uint8Array =>
  model({
    nodes: [{ operator: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    inputs: [["x", FLOAT, [1, 3]]],
    outputs: [["y", FLOAT, [1, told]]],
    initializers: { w: { shape: [1, 3], data: Float32Array.of(1, value, 3) } },
  });

const SECRET = "an-administrator's-token";
const put = (url: string, name: string, body: Uint8Array): Promise<Response> =>
  fetch(`${url}/v1/models/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream", authorization: `Bearer ${SECRET}` },
    body: body as Uint8Array<ArrayBuffer>,
  });

describe("a new version that fails its test takes no request", () => {
  let one: Server;
  beforeAll(async () => {
    const file = (name: string, bytes: Uint8Array): { file: string } => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return { file: path };
    };
    one = await server({
      models: {
        scores: { file: ENGLISH },
        tags: file("tags.safetensors", tagger()),
        sums: file("sums.onnx", graph()),
      },
      workers: 1,
      allowUpload: true,
      adminToken: SECRET,
    });
  });

  const score = () => post(`${one.url}/v1/score`, { model: "scores", sequences: ["The ship"] });
  const tag = () => post(`${one.url}/v1/tag`, { model: "tags", sequences: [[[1, 2, 3]]] });
  const run = () =>
    post(`${one.url}/v2/models/sums/infer`, {
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }],
    });

  it.each([
    ["scores", language(HUGE), /the log-probability is (NaN|-Infinity)/, score],
    ["tags", tagger(HUGE), /values: expected finite numbers, got -?Infinity at \d/, tag],
    ["sums", graph(Number.NaN), /output y: expected finite numbers, got NaN at 1/, run],
    ["sums", graph(0.5, 4), /output y: expected shape \(1, 4\), got \(1, 3\)/, run],
  ])("%s: 422, and the version before it answers", async (name, bytes, said, ask) => {
    const response = await put(one.url, name, bytes);
    const { code, detail } = (await response.json()) as { code: string; detail: string };
    expect([response.status, code]).toEqual([422, "invalid-model"]);
    expect(detail).toMatch(new RegExp(`^${name}: self-test: `));
    expect(detail).toMatch(said);
    expect(one.registry.get(name).number).toBe(1);
    expect((await ask()).status).toBe(200);
  });

  it.each([
    ["scores", language(0.25)],
    ["tags", tagger(0.25)],
    ["sums", graph(0.25)],
  ])("%s: one that passes takes over", async (name, bytes) => {
    expect((await put(one.url, name, bytes)).status).toBe(200);
    expect(one.registry.get(name).number).toBe(2);
  });
});

describe("a graph with open extents", () => {
  /** y = x · w, where x has to have rows of 8 numbers, of which its file says nothing. */
  const product = (rows: number) =>
    model({
      nodes: [{ operator: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
      inputs: [["x", FLOAT, ["n", "k"]]],
      outputs: [["y", FLOAT, ["n", 2]]],
      initializers: { w: { shape: [rows, 2], data: new Float32Array(2 * rows).fill(0.5) } },
    });
  const start = async (bytes: Uint8Array, settings: object = {}) => {
    const file = join(folder, `${Math.random()}.onnx`);
    writeFileSync(file, bytes);
    return server({ models: { product: { file, ...settings } }, workers: 1 });
  };

  it("is tried with several, until it runs", async () => {
    expect((await start(product(8))).registry.get("product").number).toBe(1);
  });

  it("is refused if none of them fits, and the error says how to name them; named, it is served", async () => {
    await expect(start(product(7))).rejects.toThrow(
      /^product: self-test: .*: name the right ones in selfTest.shapes and selfTest.values of its settings\)$/s,
    );
    const selfTest = { shapes: { x: [2, 7] } };
    expect((await start(product(7), { selfTest })).registry.get("product").number).toBe(1);
  });

  it("names of inputs that it does not have are an error", async () => {
    await expect(start(product(8), { selfTest: { shapes: { z: [1] } } })).rejects.toThrow(
      /selfTest.shapes: expected x, got z/,
    );
  });

  it("an input that has to have a certain number gets it from the settings", async () => {
    // Row 1 of the two is not finite.
    const gather = model({
      nodes: [{ operator: "Gather", inputs: ["w", "row"], outputs: ["y"] }],
      inputs: [["row", INT64, [1]]],
      outputs: [["y", FLOAT, [1, 2]]],
      initializers: { w: { shape: [2, 2], data: Float32Array.of(1, 2, Number.NaN, 4) } },
    });
    await expect(start(gather)).rejects.toThrow(/output y: expected finite numbers, got NaN at 0/);
    const selfTest = { values: { row: 0 } };
    expect((await start(gather, { selfTest })).registry.get("product").number).toBe(1);
  });

  it("integers are 1, which is an id of every vocabulary", async () => {
    const gather = model({
      nodes: [{ operator: "Gather", inputs: ["w", "ids"], outputs: ["y"] }],
      inputs: [["ids", INT64, ["n"]]],
      outputs: [["y", FLOAT, ["n", 2]]],
      initializers: { w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
    });
    expect((await start(gather)).registry.get("product").number).toBe(1);
  });
});

/** A backend that answers as it is told, one answer after the other. */
function backendOf(info: Partial<ModelInfo>, answers: unknown[], streamed?: unknown): Backend {
  const next = async () => answers.shift();
  const known: ModelInfo = {
    kind: "language",
    inputs: [],
    outputs: [],
    precision: "f64",
    assumptions: [],
    vocabulary: undefined,
    tokens: 4,
    ...info,
  };
  const stream = { opened: Promise.resolve(), close: () => undefined };
  return {
    info: known,
    score: next,
    tag: next,
    run: next,
    readSteps: () => [0, 1, 2, 3],
    openStream: () => stream,
    pushAll: async () => [streamed],
  } as unknown as Backend;
}

describe("a model whose answers differ", () => {
  const score = (logProb: number, last = -1) => ({ logProb, tokenLogProbs: [0, last] });
  const y: TensorInfo = { name: "y", datatype: "FP32", shape: [1, -1] };
  const x: TensorInfo = { name: "x", datatype: "FP32", shape: [1, 2] };
  const tensor = (...data: number[]): HostTensor => ({
    shape: [1, data.length],
    data: Float32Array.from(data),
  });
  const VALUES: TensorInfo = { name: "values", datatype: "FP64", shape: [-1, 1] };
  const tags = { kind: "tagger", inputs: [{ ...x, name: "tokens" }], outputs: [VALUES] } as const;
  const tagged = (values: number[], classes = values) => ({
    values: { shape: [values.length, 1], data: values },
    classes,
  });
  const four = tagged([1, 2, 3, 4]);
  const stream = (values: number[]) => ({
    results: values.map((value) => Float64Array.of(value)),
    state: undefined,
  });

  it.each<[string, Partial<ModelInfo>, unknown[], unknown, RegExp | undefined]>([
    ["language, the same", {}, [[score(-1)], [0, score(-1)]], undefined, undefined],
    ["language, other bits", {}, [[score(-1)], [0, score(-1.1)]], undefined, /-1 at 0 at first/],
    ["language, -Infinity", {}, [[score(-Infinity)]], undefined, /is -Infinity/],
    ["language, one token", {}, [[score(-1, Number.NaN)]], undefined, /token log-prob.* NaN at 1/],
    ["language, an error", {}, [[new RangeError("no such id")]], undefined, /no such id/],
    ["tagger, the same", tags, [[four], [0, four]], stream([1, 2, 3, 4]), undefined],
    ["tagger, other bits", tags, [[four], [0, tagged([1, 2, 3, 5])]], undefined, /4 at 3 at first/],
    ["tagger, -0 for 0", tags, [[tagged([0])], [0, tagged([-0])]], undefined, /0 at 0 at first/],
    ["tagger, classes", tags, [[tagged([1, 2], [1])]], undefined, /classes: expected 2, got 1/],
    [
      "tagger, no rows",
      tags,
      [[tagged([])]],
      undefined,
      /expected shape \(rows, 1\), got \(0, 1\)/,
    ],
    [
      "tagger, no labels",
      { ...tags, labels: ["a", "b"] },
      [[four]],
      undefined,
      /labels: expected 4, got undefined/,
    ],
    [
      "tagger, other bits of a stream",
      tags,
      [[four], [0, four]],
      stream([1, 2, 3, 3]),
      /values of step 3 of a stream/,
    ],
    [
      "tagger, a stream of fewer steps",
      tags,
      [[four], [0, four]],
      stream([1, 2, 3]),
      /a stream of 4 steps gave 3 results/,
    ],
    [
      "graph, the same",
      { kind: "graph", inputs: [x], outputs: [y] },
      [
        { y: tensor(1, 2), state: tensor(3) },
        { y: tensor(1, 2), state: tensor(3) },
      ],
      { results: [{ y: tensor(1, 2) }] },
      undefined,
    ],
    [
      "graph, other bits",
      { kind: "graph", inputs: [x], outputs: [y] },
      [{ y: tensor(1, 2) }, { y: tensor(1, 3) }],
      undefined,
      /output y: 2 at 1 at first, then 3/,
    ],
    [
      "graph, other bits of a stream",
      { kind: "graph", inputs: [x], outputs: [y] },
      [{ y: tensor(1, 2) }, { y: tensor(1, 2) }],
      { results: [{ y: tensor(2, 2) }] },
      /output y of a stream/,
    ],
    [
      "graph, an output that is missing",
      { kind: "graph", inputs: [x], outputs: [y] },
      [{ z: tensor(1, 2) }],
      undefined,
      /output y: it is missing/,
    ],
  ])("%s", async (_, info, answers, streamed, said) => {
    const test = selfTest("name", backendOf(info, answers, streamed), { file: "x" });
    if (said === undefined) await expect(test).resolves.toBeUndefined();
    else {
      const error = await test.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "invalid-model", status: 422 });
      expect((error as Error).message).toMatch(said);
    }
  });

  it("settings of a test that the kind of model does not have are an error", async () => {
    const backend = backendOf(tags, []);
    const settings = { file: "x", selfTest: { logProb: -1 } };
    await expect(selfTest("name", backend, settings)).rejects.toThrow(
      "selfTest.logProb: expected sequence for a tagger",
    );
    expect(() => checkModelSettings("name", { file: "x", selfTest: { shape: {} } })).toThrow(
      SettingsError,
    );
  });
});
