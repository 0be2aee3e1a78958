// Silero VAD: its versions, the recording, and the probabilities that are right.
import { readFileSync } from "node:fs";
import { requireRival } from "../rivals/modules.js";

const FIXTURES = "test/fixtures/silero-vad";

/** Samples of a chunk of 32 ms at 16 kHz. */
export const CHUNK = 512;
/** Milliseconds. */
export const CHUNK_TIME = 32;

type Shape = readonly number[];

/** One version of the model. */
export interface Silero {
  readonly name: "v5" | "v4";
  readonly bytes: Uint8Array;
  /** Samples before a chunk that the model looks at too. */
  readonly context: number;
  /** Its states: the shape of each, and the output that feeds it. */
  readonly states: Readonly<Record<string, { readonly output: string; readonly shape: Shape }>>;
  /** The probability of each chunk, by onnxruntime; absent where no onnxruntime is there to ask. */
  probabilities: readonly number[] | undefined;
}

function v5(): Silero {
  const reference = JSON.parse(readFileSync(`${FIXTURES}/reference.json`, "utf8"));
  return {
    name: "v5",
    bytes: new Uint8Array(readFileSync(`${FIXTURES}/silero_vad_v5.onnx`)),
    context: 64,
    states: { state: { output: "stateN", shape: [2, 1, 128] } },
    probabilities: reference.probabilities,
  };
}

/** The one that @ricky0123/vad-web ships. */
function v4(): Silero {
  const path = requireRival.resolve("@ricky0123/vad-web/dist/silero_vad_legacy.onnx");
  return {
    name: "v4",
    bytes: new Uint8Array(readFileSync(path)),
    context: 0,
    states: {
      h: { output: "hn", shape: [2, 1, 64] },
      c: { output: "cn", shape: [2, 1, 64] },
    },
    probabilities: undefined,
  };
}

/** The versions that can be had: v4 comes with the rivals. */
export const models = (rivals: boolean): Silero[] => (rivals ? [v5(), v4()] : [v5()]);

export const modelOf = (name: string): Silero => (name === "v4" ? v4() : v5());

/** What is known of the inputs at opening. */
export const inputsOf = ({ context, states }: Silero): Record<string, number | Shape> => ({
  sr: 16_000,
  input: [1, context + CHUNK],
  ...Object.fromEntries(Object.entries(states).map(([name, { shape }]) => [name, shape])),
});

/** The recording in chunks, each behind the samples before it: a 16-bit WAV file with a header of 44 bytes. */
export function chunksOf({ context }: Pick<Silero, "context">): Float32Array<ArrayBuffer>[] {
  const file = readFileSync(`${FIXTURES}/speech.wav`);
  const begin = file.indexOf("data") + 8;
  const count = Math.floor((file.length - begin) / (2 * CHUNK));
  const sample = (i: number): number => (i < 0 ? 0 : file.readInt16LE(begin + 2 * i) / 32768);
  return Array.from({ length: count }, (_, c) =>
    Float32Array.from({ length: context + CHUNK }, (_, i) => sample(CHUNK * c - context + i)),
  );
}
