import { describe, expect, it } from "vitest";
import { createEngineSync, loadLanguageModel, type Score } from "../../src/index.js";
import { createTrainable, type Trainable, trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { builds } from "./networks.js";
import { torchRuns } from "./torch_runs.js";
import { batchOf, firstWeights, numbers, optionsOf, type TorchRun } from "./torch_training.js";

const normed = torchRuns.filter(({ network }) => network.norm);

/** A trainer as the run has it. */
const trainerOf = (net: Trainable, run: TorchRun) =>
  createTrainer(net, { ...run.trainer, loss: { name: "crossEntropy" } });

describe.each(builds)("a network with LayerNorm, on the $build build", ({ options }) => {
  const engine = createEngineSync(options);

  it.each(normed)(
    "$name: trained by PyTorch, the model of it scores as the trainer's loss says, to 1e-14",
    async ({ network, runs }) => {
      const run = runs.find(({ whole }) => whole) as TorchRun;
      const net = createTrainable(engine, optionsOf(network));
      const shapes = new Map(net.parameters.map(({ name, shape }) => [name, shape]));
      const weights = Object.entries(run.weights).map(([name, text]) => {
        return [name, { shape: shapes.get(name) ?? [], data: numbers(text) }] as const;
      });
      net.load(new Map(weights));
      const model = await loadLanguageModel(engine, net.save());
      const ids = [0, 3, 4, 1, 2, 2, 4, 0];
      const { loss } = trainerOf(net, run).evaluate({
        inputs: [ids.slice(0, -1)],
        targets: [ids.slice(1)],
      });
      const [score] = model.scoreSync([ids]) as [Score];
      expect(Math.abs(-score.logProb / 7 - loss)).toBeLessThan(1e-14);
      model.dispose();
    },
  );

  it.each(normed)(
    "$name: saved in the middle of training and opened again, it follows PyTorch to the end",
    ({ network, runs }) => {
      const run = runs.find(({ trainer }) => trainer.optimizer.name === "sgd") as TorchRun;
      const net = createTrainable(engine, optionsOf(network));
      const shapes = new Map(net.parameters.map(({ name, shape }) => [name, shape]));
      net.load(firstWeights(Object.keys(run.weights), shapes));
      const first = trainerOf(net, run);
      const losses = numbers(run.losses);
      const half = losses.length / 2;
      for (let step = 0; step < half; step++) first.step(batchOf(network, step));
      const copy = trainable(engine, net.save());
      expect(copy.weights()).toEqual(net.weights());
      const second = trainerOf(copy, run);
      second.restore(first.checkpoint());
      for (let step = half; step < losses.length; step++) {
        const { loss } = second.step(batchOf(network, step));
        const want = losses[step] as number;
        expect(Math.abs(loss - want) / want, `step ${step}`).toBeLessThan(1e-9);
      }
    },
  );
});
