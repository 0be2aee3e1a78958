// The model and the lines of the load bench: Shakespeare's model of test/fixtures, lines of 40 characters.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";

const FIXTURE = "test/fixtures/shakespeare";
export const FOLDER = "build/server-bench";
export const MODEL = `${FOLDER}/shakespeare.safetensors`;
export const LENGTH = 40;

export type Vocabulary = Readonly<Record<string, number>>;

export const readVocabulary = (): Vocabulary =>
  JSON.parse(readFileSync(`${FIXTURE}/vocab.json`, "utf8")) as Vocabulary;

/** Writes the model with its vocabulary in the metadata, as a server wants it. */
export function writeModel(): void {
  mkdirSync(FOLDER, { recursive: true });
  const { tensors } = readSafetensors(readFileSync(`${FIXTURE}/model.safetensors`));
  const metadata = { vocabulary: JSON.stringify(readVocabulary()) };
  writeFileSync(MODEL, writeSafetensors(tensors, metadata));
}

/** The text in pieces of 40 characters. */
export function readLines(): string[] {
  const text = readFileSync(`${FIXTURE}/text.txt`, "utf8");
  return Array.from({ length: Math.floor(text.length / LENGTH) }, (_, i) =>
    text.slice(i * LENGTH, (i + 1) * LENGTH),
  );
}
