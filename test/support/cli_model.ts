import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEngineSync, loadLanguageModel, type Score } from "../../src/index.js";
import { temporaryFolder } from "./consumer.js";
import { fileBytes } from "./torch_files.js";

/** What the seven tokens of the model are called. */
export const VOCABULARY = { a: 0, b: 1, c: 2, d: 3, " ": 4, '"': 5, é: 6 };

/** A folder with PyTorch's language model of test/fixtures and a vocabulary for it. */
export function modelFolder(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "model.safetensors"), fileBytes("language"));
  writeFileSync(join(folder, "tied.safetensors"), fileBytes("tied"));
  writeFileSync(join(folder, "vocabulary.json"), JSON.stringify(VOCABULARY));
  return folder;
}

/** What the package itself makes of texts. */
export async function scores(
  texts: readonly string[],
  precision: "f64" | "f32" = "f64",
  file = "tied",
): Promise<Score[]> {
  const engine = createEngineSync();
  const options = { vocabulary: VOCABULARY, precision };
  const model = await loadLanguageModel(engine, fileBytes(file), options);
  const all = await model.score(texts);
  engine.dispose();
  return all;
}

export const read = (folder: string, name: string): Buffer => readFileSync(join(folder, name));
