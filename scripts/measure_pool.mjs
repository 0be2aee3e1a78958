// Why this exists: says how much faster several workers are than one. Prints the seconds of wall clock and of processor
// that a call takes, its median and its best, and how many times as fast as one worker it is. Everything is measured in turn
// in each round, after the scores were compared with those of scoreSync. On a loaded machine the seconds of processor still
// say what the pool itself costs. After `npm run build`: node scripts/measure_pool.mjs [workers] [rounds]
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { createEngineSync, loadLanguageModel } from "recurra";
import { createPool } from "recurra/pool";

const [workers = 2, rounds = 7] = process.argv.slice(2).map(Number);
const file = (name) => new URL(`../test/fixtures/shakespeare/${name}`, import.meta.url);
const bytes = readFileSync(file("model.safetensors"));
const vocabulary = JSON.parse(readFileSync(file("vocab.json"), "utf8"));
const lines = readFileSync(file("text.txt"), "utf8").split("\n");
const texts = [...lines, ...lines].filter((line) => line !== "");

const model = await loadLanguageModel(createEngineSync(), bytes, { vocabulary });
const one = await createPool(bytes, { vocabulary, size: 1 });
const other = await createPool(bytes, { vocabulary, size: 1 });
const pool = await createPool(bytes, { vocabulary, size: workers });

async function collect(scores) {
  const all = [];
  for await (const score of scores) all.push(score);
  return all;
}

const contenders = {
  "scoreSync, no worker": () => model.scoreSync(texts),
  "score, 1 worker": () => one.score(texts),
  [`score, ${workers} workers`]: () => pool.score(texts),
  [`scoreMany, ${workers} workers`]: () => collect(pool.scoreMany(texts)),
  "2 pools of 1 worker, halves by hand": async () => {
    const half = (remainder) => texts.filter((_, i) => i % 2 === remainder);
    const [even, odd] = await Promise.all([one.score(half(0)), other.score(half(1))]);
    return texts.map((_, i) => (i % 2 === 0 ? even : odd)[i >> 1]);
  },
};

const want = JSON.stringify(model.scoreSync(texts).map(({ logProb }) => logProb));
for (const [name, run] of Object.entries(contenders)) {
  const got = JSON.stringify((await run()).map(({ logProb }) => logProb));
  if (got !== want) throw new Error(`${name}: other scores than scoreSync`);
}

const times = new Map(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    await run();
    const { user, system } = process.cpuUsage(before);
    times.get(name).push({ wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 });
  }
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const base = times.get("score, 1 worker");
console.log(
  `${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, ${texts.length} lines, ${rounds} rounds`,
);
console.log(`${"".padEnd(36)} wall s    best   cpu s  times as fast: median, by the best`);
for (const [name, all] of times) {
  const walls = all.map(({ wall }) => wall);
  const ratio = median(all.map(({ wall }, round) => base[round].wall / wall));
  const best = Math.min(...base.map(({ wall }) => wall)) / Math.min(...walls);
  const numbers = [median([...walls]), Math.min(...walls), median(all.map(({ cpu }) => cpu))];
  const shown = numbers.map((value) => value.toFixed(3).padStart(7)).join(" ");
  console.log(`${name.padEnd(36)} ${shown}  ${ratio.toFixed(2)}  ${best.toFixed(2)}`);
}
