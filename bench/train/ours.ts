import { createEngineSync } from "recurra";
import { createTrainable, createTrainer } from "recurra/train";
import { LEARNING_RATE } from "./network.js";
import { runTrainer } from "./worker.js";

const relaxed = process.argv.includes("relaxed");
const precision = process.argv.includes("f32") ? "f32" : "f64";

await runTrainer(({ sizes, weights, inputs, targets }) => {
  const { tokens, embedding, na, layers } = sizes;
  const engine = createEngineSync({ relaxed });
  const net = createTrainable(engine, {
    precision,
    input: { tokens, embedding },
    recurrent: { cell: "lstm", hiddenSize: na, layers },
    output: { size: tokens },
  });
  net.load(weights);
  const optimizer = { name: "adam", lr: LEARNING_RATE } as const;
  const trainer = createTrainer(net, { loss: "crossEntropy", optimizer });
  const batch = { inputs, targets };
  return { step: () => trainer.step(batch).loss, release: () => engine.dispose() };
});
