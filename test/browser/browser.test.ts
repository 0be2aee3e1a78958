import { readdirSync, readFileSync } from "node:fs";
import type { BrowserContext, Page as Tab } from "playwright-core";
import * as recurra from "recurra";
import { createArrays } from "recurra/arrays";
import * as onnx from "recurra/onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runSeedCase, type SeedCase } from "../support/exercise.js";
import { golden } from "../support/golden.js";
import { graphBits } from "../support/graph_bits.js";
import { root } from "../support/project.js";
import { bound } from "../support/subject.js";
import { hosts, launch, type Page, project } from "./hosts.js";

const fixtures = `${root}test/fixtures/`;
const GOLDEN = await golden(recurra, recurra.createEngineSync());
const seedCases = readdirSync(`${fixtures}seed-cases`);
const STRICT = "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'";
const STRICT_WITH_WASM = STRICT.replace("'self';", "'self' 'wasm-unsafe-eval';");

let browser: BrowserContext;
let folder: string;

beforeAll(async () => {
  folder = project();
  browser = await launch();
}, 300_000);

afterAll(() => browser.close());

const bits = (data: Float64Array): string[] =>
  Array.from(new BigUint64Array(data.buffer, data.byteOffset, data.length), (word) =>
    word.toString(16),
  );

describe.each(Object.entries(hosts))("Chromium, %s", (name, open) => {
  let page: Page;
  let tab: Tab;

  beforeAll(async () => {
    page = await open(folder);
    tab = await visit(page.url);
  });

  afterAll(async () => {
    await tab.close();
    await page.close();
  });

  async function visit(url: string): Promise<Tab> {
    const opened = await browser.newPage();
    await opened.goto(url);
    await opened.waitForFunction(() => globalThis.recurraPage !== undefined);
    return opened;
  }

  it("the golden hashes, 0 bits from Node's", async () => {
    expect(await tab.evaluate(() => recurraPage.golden())).toBe(GOLDEN);
  });

  it.each(["kernels.wasm", "kernels.bin"])("… with kernels from fetch(%o)", async (url) => {
    expect(await tab.evaluate((url) => recurraPage.goldenOfResponse(url), url)).toBe(GOLDEN);
  });

  it("… with kernels from plain bytes", async () => {
    expect(await tab.evaluate(() => recurraPage.goldenOfBytes("kernels.wasm"))).toBe(GOLDEN);
  });

  it.each(["async", "sync"] as const)("… in a Web Worker, %s", async (how) => {
    const run = ([url, how]: readonly [string, "async" | "sync"]) =>
      recurraPage.goldenInWorker(url, how);
    expect(await tab.evaluate(run, [page.worker, how] as const)).toBe(GOLDEN);
  });

  it("… in an AudioWorklet", async () => {
    expect(await tab.evaluate((url) => recurraPage.goldenInWorklet(url), page.worklet)).toBe(
      GOLDEN,
    );
  });

  it("Silero VAD v5 alone and in pushAll, 0 bits from Node's", async () => {
    const model = new Uint8Array(readFileSync(`${fixtures}silero-vad/silero_vad_v5.onnx`));
    const here = graphBits(onnx, recurra.createEngineSync(), model);
    expect(await tab.evaluate((url) => recurraPage.graphBits(url), "silero_vad_v5.onnx")).toBe(
      here,
    );
  });

  it("a pool of two workers, 0 bits from scoreSync in Node; one that ends is replaced", async () => {
    const file = "english-characters.safetensors";
    const engine = recurra.createEngineSync();
    const model = await recurra.loadLanguageModel(engine, readFileSync(`${root}models/${file}`));
    const sentence = "We waited all day for the last train. ";
    const texts = Array.from({ length: 60 }, (_, i) => sentence.repeat(1 + (i % 5)).slice(i));
    const stream = model.stream();
    stream.push("W");
    const want = [...model.scoreSync(texts).map((score) => score.tokenLogProbs), stream.next()];
    const run = ([file, texts, script]: readonly [string, string[], string | undefined]) =>
      recurraPage.pool(file, texts, script);
    const got = await tab.evaluate(run, [file, texts, page.poolWorker] as const);
    expect(got.bits).toEqual(want.map(bits));
    // The page holds the workers that it starts itself, and ends one of them.
    expect(got.restarts).toBe(page.poolWorker === undefined ? 0 : 1);
    engine.dispose();
  });

  it("a pool of a graph, whose worker's script is the page's, 0 bits from Node's", async () => {
    const model = readFileSync(`${fixtures}silero-vad/silero_vad_v5.onnx`);
    const inputs = { sr: 16000n, input: [1, 576], state: [2, 1, 128] };
    const samples = Array.from({ length: 576 }, (_, i) => Math.fround(Math.sin(i / 9)));
    const engine = recurra.createEngineSync();
    const stream = onnx.openGraph(engine, model, { inputs }).stream({ state: "stateN" });
    const input = Float32Array.from(samples);
    const [first, second] = [0, 1].map(() => stream.push({ input }).output?.data[0] as number);
    const run = ([file, samples, script]: readonly [string, number[], string | undefined]) =>
      recurraPage.graphPool(file, samples, script);
    const given = ["silero_vad_v5.onnx", samples, page.graphPoolWorker] as const;
    expect(await tab.evaluate(run, given)).toEqual([first, second, first]);
    engine.dispose();
  });

  it.each(seedCases)("%s, 0 bits from Node's, within 1e-12 of the exercise's", async (file) => {
    const seedCase: SeedCase = JSON.parse(readFileSync(`${fixtures}seed-cases/${file}`, "utf8"));
    const engine = recurra.createEngineSync();
    const here = runSeedCase(bound("Node", recurra, engine), seedCase);
    const there = await tab.evaluate((url) => recurraPage.seedCase(url), `seed-cases/${file}`);
    expect(Object.keys(there)).toEqual(Object.keys(seedCase.expected));
    for (const [key, wanted] of Object.entries(seedCase.expected)) {
      const { shape, data } = here[key] as recurra.Tensor;
      expect(there[key], key).toEqual(bits(data));
      expect(shape, key).toEqual(wanted.shape);
      data.forEach((value, i) => {
        expect(Math.abs(value - (wanted.data[i] ?? Number.NaN)), key).toBeLessThan(1e-12);
      });
    }
    engine.dispose();
  });

  it("recurra/arrays, 0 bits from Node's", async () => {
    const x = [-40, -1, -0, 0, 1e-300, 0.3, 2.5, 700, -710.25];
    const data = Float64Array.from(x);
    const { sigmoid, tanh, softmax, logSoftmax, logSumExp } = await createArrays();
    expect(await tab.evaluate((x) => recurraPage.arrays(x), x)).toEqual({
      sigmoid: bits(sigmoid(data)),
      tanh: bits(tanh(data)),
      softmax: bits(softmax(data)),
      logSoftmax: bits(logSoftmax(data)),
      logSumExp: bits(Float64Array.of(logSumExp(data))),
    });
  });

  // Vite's dev server sends no headers of ours, and its own client needs more than a strict policy allows.
  if (name === "vite dev server") return;
  describe("under a Content-Security-Policy", () => {
    const under = (policy: string) => visit(`${page.url}?csp=${encodeURIComponent(policy)}`);

    it("script-src 'self' 'wasm-unsafe-eval' is enough: 0 bits from Node's", async () => {
      const strict = await under(STRICT_WITH_WASM);
      expect(await strict.evaluate(() => recurraPage.golden())).toBe(GOLDEN);
      const arrays = await strict.evaluate(() => recurraPage.arrays([0]));
      expect(arrays.sigmoid).toEqual(bits(Float64Array.of(0.5)));
      await strict.close();
    });

    it("without 'wasm-unsafe-eval' the page imports, and createEngine is rejected", async () => {
      const strict = await under(STRICT);
      // The directive, and the host's own text.
      const refusal =
        /createEngine: .*'wasm-unsafe-eval' in script-src.*the host says: CompileError: .*Content Security policy/i;
      await expect(strict.evaluate(() => recurraPage.golden())).rejects.toThrow(refusal);
      const fetched = strict.evaluate(() => recurraPage.goldenOfResponse("kernels.wasm"));
      await expect(fetched).rejects.toThrow(refusal);
      await strict.close();
    });
  });
});
