import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, loadTagger, type Tagger } from "recurra";
import { type Graph, openGraph } from "recurra/onnx";
import { writeSafetensors } from "recurra/safetensors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Server } from "../src/index.js";
import { post, server } from "./support/server.js";

const SILERO = fileURLToPath(
  new URL("../../test/fixtures/silero-vad/silero_vad_v5.onnx", import.meta.url),
);
const SHAPES = { sr: 16000, input: [1, 576], state: [2, 1, 128] };
const folder = mkdtempSync(join(tmpdir(), "recurra-kinds-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A GRU of 3 inputs and 4 units, and a linear layer of 2 outputs; weights that differ. */
function taggerFile(): string {
  const weights = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) =>
      Math.sin(3 * i + shape.length),
    ),
  });
  const path = join(folder, "tagger.safetensors");
  const tensors = {
    "gru.weight_ih_l0": weights(12, 3),
    "gru.weight_hh_l0": weights(12, 4),
    "out.weight": weights(2, 4),
  };
  writeFileSync(path, writeSafetensors(tensors));
  return path;
}

let one: Server;
let tagger: Tagger;
let graph: Graph;

beforeAll(async () => {
  const file = taggerFile();
  const classes = ["no", "yes"];
  one = await server({
    models: {
      tags: { file, classes },
      vad: { file: SILERO, inputs: SHAPES },
      // The rate comes with each step.
      rates: {
        file: SILERO,
        inputs: { input: [1, 576], state: [2, 1, 128] },
        selfTest: { values: { sr: 16000 } },
      },
    },
  });
  const engine = await createEngine();
  tagger = await loadTagger(engine, readFileSync(file), { classes });
  graph = openGraph(engine, readFileSync(SILERO), { inputs: SHAPES });
});

const call = async <R>(path: string, body: unknown): Promise<R> => {
  const response = await post(`${one.url}${path}`, body);
  const answer = await response.json();
  expect(response.status, JSON.stringify(answer)).toBeLessThan(300);
  return answer as R;
};
const ROWS = Array.from({ length: 7 }, (_, t) => [Math.cos(t), t / 5, -0.25 * t]);
const rowsOf = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }) =>
  Array.from({ length: shape[0] ?? 0 }, (_, t) =>
    Array.from({ length: shape[1] ?? 0 }, (_, i) => data[t * (shape[1] ?? 0) + i]),
  );
const wanted = () => {
  const [tagged] = tagger.tagSync([{ shape: [7, 3], data: Float64Array.from(ROWS.flat()) }]);
  if (tagged === undefined) throw new Error("no result");
  return { values: rowsOf(tagged.values), classes: [...tagged.classes], labels: tagged.labels };
};
interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: number[];
}

it("more sequences and runs than a queue may hold: 503, and the others are answered", async () => {
  const file = taggerFile();
  const small = await server({
    models: { tags: { file }, vad: { file: SILERO, inputs: SHAPES } },
    ...{ maxQueue: 4, workers: 1, maxLoopDelay: 0 },
  });
  const sequences = Array.from({ length: 3 }, () => Array.from({ length: 400 }, () => [1, 2, 3]));
  const input = { name: "input", datatype: "FP32", shape: [1, 576], data: new Array(576).fill(0) };
  for (const [path, body] of [
    ["/v1/tag", { model: "tags", sequences }],
    ["/v2/models/vad/infer", { inputs: [input] }],
  ] as const) {
    const calls = Array.from({ length: 12 }, () => post(`${small.url}${path}`, body));
    const answers = await Promise.all(calls);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length, path).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200).length, path).toBe(12 - refused.length);
    for (const each of refused) {
      expect(each.headers.get("retry-after"), path).toBe("1");
      expect(await each.json(), path).toMatchObject({ code: "overloaded" });
    }
  }
});

