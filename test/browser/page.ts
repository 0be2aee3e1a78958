import * as recurra from "recurra";
import { createArrays } from "recurra/arrays";
import * as onnx from "recurra/onnx";
import { createGraphPool, createPool } from "recurra/pool";
import { runSeedCase, type SeedCase } from "../support/exercise.js";
import { golden } from "../support/golden.js";
import { graphBits } from "../support/graph_bits.js";
import { bound } from "../support/subject.js";

// What runs in the page: the tests call these through `globalThis.recurraPage`.

async function goldenOf(options?: recurra.EngineOptions): Promise<string> {
  return golden(recurra, await recurra.createEngine(options));
}

const bytesOf = async (url: string): Promise<ArrayBuffer> => (await fetch(url)).arrayBuffer();

/** The 64 bits of each number in hexadecimal: nothing is lost on the way out of the page. */
const bits = (data: Float64Array): string[] =>
  Array.from(new BigUint64Array(data.buffer, data.byteOffset, data.length), (word) =>
    word.toString(16),
  );

const functions = {
  golden: (): Promise<string> => goldenOf(),
  goldenOfResponse: (url: string): Promise<string> => goldenOf({ wasm: fetch(url) }),
  goldenOfBytes: async (url: string): Promise<string> => goldenOf({ wasm: await bytesOf(url) }),

  /** What a worker, which is told how to open its engine, posts. */
  goldenInWorker(url: string, how: "async" | "sync"): Promise<string> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(url, { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(how);
    });
  },

  /** What an AudioWorklet posts. */
  async goldenInWorklet(url: string): Promise<string> {
    const context = new OfflineAudioContext(1, 128, 44100);
    await context.audioWorklet.addModule(url);
    const { port } = new AudioWorkletNode(context, "golden");
    return new Promise((resolve) => {
      port.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
    });
  },

  async seedCase(url: string): Promise<Record<string, string[]>> {
    const seedCase: SeedCase = await (await fetch(url)).json();
    const outputs = runSeedCase(bound("page", recurra, await recurra.createEngine()), seedCase);
    const data = (name: string) => (outputs[name] as recurra.Tensor).data;
    return Object.fromEntries(
      Object.keys(seedCase.expected).map((name) => [name, bits(data(name))]),
    );
  },

  graphBits: async (url: string): Promise<string> =>
    graphBits(onnx, await recurra.createEngine(), new Uint8Array(await bytesOf(url))),

  /** The scores of texts by two workers, the first of which is ended meanwhile, and how many were started again. */
  async pool(model: string, texts: string[], script?: string) {
    const workers: Worker[] = [];
    const worker = (): Worker => {
      const made = new Worker(script as string, { type: "module" });
      workers.push(made);
      return made;
    };
    const pool = await createPool(model, { size: 2, ...(script === undefined ? {} : { worker }) });
    const call = pool.score(texts);
    workers[0]?.terminate();
    const scores = await call;
    const stream = pool.stream();
    await stream.push(texts[0]?.[0] as string);
    const next = await stream.next();
    const { restarts } = pool.stats();
    await pool.close();
    return { restarts, bits: [...scores.map((score) => score.tokenLogProbs), next].map(bits) };
  },

  /** What a graph's stream says by a worker whose script is the page's own, and the graph's run from zeros. */
  async graphPool(file: string, samples: number[], script?: string) {
    const worker = (): Worker =>
      script === undefined
        ? new Worker(new URL("./graph_pool_worker.ts", import.meta.url), { type: "module" })
        : new Worker(script, { type: "module" });
    const inputs = { sr: 16000n, input: [1, 576], state: [2, 1, 128] };
    const states = { state: "stateN" };
    const pool = await createGraphPool(file, { size: 2, inputs, states, worker });
    const input = Float32Array.from(samples);
    const stream = pool.stream();
    const outputs = [await stream.push({ input }), await stream.push({ input })];
    outputs.push(await pool.run({ input }));
    await pool.close();
    return outputs.map(({ output }) => output?.data[0] as number);
  },

  async arrays(x: number[]): Promise<Record<string, string[]>> {
    const arrays = await createArrays();
    const data = Float64Array.from(x);
    return {
      sigmoid: bits(arrays.sigmoid(data)),
      tanh: bits(arrays.tanh(data)),
      softmax: bits(arrays.softmax(data)),
      logSoftmax: bits(arrays.logSoftmax(data)),
      logSumExp: bits(Float64Array.of(arrays.logSumExp(data))),
    };
  },
};

declare global {
  var recurraPage: typeof functions;
}

globalThis.recurraPage = functions;
