import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as recurra from "recurra";
import { readSafetensors } from "recurra/safetensors";
import { expect, test } from "vitest";
import { golden } from "./golden.js";

const require = createRequire(import.meta.url);

test("the host is jsdom", () => {
  expect(typeof document).toBe("object");
});

test("the golden hashes", async () => {
  expect(await golden(recurra, await recurra.createEngine())).toBe(process.env.GOLDEN);
});

test("a model from a Buffer", async () => {
  const bytes = readFileSync(require.resolve("recurra/models/english-characters.safetensors"));
  expect(readSafetensors(bytes).tensors.size).toBeGreaterThan(0);
  const model = await recurra.loadLanguageModel(recurra.createEngineSync(), bytes);
  const [score] = await model.score(["The ship came home."]);
  expect(score.bitsPerToken).toBeGreaterThan(0);
});