describe("a tagger", () => {
  it("POST /v1/tag gives the bits of the library, and puts the error of a sequence in its place", async () => {
    const { results } = await call<{ results: object[] }>("/v1/tag", {
      model: "tags",
      sequences: [ROWS, [[1, 2]], ROWS.slice(0, 2)],
    });
    const { values, classes, labels } = wanted();
    expect(results[0]).toEqual({ values, classes, labels });
    expect(results[1]).toMatchObject({ error: { code: expect.stringMatching(/^invalid-/) } });
    expect(results[2]).toEqual({
      values: values.slice(0, 2),
      classes: classes.slice(0, 2),
      labels: labels?.slice(0, 2),
    });
  });

  it("a text among sequences of rows is told what the tagger reads, in its place", async () => {
    const { results } = await call<{ results: object[] }>("/v1/tag", {
      model: "tags",
      sequences: [ROWS, "abc", ROWS],
    });
    const detail = "the tagger reads a list of rows of 3 numbers";
    expect(results[1]).toMatchObject({ error: { code: "invalid-sequence", message: detail } });
    expect(results[0]).toEqual(wanted());
    expect(results[2]).toEqual(wanted());
  });

  it("a stream gives the bits of the whole sequence, forks, and begins in a state", async () => {
    const { id } = await call<{ id: string }>("/v1/streams", { model: "tags" });
    const first = await call<{ values: number[][]; position: number }>(`/v1/streams/${id}/push`, {
      rows: ROWS.slice(0, 3),
    });
    const fork = await call<{ id: string }>(`/v1/streams/${id}/fork`, {});
    const { state, position } = (await (
      await fetch(`${one.url}/v1/streams/${id}/state`)
    ).json()) as { state: string; position: number };
    const third = await call<{ id: string }>("/v1/streams", { model: "tags", state, position });
    for (const each of [id, fork.id, third.id]) {
      const rest = await call<{ values: number[][]; position: number }>(
        `/v1/streams/${each}/push`,
        { rows: ROWS.slice(3) },
      );
      expect([...first.values, ...rest.values]).toEqual(wanted().values);
      expect(rest.position).toBe(7);
    }
  });

  it("speaks the inference protocol, with and without a sequence", async () => {
    const input = (rows: number[][]) => ({
      name: "input",
      datatype: "FP64",
      shape: [rows.length, 3],
      data: rows,
    });
    const { outputs } = await call<{ outputs: Output[] }>("/v2/models/tags/infer", {
      inputs: [input(ROWS)],
    });
    const { values, classes, labels } = wanted();
    expect(outputs).toEqual([
      { name: "values", datatype: "FP64", shape: [7, 2], data: values.flat() },
      { name: "classes", datatype: "INT64", shape: [7], data: classes },
      { name: "labels", datatype: "BYTES", shape: [7], data: labels },
    ]);
    const step = (rows: number[][], parameters: object) =>
      call<{ outputs: Output[] }>("/v2/models/tags/infer", {
        inputs: [input(rows)],
        parameters: { sequence_id: 3, ...parameters },
      });
    const parts = [
      await step(ROWS.slice(0, 4), { sequence_start: true }),
      await step(ROWS.slice(4), { sequence_end: true }),
    ];
    expect(parts.flatMap((part) => part.outputs[0]?.data)).toEqual(values.flat());
    expect(parts.flatMap((part) => part.outputs[2]?.data)).toEqual(labels);
  });

  it.each([
    ["rows of another width", { rows: [[1, 2]] }, "invalid-sequence"],
    ["a text", { text: "abc" }, "invalid-request"],
  ])("%s: 400, and nothing is read", async (_, steps, code) => {
    const { id } = await call<{ id: string }>("/v1/streams", { model: "tags" });
    const response = await post(`${one.url}/v1/streams/${id}/push`, steps);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      code,
    ]);
    expect(await (await fetch(`${one.url}/v1/streams/${id}`)).json()).toMatchObject({
      position: 0,
    });
  });

  it("does not score", async () => {
    const response = await post(`${one.url}/v1/score`, { model: "tags", sequences: ["a"] });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      501,
      "not-supported",
    ]);
  });
});

/** 576 samples of a tone that changes. */
const audio = (k: number) =>
  Float32Array.from({ length: 576 }, (_, i) => Math.sin((i * (k + 3)) / 40) / 2);
/** What the library hears in the pieces. */
function probabilities(n: number): number[] {
  const stream = graph.stream({ state: "stateN" });
  return Array.from(
    { length: n },
    (_, k) => (stream.push({ input: audio(k) }).output?.data[0] as number) ?? Number.NaN,
  );
}

