// Why this exists: docs/generation.md says how many tokens a second a core generates, and what that allocates. LSTM, 64
// units, 65 classes, f64, drawn with temperature 0.8 and top-p 0.95, as a chat page would; seeded weights.
// Usage: npm run build && node --expose-gc scripts/measure_generation.mjs [TOKENS]
import { createEngine, loadLanguageModel } from "recurra";
import { generate, generateMany } from "recurra/generate";
import { createTrainable } from "recurra/train";

const TOKENS = Number(process.argv[2] ?? 1000);
const RUNS = 7;
const SIZE = 65;

const engine = await createEngine();
const net = createTrainable(engine, {
  input: { tokens: SIZE },
  recurrent: { cell: "lstm", hiddenSize: 64 },
  output: { size: SIZE },
  seed: 1,
});
const file = net.save();
const rules = {
  "temperature 1": {},
  "temperature 0.8, topP 0.95": { temperature: 0.8, topP: 0.95 },
  "topK 20, repetitionPenalty 1.1": { topK: 20, repetitionPenalty: 1.1 },
};

/** Tokens per second: the median of some runs. */
async function rate(tokens, run) {
  const rates = [];
  for (let r = 0; r < RUNS; r++) {
    const start = performance.now();
    await run(r);
    rates.push((1000 * tokens) / (performance.now() - start));
  }
  return Math.round(rates.sort((a, b) => a - b)[RUNS >> 1]);
}

for (const precision of ["f64", "f32"]) {
  const model = await loadLanguageModel(engine, file, { precision });
  for (const [name, rule] of Object.entries(rules)) {
    for (const samples of [1, 8, 64, 256]) {
      const many = (seed) =>
        generateMany(model, { prompts: [[1]], samples, maxTokens: TOKENS, seed, ...rule });
      await many(0);
      const tokens = await rate(samples * TOKENS, many);
      console.log(`${precision}, ${name}, ${samples} side by side: ${tokens} tokens/s`);
    }
  }
  const each = await rate(TOKENS, async (seed) => {
    for await (const _ of generate(model, { prompt: [1], maxTokens: TOKENS, seed }));
  });
  console.log(`${precision}, temperature 1, one by one from an iterator: ${each} tokens/s`);
}
