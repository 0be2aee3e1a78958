import { spawnSync } from "node:child_process";
import { createEngineSync } from "recurra";
import { openGraph } from "recurra/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { createVoiceActivity, pushMany, type Segment } from "../../examples/vad/voice_activity.js";
import { readWav } from "../../examples/vad/wav.js";
import { model, reference, speech } from "../graph/silero.js";
import { root } from "../support/project.js";

const engine = createEngineSync();
afterAll(() => engine.dispose());
const inputs = { sr: 16000, input: [1, 576], state: [2, 1, 128] };
const open = () => openGraph(engine, model, { inputs });
const samples = readWav(speech);
const chunk = (i: number) => samples.subarray(512 * i, 512 * (i + 1));

const vad = (...options: string[]) =>
  spawnSync(process.execPath, ["scripts/example.mjs", "vad", ...options], {
    cwd: root,
    encoding: "utf8",
  });

describe("voice activity", () => {
  it("the segments are those of onnxruntime's probabilities", () => {
    const [ours, theirs] = [createVoiceActivity(open()), createVoiceActivity(open())];
    const found: Record<"ours" | "theirs", Segment[]> = { ours: [], theirs: [] };
    reference.probabilities.forEach((probability, i) => {
      const [a, b] = [
        ours.push(chunk(i)),
        theirs.take({ output: { shape: [1, 1], data: Float64Array.of(probability) } }),
      ];
      if (a) found.ours.push(a);
      if (b) found.theirs.push(b);
    });
    const times = ({ start, end }: Segment) => [start, end];
    expect(found.ours.map(times)).toEqual(found.theirs.map(times));
    expect(found.ours.length).toBe(2);
    expect([ours.finish(), theirs.finish()]).toEqual([undefined, undefined]);
  });

  it("1,000 streams together: each has the probabilities that it has alone", () => {
    const graph = open();
    const detectors = Array.from({ length: 1000 }, () => createVoiceActivity(graph));
    // Four recordings, so that four alone are compared with all.
    const alone = Array.from({ length: 4 }, () => createVoiceActivity(graph));
    for (let i = 0; i < 20; i++) {
      const parts = alone.map((_, s) => chunk(30 + 40 * s + i));
      for (const [s, detector] of alone.entries()) detector.push(parts[s] as Float32Array);
      pushMany(
        graph,
        detectors,
        detectors.map((_, d) => parts[d % 4] as Float32Array),
      );
      const wrong = detectors.findIndex(
        ({ probability }, d) => probability !== alone[d % 4]?.probability,
      );
      expect(wrong).toBe(-1);
    }
    for (const detector of [...detectors, ...alone]) detector.finish();
    graph.dispose();
  });
});

describe("npm run vad", () => {
  it("prints a picture and the segments", () => {
    const { status, stdout } = vad();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^sound {3}[ ▁-█]{72}\nspeech {2}[ ▁-█]{72}$/m);
    const rows = [...stdout.matchAll(/^(\d+\.\d\d) +(\d+\.\d\d) +(\d+\.\d\d) +(\d\.\d{3})$/gm)];
    expect(rows.map(([, start, end]) => [start, end])).toEqual([
      ["1.22", "7.87"],
      ["9.57", "14.43"],
    ]);
  });

  it.each([
    ["no file", ["nothing.wav"], /^vad: ENOENT/],
    ["no WAV file", ["package.json"], /^vad: no WAV file/],
    ["no model", ["--model", "package.json"], /^vad: openGraph: expected an ONNX model/],
    ["an unknown option", ["--speed"], /^vad: Unknown option '--speed'/],
  ])("%s: a message, the help and status 1", (_, options, message) => {
    const { status, stderr } = vad(...options);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/npm run vad -- speech.wav/);
  });
});
