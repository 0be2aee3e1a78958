import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createEngineSync, type Tensor } from "../../src/index.js";
import { textStreams } from "../../src/train/data.js";
import { trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { shakespeare } from "../support/fixtures.js";
import { fraction, numbers } from "./torch_training.js";

const file = new URL("../fixtures/shakespeare/training.json", import.meta.url);
const want = JSON.parse(readFileSync(file, "utf8"));

it("the Shakespeare model, fine-tuned from its weights, follows PyTorch's losses and weights to 1e-9", () => {
  const { model, vocabulary, text } = shakespeare();
  const net = trainable(createEngineSync(), model);
  const trainer = createTrainer(net, {
    loss: "crossEntropy",
    optimizer: { name: "adam", lr: want.lr },
    clipNorm: want.clipNorm,
  });
  const ids = [...text].map((character) => vocabulary[character] as number);
  const source = textStreams(ids, { streams: want.streams, steps: want.T });
  const losses = numbers(want.losses);
  losses.forEach((loss, step) => {
    const report = trainer.step(source.batch(step, 0));
    expect(Math.abs(report.loss - loss) / loss, `step ${step}`).toBeLessThan(1e-9);
  });
  const weights = net.weights();
  expect(Object.keys(weights).sort()).toEqual(Object.keys(want.weights).sort());
  for (const [name, { data }] of Object.entries(weights) as [string, Tensor][]) {
    const scale = data.reduce((sum, x) => sum + Math.abs(x) + x * x, 0);
    const sums = [
      data.reduce((sum, x) => sum + x, 0),
      data.reduce((sum, x) => sum + x * x, 0),
      data.reduce((sum, x, i) => sum + x * fraction(i + 1), 0),
    ];
    numbers(want.weights[name]).forEach((sum, i) => {
      expect(Math.abs((sums[i] as number) - sum) / scale, name).toBeLessThan(1e-9);
    });
  }
});
