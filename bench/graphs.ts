import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { pathToFileURL } from "node:url";
import { createEngineSync, type Engine } from "recurra";
import { openGraph } from "recurra/onnx";
import { requireRival } from "./rivals/modules.js";
import { summarize } from "./timing/statistics.js";

// npm run bench:graphs: Silero VAD v5 at 16 kHz, one chunk of 32 ms, one thread. Contenders take turns in one process; one whose
// probabilities differ from the reference by more than 1e-4 is not timed. Rivals: npm ci --ignore-scripts in bench/rivals.

const FIXTURES = "test/fixtures/silero-vad";
const ROUNDS = 60;
const CHUNKS = 192;
const STREAMS = 64;
const SIZE = 576;

/** Takes one chunk in and gives its probability; or one for each of `streams` streams. */
interface Contender {
  readonly name: string;
  readonly streams: number;
  push(chunk: Float32Array<ArrayBuffer>): number | Promise<number>;
}

const model = new Uint8Array(readFileSync(`${FIXTURES}/silero_vad_v5.onnx`));
const inputs = { sr: 16_000, input: [1, SIZE], state: [2, 1, 128] };

function alone(engine: Engine, precision: "f32" | "f64"): Contender {
  const stream = openGraph(engine, model, { precision, inputs }).stream({ state: "stateN" });
  const given = { input: { shape: [1, SIZE], data: new Float32Array(SIZE) } };
  const into: ReturnType<typeof stream.push> = {};
  return {
    name: `recurra ${precision}`,
    streams: 1,
    push(chunk) {
      given.input.data = chunk;
      return Number(stream.push(given, into).output?.data[0]);
    },
  };
}

function together(engine: Engine): Contender {
  const graph = openGraph(engine, model, { inputs });
  const streams = Array.from({ length: STREAMS }, () => graph.stream({ state: "stateN" }));
  const given = streams.map(() => ({ input: { shape: [1, SIZE], data: new Float32Array(SIZE) } }));
  const into: ReturnType<typeof graph.pushAll> = [];
  return {
    name: `recurra f32, ${STREAMS} streams`,
    streams: STREAMS,
    push(chunk) {
      for (const { input } of given) input.data = chunk;
      graph.pushAll(streams, given, into);
      return Number(into[STREAMS - 1]?.output?.data[0]);
    },
  };
}

/** What is used of onnxruntime, which need not be installed. */
interface Runtime {
  env: { wasm: { numThreads: number } };
  Tensor: new (
    type: string,
    data: Float32Array | BigInt64Array,
    shape: number[],
  ) => { data: Float32Array };
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
    }>;
  };
}

async function rival(name: "onnxruntime-node" | "onnxruntime-web"): Promise<Contender> {
  const loaded = await import(pathToFileURL(requireRival.resolve(name)).href);
  const runtime: Runtime = loaded.InferenceSession ? loaded : loaded.default;
  const isWeb = name === "onnxruntime-web";
  if (isWeb) runtime.env.wasm.numThreads = 1;
  const one = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" };
  const session = await runtime.InferenceSession.create(
    model,
    isWeb ? { executionProviders: ["wasm"] } : one,
  );
  const { Tensor } = runtime;
  let state: unknown = new Tensor("float32", new Float32Array(256), [2, 1, 128]);
  const sr = new Tensor("int64", BigInt64Array.of(16000n), []);
  return {
    name,
    streams: 1,
    async push(chunk) {
      const { output, stateN } = await session.run({
        input: new Tensor("float32", chunk, [1, SIZE]),
        state,
        sr,
      });
      state = stateN;
      return output?.data[0] as number;
    },
  };
}

/** 512 samples behind the 64 before them, from a 16-bit WAV file with a header of 44 bytes. */
function chunks(): Float32Array<ArrayBuffer>[] {
  const file = readFileSync(`${FIXTURES}/speech.wav`);
  const begin = file.indexOf("data") + 8;
  const count = Math.floor((file.length - begin) / 1024);
  const sample = (i: number): number => (i < 0 ? 0 : file.readInt16LE(begin + 2 * i) / 32768);
  return Array.from({ length: count }, (_, c) =>
    Float32Array.from({ length: SIZE }, (_, i) => sample(512 * c - 64 + i)),
  );
}

const all = chunks();
const reference: number[] = JSON.parse(
  readFileSync(`${FIXTURES}/reference.json`, "utf8"),
).probabilities;

/** Whether a contender has the reference's probabilities. Warms it, too. */
async function isRight({ name, push }: Contender): Promise<boolean> {
  let worst = 0;
  for (const [i, chunk] of all.entries()) {
    worst = Math.max(worst, Math.abs((await push(chunk)) - (reference[i] as number)));
  }
  if (worst <= 1e-4) return true;
  console.error(`${name}: probabilities differ by ${worst}: it is not timed`);
  return false;
}

const engine = createEngineSync();
const made: Contender[] = [alone(engine, "f32"), alone(engine, "f64"), together(engine)];
for (const name of ["onnxruntime-node", "onnxruntime-web"] as const) {
  try {
    made.push(await rival(name));
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}: npm ci --ignore-scripts in bench/rivals`);
  }
}
const samples = new Map<Contender, number[]>();
for (const contender of made) if (await isRight(contender)) samples.set(contender, []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [{ push, streams }, times] of samples) {
    const calls = Math.max(Math.floor(CHUNKS / streams), 1);
    const begin = performance.now();
    for (let i = 0; i < calls; i++) {
      const result = push(all[i] as Float32Array<ArrayBuffer>);
      if (typeof result !== "number") await result;
    }
    times.push(((performance.now() - begin) * 1e6) / (calls * streams));
  }
}
const ours = summarize(samples.get(made[0] as Contender) ?? []);
console.log(
  `${cpus()[0]?.model}, Node ${process.version}, ${ROUNDS} rounds in turn; µs of one chunk of 32 ms`,
);
console.log("                              median   spread  fastest  to f32 (fastest)  real time");
for (const [{ name }, times] of samples) {
  const { median, spread, fastest } = summarize(times);
  const cells = [
    (median / 1000).toFixed(1).padStart(9),
    `${(spread * 100).toFixed(0)} %`.padStart(8),
    (fastest / 1000).toFixed(1).padStart(8),
    `${(fastest / ours.fastest).toFixed(2)}×`.padStart(12),
    `${Math.round(32e6 / median)}×`.padStart(14),
  ];
  console.log(`${name.padEnd(27)}${cells.join(" ")}`);
}
const opens: number[] = [];
for (let i = 0; i < 9; i++) {
  const fresh = createEngineSync();
  const begin = performance.now();
  openGraph(fresh, model, { inputs });
  opens.push(performance.now() - begin);
  fresh.dispose();
}
console.log(
  `open from bytes: first ${opens[0]?.toFixed(1)} ms, fastest ${Math.min(...opens).toFixed(1)} ms`,
);
process.exit(0);
