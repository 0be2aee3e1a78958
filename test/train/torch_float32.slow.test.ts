import { describe, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { builds } from "./networks.js";
import { expectTorch, SINGLE, titleOf, torchRuns } from "./torch_runs.js";
import { trainAsTorch } from "./torch_training.js";

const sources = { createEngineSync, createTrainable, createTrainer };

describe.each(builds)("the $build build", ({ options }) => {
  describe.each(torchRuns)("$name", ({ network, runs }) => {
    it.each(runs.map((run) => ({ title: titleOf(run), run })))(
      "200 steps in f32 stay by PyTorch's in f64: losses to 3e-6, norms to 1e-5, weights to 2e-5 relative: $title",
      ({ run }) => {
        const trained = trainAsTorch(sources, { ...network, precision: "f32" }, run, options);
        expectTorch(trained, run, SINGLE);
      },
    );
  });
});