describe("an ONNX graph: Silero VAD", () => {
  it("tells its inputs and outputs, without the state that the server keeps", async () => {
    const metadata = await (await fetch(`${one.url}/v2/models/vad`)).json();
    expect(metadata).toMatchObject({
      platform: "recurra_graph",
      inputs: [{ name: "input", datatype: "FP32", shape: [1, 576] }],
      outputs: [{ name: "output", datatype: "FP32" }],
    });
  });

  it("audio in, probability out: the server keeps the state of each sequence", async () => {
    const step = (id: number, k: number, parameters: object = {}) =>
      call<{ outputs: Output[] }>("/v2/models/vad/infer", {
        inputs: [{ name: "input", datatype: "FP32", shape: [1, 576], data: [...audio(k)] }],
        parameters: { sequence_id: id, ...parameters },
      });
    const heard: number[][] = [[], []];
    for (let k = 0; k < 4; k++) {
      for (const id of [1, 2]) {
        const { outputs } = await step(id, id === 1 ? k : 0, {
          sequence_start: k === 0,
          sequence_end: k === 3,
        });
        expect(outputs.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
          ["output", "FP32", [1, 1]],
        ]);
        heard[id - 1]?.push(outputs[0]?.data[0] ?? Number.NaN);
      }
    }
    expect(heard[0]).toEqual(probabilities(4));
    expect(heard[1]?.[0]).toBe(probabilities(1)[0]);
    expect(heard[1]?.[3]).not.toBe(heard[1]?.[0]);
  });

  it("takes audio as bytes", async () => {
    const bytes = Buffer.from(audio(0).buffer);
    const json = Buffer.from(
      JSON.stringify({
        inputs: [
          {
            name: "input",
            datatype: "FP32",
            shape: [1, 576],
            parameters: { binary_data_size: bytes.length },
          },
        ],
      }),
    );
    const response = await fetch(`${one.url}/v2/models/vad/infer`, {
      method: "POST",
      headers: {
        "content-type": "application/octet-stream",
        "Inference-Header-Content-Length": String(json.length),
      },
      body: Buffer.concat([json, bytes]),
    });
    const { outputs } = (await response.json()) as { outputs: Output[] };
    expect(outputs[0]?.data).toEqual(probabilities(1));
  });

  it("hears 20 streams of audio by frames of a WebSocket, with the bits of each alone", async () => {
    const socket = new WebSocket(`${one.url.replace("http", "ws")}/v1/live`);
    const messages: { data: Buffer; isBinary: boolean }[] = [];
    let wake = (): void => undefined;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      messages.push({ data, isBinary });
      wake();
    });
    const next = async () => {
      while (messages.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return messages.shift() as { data: Buffer; isBinary: boolean };
    };
    await new Promise((resolve) => socket.once("open", resolve));
    const n = 20;
    for (let stream = 0; stream < n; stream++)
      socket.send(JSON.stringify({ type: "open", stream, model: "vad" }));
    for (let i = 0; i < n; i++)
      expect(JSON.parse((await next()).data.toString()).type).toBe("opened");
    const heard: number[][] = Array.from({ length: n }, () => []);
    for (let k = 0; k < 3; k++) {
      const frame = Buffer.alloc(16 + 4 * n * 577);
      frame.writeUInt8(2, 0);
      frame.writeUInt16LE(576, 2);
      frame.writeUInt32LE(k, 4);
      frame.writeUInt32LE(n, 8);
      for (let i = 0; i < n; i++) {
        frame.writeUInt32LE(i, 16 + 4 * i);
        audio(k + (i % 2)).forEach((sample, at) => {
          frame.writeFloatLE(sample, 16 + 4 * n + 4 * (576 * i + at));
        });
      }
      socket.send(frame);
      const { data, isBinary } = await next();
      expect([isBinary, data.readUInt8(0), data.readUInt16LE(2), data.readUInt32LE(12)]).toEqual([
        true,
        129,
        1,
        0,
      ]);
      for (let i = 0; i < n; i++) heard[i]?.push(data.readDoubleLE(16 + 4 * n + 8 * i));
    }
    socket.terminate();
    const even = probabilities(3);
    expect(heard.filter((_, i) => i % 2 === 0)).toEqual(Array(n / 2).fill(even));
    expect(heard[1]).not.toEqual(even);
    expect(heard.filter((_, i) => i % 2 === 1)).toEqual(Array(n / 2).fill(heard[1]));
  });

  it("a rate that is no integer, in the second of two steps: 400, and nothing is read", async () => {
    const { id } = await call<{ id: string }>("/v1/streams", { model: "rates" });
    const [first, second] = [16000, 16000.5].map((sr) => ({ input: [...audio(0)], sr: [sr] }));
    const push = (inputs: unknown[]) => post(`${one.url}/v1/streams/${id}/push`, { inputs });
    const refused = await push([first, second]);
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: "invalid-tensor" }]);
    const pushed = await (await push([first])).json();
    expect(pushed).toMatchObject({ position: 1, outputs: [{ output: probabilities(1) }] });
  });

  it.each([
    ["another shape", [{ name: "input", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] }]],
    ["another name", [{ name: "audio", datatype: "FP32", shape: [1], data: [1] }]],
    ["a text", [{ name: "input", datatype: "BYTES", shape: [1], data: ["a"] }]],
  ])("%s: 400, with and without a sequence", async (_, inputs) => {
    for (const parameters of [{}, { sequence_id: 77, sequence_start: true }]) {
      const response = await post(`${one.url}/v2/models/vad/infer`, { inputs, parameters });
      expect(response.status, JSON.stringify(await response.json())).toBe(400);
    }
  });
});
