import { describe, expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { gradCheck } from "../../src/train/gradient_check.js";
import type { LossOptions } from "../../src/train/losses.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { builds, drawBatch, names, optionsOf } from "./networks.js";

const LOSSES: readonly LossOptions[] = [
  "crossEntropy",
  { name: "crossEntropy", labelSmoothing: 0.2, ignore: 1 },
  "mse",
  "bce",
];

describe.each(names.flatMap((name) => builds.map((each) => ({ name, ...each }))))(
  "$name, the $build build",
  ({ name, options: engineOptions }) => {
    const options = optionsOf(name);
    it.each(LOSSES.map((loss) => ({ title: JSON.stringify(loss), loss })))(
      "the gradient of every parameter is the four-point difference of the loss to 1e-7: $title",
      ({ loss }) => {
        const engine = createEngineSync(engineOptions);
        // Away from the corner of relu.
        const net = createTrainable(engine, { ...options, seed: 3 });
        const weights = [0.5, 2, 1];
        const perStep = (options.output.of ?? "step") === "step";
        for (const lengths of [[3, 5, 1], [2, 2, 2], ...(perStep ? [[4, 0, 2]] : [])]) {
          const batch = {
            ...drawBatch(options, loss, { lengths }),
            weights: perStep ? lengths.map((T, b) => Array(T).fill(weights[b])) : weights,
          };
          const before = net.weights();
          const entries = gradCheck(net, batch, { loss, worst: 1e6, samples: 12, h: 1e-3 });
          expect(entries[0]?.error, JSON.stringify(entries[0])).toBeLessThan(1e-7);
          expect(new Set(entries.map((each) => each.name)).size).toBe(net.parameters.length);
          expect(entries.some(({ gradient }) => gradient !== 0)).toBe(true);
          expect(net.weights()).toEqual(before);
        }
        engine.dispose();
      },
    );
  },
);

it("an entry's index is that of the weight in PyTorch's order", () => {
  const engine = createEngineSync();
  const net = createTrainable(engine, optionsOf("gru"));
  const batch = drawBatch(optionsOf("gru"), "mse");
  const trainer = createTrainer(net, { loss: "mse", optimizer: { name: "sgd", lr: 1 } });
  const entries = gradCheck(net, batch, { loss: "mse", worst: 1e6 });
  const before = net.weights();
  trainer.step(batch);
  const after = net.weights();
  for (const { name, index, gradient } of entries) {
    const move = (before[name]?.data[index] as number) - (after[name]?.data[index] as number);
    expect(Math.abs(move - gradient), `${name}[${index}]`).toBeLessThan(1e-15);
  }
  expect(entries).toHaveLength(Object.values(before).reduce((n, { data }) => n + data.length, 0));
});

it("class weights and positive weights: the gradient is the four-point difference to 1e-7", () => {
  const engine = createEngineSync();
  const options = optionsOf("gru");
  const net = createTrainable(engine, options);
  for (const loss of [
    { name: "crossEntropy", classWeights: [1, 0.5, 2], labelSmoothing: 0.1 },
    { name: "bce", positiveWeights: [1, 3, 0.5] },
  ] as const) {
    const [worst] = gradCheck(net, drawBatch(options, loss), { loss });
    expect(worst?.error).toBeLessThan(1e-7);
  }
  engine.dispose();
});
