// A process that imports the package, makes an engine, opens the Shakespeare model in f32, scores a line and ends.
import { readFileSync } from "node:fs";
import { createEngine, loadLanguageModel } from "recurra";

const read = (name: string): Uint8Array => readFileSync(`test/fixtures/shakespeare/${name}`);

const engine = await createEngine();
const vocabulary = JSON.parse(String(read("vocab.json")));
const options = { vocabulary, precision: "f32" } as const;
const model = await loadLanguageModel(engine, read("model.safetensors"), options);
const [score] = model.scoreSync(["To be, or not to be"]);
if (!Number.isFinite(score?.logProb)) process.exit(1);
