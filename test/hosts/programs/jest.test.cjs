// Under Jest, jsdom: modules run in a sandbox, a realm of its own without TextDecoder, and files come as Node's Buffers.
const { readFileSync } = require("node:fs");
const recurra = require("recurra");
const { createArraysSync } = require("recurra/arrays");
const { readSafetensors } = require("recurra/safetensors");
const { golden } = require("./golden.cjs");

const MODEL = require.resolve("recurra/models/english-characters.safetensors");
const WASM = require.resolve("recurra/kernels.wasm");

test("the host is jsdom", () => {
  expect(typeof document).toBe("object");
  expect(typeof TextDecoder).toBe("undefined");
});

test("the golden hashes", async () => {
  expect(await golden(recurra, await recurra.createEngine())).toBe(process.env.GOLDEN);
});

test("bytes of another realm: a model, kernels, arrays", async () => {
  const bytes = readFileSync(MODEL);
  expect(bytes).not.toBeInstanceOf(Uint8Array);
  expect(readSafetensors(bytes).tensors.size).toBeGreaterThan(0);
  const engine = recurra.createEngineSync({ wasm: readFileSync(WASM) });
  const model = await recurra.loadLanguageModel(engine, bytes);
  const [score] = await model.score(["The ship came home."]);
  expect(score.bitsPerToken).toBeGreaterThan(0);
  expect(createArraysSync().sigmoid(Float64Array.of(0))[0]).toBe(0.5);
});
