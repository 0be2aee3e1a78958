import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

// Silero VAD v5 (MIT) and what onnxruntime makes of a recording: test/fixtures/silero-vad.

const folder = new URL("../fixtures/silero-vad/", import.meta.url);

export const model = new Uint8Array(readFileSync(new URL("silero_vad_v5.onnx", folder)));

export const reference: {
  probabilities: number[];
  state: number[];
  context: number;
  window: number;
} = JSON.parse(readFileSync(new URL("reference.json", folder), "utf8"));

/** 15.6 s of read speech, 16 kHz. */
export const speech = new Uint8Array(readFileSync(new URL("speech.wav", folder)));

/** The samples of a 16-bit WAV file of one channel, in −1 … 1. */
function samples(): Float32Array {
  const file = readFileSync(new URL("speech.wav", folder));
  const data = file.indexOf("data") + 8;
  const count = (file.length - data) >> 1;
  return Float32Array.from({ length: count }, (_, i) => file.readInt16LE(data + 2 * i) / 32768);
}

/** What the model is given: 512 samples behind the 64 before them. */
export function windows(): Float32Array[] {
  const { context, window } = reference;
  const audio = samples();
  const padded = new Float32Array(context + audio.length);
  padded.set(audio, context);
  const count = Math.floor(audio.length / window);
  return Array.from({ length: count }, (_, i) =>
    padded.slice(i * window, (i + 1) * window + context),
  );
}

export const hashOf = (numbers: Float32Array | Float64Array): string =>
  createHash("sha256").update(new Uint8Array(numbers.buffer)).digest("hex").slice(0, 16);

export const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
