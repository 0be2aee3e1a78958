// Why this exists: docs/decisions/training-in-f64.md says what training in f32 costs and gains, and this is the command. It
// trains one LSTM on the text of the shipped model in both precisions, from the same seeds, and scores both in f64 on the lines
// that were held out. The text comes from npm, as for `npm run train`.
// Usage: npm run build && node scripts/measure_f32_training.mjs [STEPS [SEEDS]]; 2000 steps and 3 seeds by default
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { createEngine, loadLanguageModel } from "recurra";
import {
  createTrainable,
  createTrainer,
  createVocabulary,
  textPassages,
  vocabularyMetadata,
} from "recurra/train";

const root = fileURLToPath(new URL("..", import.meta.url));
const [steps = 2000, seeds = 3] = process.argv.slice(2).map(Number);
const [STREAMS, T, BATCHES] = [32, 64, 8];

/** The functions of examples/train that fetch and divide the text. */
async function english() {
  const outfile = `${root}/build/examples/english.mjs`;
  const contents = 'export * from "./text.ts"; export * from "./random.ts";';
  await build({
    stdin: { contents, resolveDir: `${root}/examples/train`, loader: "ts" },
    ...{ outfile, bundle: true, platform: "node", format: "esm", target: "node20" },
  });
  const { mulberry32, prepare, publicDomainTexts, split } = await import(outfile);
  const random = mulberry32(1);
  return split(publicDomainTexts("build/texts").map(({ text }) => prepare(text, random)));
}

const { seen, unseen } = await english();
const vocabulary = createVocabulary(seen);
const ids = Int32Array.from(vocabulary.encode(seen));
const [start] = vocabulary.encode("\n");
const lines = unseen.match(/.*\n/g);

/** Held-out bits per character of a model that was trained so, and the milliseconds of a step. */
async function trained(precision, seed) {
  const engine = await createEngine();
  const net = createTrainable(engine, {
    input: { tokens: vocabulary.tokens.length, embedding: 64 },
    recurrent: { cell: "lstm", hiddenSize: 128 },
    output: { size: vocabulary.tokens.length },
    forgetBias: 1,
    ...{ precision, seed },
  });
  const trainer = createTrainer(net, {
    loss: "crossEntropy",
    optimizer: { name: "adam", lr: 4e-3 },
    schedule: { name: "linear", startFactor: 1, endFactor: 0, totalIters: steps },
    clipNorm: 1,
    seed,
  });
  const data = textPassages(ids, { start, passages: STREAMS, steps: T, batches: BATCHES, seed });
  const before = performance.now();
  for await (const { step, loss } of trainer.fit(data, { steps })) {
    if (step % 500 === 0)
      console.error(`${precision}, seed ${seed}, step ${step}: ${loss.toFixed(4)}`);
  }
  const milliseconds = (performance.now() - before) / steps;
  const metadata = vocabularyMetadata(vocabulary, { start: "\n" });
  const model = await loadLanguageModel(engine, net.save({ metadata }));
  const scores = await model.score(lines.map((line) => vocabulary.encode(line)));
  const sum = (of) => scores.reduce((all, each) => all + each[of], 0);
  engine.dispose();
  return { bits: -sum("logProb") / sum("tokens") / Math.LN2, milliseconds };
}

const spread = (values) => `${Math.min(...values).toFixed(5)} … ${Math.max(...values).toFixed(5)}`;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const differences = [];
const bits = { f64: [], f32: [] };
for (let seed = 1; seed <= seeds; seed++) {
  const [f64, f32] = [await trained("f64", seed), await trained("f32", seed)];
  bits.f64.push(f64.bits);
  bits.f32.push(f32.bits);
  differences.push(f32.bits - f64.bits);
  console.log(
    `seed ${seed}: f64 ${f64.bits.toFixed(5)}, f32 ${f32.bits.toFixed(5)} bits, f32 − f64 ${differences.at(-1).toFixed(5)}; a step ${f64.milliseconds.toFixed(1)} and ${f32.milliseconds.toFixed(1)} ms`,
  );
}
for (const [precision, values] of Object.entries(bits))
  console.log(`${precision}: mean ${mean(values).toFixed(5)}, seeds ${spread(values)}`);
console.log(`f32 − f64: mean ${mean(differences).toFixed(5)}, seeds ${spread(differences)}`);
