import { expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { drawBatch, optionsOf } from "./networks.js";

it.each(["f64", "f32"] as const)(
  "linear memory is the same after 10,000 steps as after 100, with carry, dropout and ragged batches: %s",
  (precision) => {
    const engine = createEngineSync();
    const options = {
      ...optionsOf("lstm"),
      precision,
      recurrent: { cell: "lstm", hiddenSize: 4, layers: 2, dropout: 0.1 },
    } as const;
    const trainer = createTrainer(createTrainable(engine, options), {
      loss: "crossEntropy",
      optimizer: { name: "adam" },
      accumulate: 2,
    });
    const run = (steps: number): number => {
      for (let step = 0; step < steps; step++) {
        const lengths = [1 + (step % 5), 6, 2 + (step % 3)];
        trainer.step({ ...drawBatch(options, "crossEntropy", { lengths }), carry: step % 7 > 0 });
      }
      return engine.memory().bytes;
    };
    const before = run(100);
    expect(run(9900)).toBe(before);
  },
);
