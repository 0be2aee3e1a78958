import { describe, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { builds } from "./networks.js";
import { expectTorch, titleOf, torchRuns } from "./torch_runs.js";
import { trainAsTorch } from "./torch_training.js";

const sources = { createEngineSync, createTrainable, createTrainer };

describe.each(builds)("the $build build", ({ options }) => {
  describe.each(torchRuns)("$name", ({ network, runs }) => {
    it.each(runs.map((run) => ({ title: titleOf(run), run })))(
      "200 steps follow PyTorch's to 1e-9 relative, losses, norms and weights: $title",
      ({ run }) => expectTorch(trainAsTorch(sources, network, run, options), run),
    );
  });
});
