// npm run bench -- generation: tokens per second on one core, LSTM of 64 units over 65 one-hot tokens. Plain JavaScript in the
// same run; its tokens are compared with ours before anything is timed, and those of a batch with those of each sample alone.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createEngine, type LanguageModel, loadLanguageModel, type Precision } from "recurra";
import { generate, generateMany } from "recurra/generate";
import { createTrainable, type Trainable } from "recurra/train";
import { uniformAt } from "../../test/oracle/sampling.js";
import { machine } from "../report/machine.js";
import { generatePlain, type PlainWeights } from "./plain.js";

const [NA, SIZE, SAMPLES, GOAL] = [64, 65, 64, 60_000];
const PROMPT = [1];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    out: { type: "string", default: "bench/results" },
  },
});
const mode = values.check ? "check" : values.quick ? "quick" : "full";
const { rounds, tokens } = {
  full: { rounds: 15, tokens: 1000 },
  quick: { rounds: 5, tokens: 200 },
  check: { rounds: 0, tokens: 20 },
}[mode];

interface Contender {
  readonly name: string;
  /** Tokens of one call. */
  readonly tokens: number;
  run(seed: number): unknown;
}

function plainWeights(net: Trainable): PlainWeights {
  const weights = net.weights();
  const take = (name: string) => weights[name]?.data as Float64Array;
  const hh = take("recurrent.bias_hh_l0");
  return {
    ...{ na: NA, n: SIZE, Wx: take("recurrent.weight_ih_l0"), Wh: take("recurrent.weight_hh_l0") },
    bias: take("recurrent.bias_ih_l0").map((bias, i) => bias + (hh[i] as number)),
    ...{ Wy: take("output.weight"), by: take("output.bias") },
  };
}

/** Throws unless the plain loops and each sample alone give the tokens of the batch. */
async function check(model: LanguageModel, plain: PlainWeights): Promise<void> {
  const options = { maxTokens: 50, seed: 9 };
  const many = await generateMany(model, { prompts: [PROMPT], samples: 3, ...options });
  for (const [i, { tokens }] of many.entries()) {
    const alone: number[] = [];
    const own = { prompt: PROMPT, ...options, seed: 9 + i };
    for await (const { token } of generate(model, own)) alone.push(token);
    const draws = (t: number) => uniformAt(BigInt(9 + i), BigInt(t));
    const loops = generatePlain(plain, PROMPT[0] as number, 50, draws);
    const want = tokens.join();
    if (want !== alone.join()) throw new Error(`sample ${i} differs from that of generate`);
    if (want !== loops.join()) throw new Error(`sample ${i} differs from that of plain loops`);
  }
}

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[list.length >> 1] as number;

const engine = await createEngine();
const net = createTrainable(engine, {
  ...{ input: { tokens: SIZE }, recurrent: { cell: "lstm", hiddenSize: NA }, seed: 1 },
  output: { size: SIZE },
});
const plain = plainWeights(net);
const open = (precision: Precision) => loadLanguageModel(engine, net.save(), { precision });
const [f64, f32] = [await open("f64"), await open("f32")];
await check(f64, plain);

const many = (name: string, model: LanguageModel, samples: number, rule: object): Contender => ({
  ...{ name, tokens: samples * tokens },
  run: (seed) =>
    generateMany(model, { prompts: [PROMPT], samples, maxTokens: tokens, seed, ...rule }),
});
const usual = { temperature: 0.8, topP: 0.95 };
const contenders: readonly Contender[] = [
  many(`f64, ${SAMPLES} side by side`, f64, SAMPLES, {}),
  many(`f64, ${SAMPLES} side by side, temperature 0.8, top-p 0.95`, f64, SAMPLES, usual),
  many(`f32, ${SAMPLES} side by side`, f32, SAMPLES, {}),
  many("f64, 1 sample", f64, 1, {}),
  {
    ...{ name: "f64, 1 sample, from an iterator", tokens },
    async run(seed) {
      for await (const _ of generate(f64, { prompt: PROMPT, maxTokens: tokens, seed }));
    },
  },
  {
    ...{ name: "plain JavaScript, 1 sample", tokens },
    run: (seed) => generatePlain(plain, 1, tokens, (t) => uniformAt(BigInt(seed), BigInt(t))),
  },
];

const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
for (let round = -1; round < rounds; round++) {
  for (const { name, tokens: count, run } of contenders) {
    const start = performance.now();
    await run(round + 1);
    if (round >= 0) rates.get(name)?.push((1000 * count) / (performance.now() - start));
  }
}
const rows = contenders.map(({ name }) => {
  const own = rates.get(name) as number[];
  return { name, rate: Math.round(median(own)), worst: Math.round(Math.min(...own)) };
});
const shown = (rate: number): string => rate.toLocaleString("en");
const text = [
  "| tokens per second, one core | median | slowest round |",
  "|---|---:|---:|",
  ...rows.map(({ name, rate, worst }) => `| ${name} | ${shown(rate)} | ${shown(worst)} |`),
  "",
  `Goal: ${shown(GOAL)} for the first row: ${(rows[0]?.rate ?? 0) >= GOAL ? "reached" : "not reached"}.`,
].join("\n");
if (rounds === 0) console.log("the tokens of all agree");
else {
  mkdirSync(values.out, { recursive: true });
  const results = {
    machine: machine({ mode, rounds, sample: tokens, warm: 1, budget: 0 }),
    goal: GOAL,
    rows,
  };
  const name = mode === "full" ? "generation" : `generation-${mode}`;
  writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(values.out, `${name}.md`), `${text}\n`);
  console.log(text);
}
process.exit(0);
