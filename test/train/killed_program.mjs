// A run of training that saves a checkpoint after every second step, and goes on from one that is there. test/train/
// killed.slow.test.ts kills it. Usage: node killed_program.mjs FOLDER STEPS
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEngine } from "recurra";
import { createTrainable, createTrainer, textStreams } from "recurra/train";

const [folder, steps] = process.argv.slice(2);
const file = join(folder, "checkpoint.safetensors");
const net = createTrainable(await createEngine(), {
  input: { tokens: 11, embedding: 8 },
  recurrent: { cell: "lstm", hiddenSize: 32, layers: 2, dropout: 0.2 },
  output: { size: 11 },
});
const trainer = createTrainer(net, {
  loss: "crossEntropy",
  optimizer: { name: "adam", lr: 0.01 },
  schedule: { name: "cosine", tMax: Number(steps) },
  clipNorm: 1,
  accumulate: 3,
});
if (existsSync(file)) trainer.restore(readFileSync(file));
const ids = Array.from({ length: 2000 }, (_, i) => (i * i + (i >> 2)) % 11);
const source = textStreams(ids, { streams: 8, steps: 16 });
const checkpoint = (bytes) => {
  // A file is there whole or not at all.
  writeFileSync(`${file}.new`, bytes);
  renameSync(`${file}.new`, file);
};
const options = { steps: Number(steps), checkpoint, checkpointEvery: 2 };
// A byte a step tells how far it is.
for await (const _ of trainer.fit(source, options)) process.stdout.write(".");
writeFileSync(join(folder, "weights.safetensors"), net.save());
