import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createEngine } from "recurra";
import { openGraph } from "recurra/onnx";
import { picture } from "./picture.js";
import { CHUNK, createVoiceActivity, INPUTS, type Segment } from "./voice_activity.js";
import { readWav } from "./wav.js";

const MODEL = "test/fixtures/silero-vad/silero_vad_v5.onnx";
const SPEECH = "test/fixtures/silero-vad/speech.wav";

const HELP = `Finds speech in a recording, with Silero VAD v5 or v6.

  npm run vad                            a recording that the repository brings
  npm run vad -- speech.wav              yours: 16-bit PCM at 16 kHz
  npm run vad -- speech.wav --model M    with a model of yours (silero_vad.onnx, v5 or v6)`;

async function run(file: string, model: string): Promise<void> {
  const samples = readWav(readFileSync(file));
  using engine = await createEngine();
  using graph = openGraph(engine, readFileSync(model), { inputs: INPUTS });
  const detector = createVoiceActivity(graph);
  const segments: Segment[] = [];
  const probabilities: number[] = [];
  const begin = performance.now();
  for (let at = 0; at + CHUNK <= samples.length; at += CHUNK) {
    const segment = detector.push(samples.subarray(at, at + CHUNK));
    if (segment !== undefined) segments.push(segment);
    probabilities.push(detector.probability);
  }
  const last = detector.finish();
  if (last !== undefined) segments.push(last);
  const spent = (performance.now() - begin) / 1000;
  console.log(`${picture(samples, probabilities, segments)}\n`);
  console.log("start    end      seconds  mean probability");
  for (const { start, end, probability } of segments) {
    const cells = [start, end, end - start].map((value) => value.toFixed(2).padEnd(8));
    console.log(`${cells.join(" ")} ${probability.toFixed(3)}`);
  }
  const length = samples.length / 16_000;
  const factor = Math.round(length / spent);
  console.log(
    `\n${length.toFixed(1)} s of sound in ${(spent * 1000).toFixed(0)} ms: ${factor} times as fast as it is spoken.`,
  );
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: "string", default: MODEL },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  else await run(positionals[0] ?? SPEECH, values.model);
} catch (error) {
  console.error(`vad: ${(error as Error).message}\n\n${HELP}`);
  process.exitCode = 1;
}
