// Why this exists: says how many live tokens a second one core takes from 1,000 streams, a token each in turn: pushed one by
// one, together by pushAll, and through a pool. The results are compared before anything is timed; contenders run in turn in
// each round. After `npm run build`: node scripts/measure_live.mjs [f64|f32] [streams] [rounds] [workers]
import { cpus, loadavg } from "node:os";
import { createEngineSync, loadLanguageModel, pushAll } from "recurra";
import { createPool } from "recurra/pool";

const [precision = "f64", count = "1000", rounds = "7", workers = "2"] = process.argv.slice(2);
const n = Number(count);
const [nx, na, size] = [32, 64, 65];

let seed = 1;
const draw = (...shape) => {
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.fround((seed / 2 ** 31 - 1) / 8);
  });
  return { shape, data };
};
const describe = (cell, gates) => ({
  format: "safetensors",
  input: { kind: "embedding", name: "embedding", weight: draw(size, nx) },
  recurrent: [
    {
      name: cell,
      options: { cell, inputSize: nx, hiddenSize: na },
      weights: {
        weight_ih_l0: draw(gates * na, nx),
        weight_hh_l0: draw(gates * na, na),
        bias_ih_l0: draw(gates * na),
        bias_hh_l0: draw(gates * na),
      },
    },
  ],
  dense: [{ name: "out", weight: draw(size, na), bias: draw(size), activation: "identity" }],
  output: "steps",
  metadata: new Map(),
});

console.log(
  `${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, ${n} streams, ${precision}, nx ${nx}, na ${na}, ${size} classes`,
);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
for (const [cell, gates] of [
  ["lstm", 4],
  ["gru", 3],
]) {
  const described = describe(cell, gates);
  const model = await loadLanguageModel(createEngineSync(), described, { precision });
  const make = () => Array.from({ length: n }, () => model.stream());
  const [alone, together] = [make(), make()];
  const tokens = Int32Array.from({ length: n }, (_, i) => (i * 7) % size);
  const out = new Float64Array(n);
  const poolSize = Number(workers);
  const pool = await createPool(described, { precision, size: poolSize, maxQueue: 2 * n + 10 });
  const [far, each] = [0, 1].map(() => Array.from({ length: n }, () => pool.stream()));
  const contenders = {
    "push, one by one": () => {
      for (let i = 0; i < n; i++) out[i] = alone[i].push(tokens[i]);
    },
    pushAll: () => pushAll(model, together, tokens, { out }),
    [`pool.pushAll, ${workers} workers`]: async () => out.set(await pool.pushAll(far, tokens)),
    [`stream.push, ${workers} workers`]: async () => {
      out.set(await Promise.all(each.map((stream, i) => stream.push(tokens[i]))));
    },
  };
  const results = [];
  for (const run of Object.values(contenders)) {
    for (let i = 0; i < 50; i++) await run();
    results.push(out.join());
  }
  if (new Set(results).size > 1) throw new Error("pushes of one kind give other bits than others");
  const times = new Map(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now();
      let calls = 0;
      while (performance.now() - start < 300) {
        await run();
        calls++;
      }
      times.get(name).push((calls * n) / ((performance.now() - start) / 1000));
    }
  }
  for (const [name, rates] of times) {
    console.log(`${cell} ${name.padEnd(26)} ${Math.round(median(rates))} tokens/s`);
  }
  await pool.close();
}
