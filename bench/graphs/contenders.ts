// What takes chunks in and gives probabilities: ours, onnxruntime, and the code of a package that people use.
import { createEngineSync, type Engine } from "recurra";
import { openGraph } from "recurra/onnx";
import { requireRival } from "../rivals/modules.js";
import {
  type OrtTensor,
  onnxruntime,
  type Runtime,
  type Tensors,
} from "../rivals/onnxruntime_session.js";
import { CHUNK, inputsOf, type Silero } from "./models.js";

/** Takes one chunk in and gives its probability; or one for each of `streams` streams. */
export interface Contender {
  readonly id: string;
  readonly title: string;
  readonly streams: number;
  push(chunk: Float32Array<ArrayBuffer>): number | Promise<number>;
}

const STREAMS = 64;

let engine: Engine | undefined;

const statesOf = ({ states }: Silero): Record<string, string> =>
  Object.fromEntries(Object.entries(states).map(([name, { output }]) => [name, output]));

function alone(model: Silero, precision: "f32" | "f64"): Contender {
  engine ??= createEngineSync();
  const graph = openGraph(engine, model.bytes, { precision, inputs: inputsOf(model) });
  const stream = graph.stream(statesOf(model));
  const shape = [1, model.context + CHUNK];
  const given = { input: { shape, data: new Float32Array(0) } };
  const into: ReturnType<typeof stream.push> = {};
  return {
    id: precision,
    title: `Recurra ${precision}`,
    streams: 1,
    push(chunk) {
      given.input.data = chunk;
      return Number(stream.push(given, into).output?.data[0]);
    },
  };
}

function together(model: Silero): Contender {
  engine ??= createEngineSync();
  const graph = openGraph(engine, model.bytes, { precision: "f32", inputs: inputsOf(model) });
  const streams = Array.from({ length: STREAMS }, () => graph.stream(statesOf(model)));
  const shape = [1, model.context + CHUNK];
  const given = streams.map(() => ({ input: { shape, data: new Float32Array(0) } }));
  const into: ReturnType<typeof graph.pushAll> = [];
  return {
    id: "pushAll",
    title: `Recurra f32, ${STREAMS} streams by pushAll`,
    streams: STREAMS,
    push(chunk) {
      for (const { input } of given) input.data = chunk;
      graph.pushAll(streams, given, into);
      return Number(into[STREAMS - 1]?.output?.data[0]);
    },
  };
}

async function runtime(model: Silero, name: Runtime): Promise<Contender> {
  const { Tensor, open } = onnxruntime(name);
  const session = await open(model.bytes);
  const feeds: Tensors = { sr: new Tensor("int64", BigInt64Array.of(16_000n), []) };
  const states = Object.entries(model.states);
  for (const [state, { shape }] of states) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    feeds[state] = new Tensor("float32", new Float32Array(size), shape);
  }
  return {
    id: name,
    title: name === "onnxruntime-node" ? "onnxruntime-node f32 (native)" : "onnxruntime-web f32",
    streams: 1,
    async push(chunk) {
      feeds.input = new Tensor("float32", chunk, [1, chunk.length]);
      const results = await session.run(feeds);
      for (const [state, { output }] of states) feeds[state] = results[output] as OrtTensor;
      return results.output?.data[0] as number;
    },
  };
}

/** The classes of @ricky0123/vad-web that run the model; they keep the samples before a chunk themselves. */
interface VadWeb {
  process(chunk: Float32Array): Promise<{ isSpeech: number }>;
}

type VadWebClass = {
  new: (ort: unknown, fetch: () => Promise<ArrayBuffer>) => Promise<VadWeb>;
};

async function vadWeb({ name, bytes, context }: Silero): Promise<Contender> {
  // It names no provider: in a browser there is wasm alone, but beside onnxruntime-node that one would be taken.
  const { Tensor, open } = onnxruntime("onnxruntime-web");
  const InferenceSession = { create: (file: ArrayBuffer) => open(new Uint8Array(file)) };
  const file = name === "v5" ? "silero" : "legacy";
  const classes: Record<string, VadWebClass> = requireRival(
    `@ricky0123/vad-web/dist/models/${file}.js`,
  );
  const used = classes[name === "v5" ? "Silero" : "SileroLegacy"] as VadWebClass;
  const vad = await used.new({ Tensor, InferenceSession }, async () => bytes.slice().buffer);
  return {
    id: "vad-web",
    title: "@ricky0123/vad-web's model code",
    streams: 1,
    async push(chunk) {
      const { isSpeech } = await vad.process(chunk.subarray(context));
      return isSpeech;
    },
  };
}

export const ours = (model: Silero): Contender[] => [
  alone(model, "f32"),
  alone(model, "f64"),
  together(model),
];

export const rivals = (model: Silero): Promise<Contender[]> =>
  Promise.all([
    runtime(model, "onnxruntime-node"),
    runtime(model, "onnxruntime-web"),
    vadWeb(model),
  ]);
