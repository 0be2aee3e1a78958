import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openGraph } from "../../src/graph/graph.js";
import { createEngineSync } from "../../src/index.js";

const folder = new URL("../fixtures/silero-vad/", import.meta.url);
const model = readFileSync(new URL("silero_vad_v5.onnx", folder));
const reference = JSON.parse(readFileSync(new URL("reference.json", folder), "utf8"));

/** Samples of a 16-bit WAV file of one channel, in −1 … 1. */
function samples(): Float32Array {
  const file = readFileSync(new URL("speech.wav", folder));
  const data = file.indexOf("data") + 8;
  const count = (file.length - data) >> 1;
  return Float32Array.from({ length: count }, (_, i) => file.readInt16LE(data + 2 * i) / 32768);
}

test("probs", () => {
  const engine = createEngineSync();
  const t0 = performance.now();
  const graph = openGraph(engine, model, { inputs: { sr: 16000n, input: [1, 576], state: [2, 1, 128] } });
  console.log("open", performance.now() - t0);
  const stream = graph.stream({ state: "stateN" });
  const audio = samples();
  const window = new Float32Array(576);
  const out: number[] = [];
  for (let i = 0; i + 512 <= audio.length; i += 512) {
    window.copyWithin(0, 512);
    window.set(audio.subarray(i, i + 512), 64);
    out.push(stream.push({ input: window }).output!.data[0] as number);
  }
  const worst = Math.max(...reference.probabilities.map((p: number, i: number) => Math.abs(p - out[i]!)));
  console.log(out.length, reference.probabilities.length, worst);
  for (let k = 0; k < 3; k++) {
    const t1 = performance.now();
    for (let i = 0; i < 2000; i++) stream.push({ input: window });
    console.log("µs", (performance.now() - t1) / 2);
  }
  expect(worst).toBeLessThan(1e-4);
});
