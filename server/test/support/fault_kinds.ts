import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, loadLanguageModel, loadTagger } from "recurra";
import { openGraph } from "recurra/onnx";
import { writeSafetensors } from "recurra/safetensors";
import { ENGLISH } from "./server.js";

const SILERO = fileURLToPath(
  new URL("../../../test/fixtures/silero-vad/silero_vad_v5.onnx", import.meta.url),
);
const VAD = { inputs: { sr: 16000, input: [1, 576], state: [2, 1, 128] } };
const TAGS = { classes: ["no", "yes"] };
const STATES = { state: "stateN" };

export const TEXT =
  "We waited all day for the last train, and it did not come. The ship came home at night.";

/** What a server answers, as far as these tests read it. */
export interface Answer {
  readonly id: string;
  readonly code: string;
  readonly position: number;
  readonly state: string;
  readonly logProbs?: readonly number[];
  readonly values?: readonly (readonly number[])[];
  readonly outputs: readonly { readonly data: readonly number[]; readonly output: number[] }[];
  readonly results: readonly {
    readonly logProb?: number;
    readonly values?: readonly (readonly number[])[];
    readonly error?: { readonly code: string };
  }[];
}

/** A kind of model under test: what a stream and a request are given, and what the library says to it. */
export interface FaultKind {
  readonly model: string;
  /** The bodies of the pushes that a stream is given, in order. */
  readonly steps: readonly object[];
  /** What the library answers to each of them. */
  readonly wanted: readonly unknown[];
  /** The bytes of the state after all of them. */
  readonly state: Uint8Array;
  /** A request that belongs to no stream, and what the library answers to it. */
  readonly request: { readonly path: string; readonly body: object; readonly wanted: unknown };
  /** The answer to a push of one step. */
  pushed(answer: Answer): unknown;
  /** The answer to a request, or the code of the error in its place. */
  answered(answer: Answer): { readonly value?: unknown; readonly error?: string | undefined };
}

/** A folder of three models, as a server watches one. */
export function modelFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "recurra-faults-"));
  const weights = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) =>
      Math.sin(3 * i + shape.length),
    ),
  });
  const tensors = {
    "gru.weight_ih_l0": weights(12, 3),
    "gru.weight_hh_l0": weights(12, 4),
    "out.weight": weights(2, 4),
  };
  cpSync(ENGLISH, join(folder, "english.safetensors"));
  writeFileSync(join(folder, "tags.safetensors"), writeSafetensors(tensors));
  writeFileSync(join(folder, "tags.settings.json"), JSON.stringify(TAGS));
  cpSync(SILERO, join(folder, "vad.onnx"));
  writeFileSync(join(folder, "vad.settings.json"), JSON.stringify(VAD));
  return folder;
}

/** The three models of the folder, by the library. */
export async function faultKinds(folder: string): Promise<FaultKind[]> {
  const engine = await createEngine();
  const file = (name: string) => readFileSync(join(folder, name));
  const model = await loadLanguageModel(engine, file("english.safetensors"));
  const tagger = await loadTagger(engine, file("tags.safetensors"), TAGS);
  const graph = openGraph(engine, file("vad.onnx"), VAD);

  const letters = [...TEXT];
  const english = model.stream();
  const rows = Array.from({ length: 60 }, (_, t) => [Math.cos(t), t / 50, -0.25 * (t % 7)]);
  const tags = tagger.stream();
  const audio = Array.from({ length: 30 }, (_, k) =>
    Float32Array.from({ length: 576 }, (_, i) => Math.sin((i * (k + 3)) / 40) / 2),
  );
  const vad = graph.stream(STATES);
  const all = { shape: [rows.length, 3], data: Float64Array.from(rows.flat()) };
  const data = [...(audio[0] as Float32Array)];
  const hear = (samples: Float32Array) => [...(vad.push({ input: samples }).output?.data ?? [])];
  const tagRows = rows.map((row) => [...tags.push(row).values]);
  const heard = audio.map(hear);
  return [
    {
      model: "english",
      steps: letters.map((text) => ({ text })),
      wanted: letters.map((letter) => english.push(letter)),
      state: english.state.toBytes(),
      request: {
        path: "/v1/score",
        body: { model: "english", sequences: [TEXT] },
        wanted: model.scoreSync([TEXT])[0]?.logProb,
      },
      pushed: ({ logProbs }) => logProbs?.[0],
      answered: ({ results: [result] }) => ({ value: result?.logProb, error: result?.error?.code }),
    },
    {
      model: "tags",
      steps: rows.map((row) => ({ rows: [row] })),
      wanted: tagRows,
      state: tags.state.toBytes(),
      request: {
        path: "/v1/tag",
        body: { model: "tags", sequences: [rows] },
        wanted: rowsOf(tagger.tagSync([all])[0]?.values.data ?? [], 2),
      },
      pushed: ({ values }) => values?.[0],
      answered: ({ results: [result] }) => ({ value: result?.values, error: result?.error?.code }),
    },
    {
      model: "vad",
      steps: audio.map((samples) => ({ inputs: [{ input: [...samples] }] })),
      wanted: heard,
      state: vad.state.toBytes(),
      request: {
        path: "/v2/models/vad/infer",
        body: { inputs: [{ name: "input", datatype: "FP32", shape: [1, 576], data }] },
        wanted: heard[0],
      },
      pushed: ({ outputs }) => outputs[0]?.output,
      answered: ({ outputs }) => ({ value: outputs[0]?.data }),
    },
  ];
}

const rowsOf = (data: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, t) =>
    Array.from({ length: width }, (_, i) => data[t * width + i] as number),
  );
