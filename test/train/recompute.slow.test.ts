import { describe, expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import type { LossOptions } from "../../src/train/losses.js";
import type { TrainableOptions } from "../../src/train/options.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerOptions } from "../../src/train/training.js";
import { thrownBy } from "../support/errors.js";
import { carries, drawBatch, NETWORKS } from "./networks.js";

const adam = { name: "adam", lr: 0.01 } as const;

/** Weights, losses and bytes of the buffers after three steps. */
function train(
  options: TrainableOptions,
  batches: readonly Parameters<ReturnType<typeof createTrainer>["step"]>[0][],
  given: Partial<TrainerOptions> & Pick<TrainerOptions, "loss">,
) {
  const engine = createEngineSync();
  const net = createTrainable(engine, { ...options, seed: 5 });
  const trainer = createTrainer(net, { optimizer: adam, seed: 3, ...given });
  const before = engine.memory().bytes;
  const reports = batches.map((batch) => trainer.step(batch));
  const evaluated = trainer.evaluate({ ...(batches[0] as object), carry: false } as never);
  const result = {
    weights: net.weights(),
    reports,
    evaluated,
    checkpoint: trainer.checkpoint(),
    bytes: engine.memory().bytes - before,
  };
  engine.dispose();
  return result;
}

/** The least memory for a step, as the error says. */
function leastMemory(options: TrainableOptions, batch: object, loss: LossOptions): number {
  const engine = createEngineSync();
  const trainer = createTrainer(createTrainable(engine, options), {
    ...{ loss, optimizer: adam, memory: 1 },
  });
  const { message, name } = thrownBy(() => trainer.step(batch as never)) as Error;
  engine.dispose();
  expect(name).toBe("RangeError");
  expect(message).toMatch(/^step: memory: expected at least \d+ bytes for m = /);
  return Number(/at least (\d+)/.exec(message)?.[1]);
}

const ONE_WAY: Record<string, TrainableOptions> = {
  ...Object.fromEntries(Object.entries(NETWORKS).filter(([, options]) => carries(options))),
  "dropout everywhere": {
    input: { tokens: 6, embedding: 3, dropout: 0.2 },
    recurrent: { cell: "lstm", hiddenSize: 4, layers: 2, dropout: 0.3 },
    output: { size: 6, dropout: 0.4 },
  },
  "variational dropout": {
    input: { features: 3, dropout: 0.2 },
    recurrent: { cell: "gru", hiddenSize: 4, layers: 2, dropout: 0.3 },
    output: { size: 2, dropout: 0.4 },
    variational: true,
  },
  last: {
    input: { features: 3 },
    recurrent: { cell: "lstm", hiddenSize: 3, layers: 2 },
    output: { size: 2, of: "last" },
  },
  "mean, large vocabulary, LayerNorm": {
    input: { tokens: 1200, embedding: 3 },
    recurrent: { cell: "gru", hiddenSize: 3 },
    output: { size: 2, of: "mean", dropout: 0.2 },
    layerNorm: true,
  },
  "lstm in f32": { ...(NETWORKS.lstm as TrainableOptions), precision: "f32" },
  "peepholes in f32": { ...(NETWORKS["peepholes, clip"] as TrainableOptions), precision: "f32" },
  "tied, LayerNorm, residual in f32": {
    ...(NETWORKS["tied, LayerNorm, residual"] as TrainableOptions),
    precision: "f32",
  },
  "mean in f32": {
    input: { tokens: 1200, embedding: 3 },
    recurrent: { cell: "gru", hiddenSize: 3, dropout: 0.2 },
    output: { size: 2, of: "mean" },
    precision: "f32",
  },
  "tied, large vocabulary": {
    input: { tokens: 1200, embedding: 4 },
    recurrent: { cell: "lstm", hiddenSize: 4 },
    output: { size: 1200, tied: true },
  },
};

describe.each(Object.keys(ONE_WAY))("%s", (name) => {
  const options = ONE_WAY[name] as TrainableOptions;
  // More steps than a chunk of 256 rows has: four chunks, of which the last ones are shorter.
  const lengths = [300, 260, 300, 1];
  const isSmall = options.output.size < 100;
  it.each(["dense", "ragged"])(
    "a step that computes segments again gives the bits of one that keeps all: %s",
    (kind) => {
      const loss: LossOptions = isSmall ? "mse" : "crossEntropy";
      const sizes = kind === "dense" ? [270, 270, 270] : lengths;
      const first = drawBatch(options, loss, { lengths: sizes });
      const second = { ...drawBatch(options, loss, { lengths: sizes, seed: 2 }), carry: true };
      const whole = train(options, [first, second], { loss });
      const least = leastMemory(options, first, loss);
      const parts = train(options, [first, second], { loss, memory: least });
      expect(parts.reports).toEqual(whole.reports);
      expect(parts.evaluated).toEqual(whole.evaluated);
      expect(parts.weights).toEqual(whole.weights);
      expect(parts.checkpoint).toEqual(whole.checkpoint);
    },
  );
});

it("a byte less than the least memory is refused, and the trainer can be used on", () => {
  const options = ONE_WAY.lstm as TrainableOptions;
  const batch = drawBatch(options, "crossEntropy", { lengths: [400, 400, 400] });
  const least = leastMemory(options, batch, "crossEntropy");
  const net = createTrainable(createEngineSync(), options);
  const trainer = createTrainer(net, { loss: "crossEntropy", optimizer: adam, memory: least - 1 });
  expect(() => trainer.step(batch)).toThrow(RangeError);
  expect(trainer.updates).toBe(0);
  const short = drawBatch(options, "crossEntropy", { lengths: [3, 5] });
  expect(trainer.step(short).loss).toBeGreaterThan(0);
});

it("the least memory of 64 times the steps is 8 to 12 times as much", () => {
  const options: TrainableOptions = {
    input: { features: 2 },
    recurrent: { cell: "lstm", hiddenSize: 32, layers: 2 },
    output: { size: 1, of: "last" },
  };
  const bytes = (T: number): number =>
    leastMemory(options, drawBatch(options, "mse", { lengths: Array(64).fill(T) }), "mse");
  // Of the rows of all steps only ids, places and targets are in memory at once: a few bytes each.
  const ratio = bytes(6400) / bytes(100);
  expect(ratio).toBeGreaterThan(6);
  expect(ratio).toBeLessThan(12);
});

it("a direction that reads from the end needs all steps at once, and the error says so", () => {
  const options = NETWORKS["bidirectional, last"] as TrainableOptions;
  const net = createTrainable(createEngineSync(), options);
  const trainer = createTrainer(net, { loss: "mse", optimizer: adam, memory: 1000 });
  const batch = drawBatch(options, "mse", { lengths: [300, 300] });
  expect(() => trainer.step(batch)).toThrow(
    /^step: memory: expected at least \d+ bytes for m = 2 sequences of up to T = 300 steps, got 1000: split the batch: a direction that reads from the end needs all steps at once$/,
  );
});

it.each([0, -1, 1.5, Number.NaN, "1e6"])("a memory of %s is refused", (memory) => {
  const net = createTrainable(createEngineSync(), ONE_WAY.lstm as TrainableOptions);
  const options = { loss: "mse", optimizer: adam, memory } as never;
  expect(() => createTrainer(net, options)).toThrow(
    /^createTrainer: memory: expected an integer ≥ 1/,
  );
});
