import { describe, expect, it } from "vitest";
import { ModelFormatError, readSafetensors } from "../../src/formats/safetensors.js";
import { createEngineSync, loadLanguageModel, loadTagger, type Tensor } from "../../src/index.js";
import { gradCheck } from "../../src/train/gradient_check.js";
import type { LossOptions } from "../../src/train/losses.js";
import type { TrainableOptions } from "../../src/train/options.js";
import { createTrainable, trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { Precision } from "../../src/wasm/abi.js";
import { thrownBy } from "../support/errors.js";
import { drawBatch, names, optionsOf } from "./networks.js";
import { expectTorch, SINGLE, torchRuns } from "./torch_runs.js";
import { type TorchRun, trainAsTorch } from "./torch_training.js";

// Training with `precision: "f32"`. What it has in common with f64 is proved there: the code is the same.

const sources = { createEngineSync, createTrainable, createTrainer };
const single = (name: string): TrainableOptions => ({ ...optionsOf(name), precision: "f32" });
const adam = { name: "adam", lr: 0.02 } as const;

describe.each(torchRuns)("$name", ({ network, runs: [run] }) => {
  it("200 steps with Adam in f32 stay by PyTorch's in f64 (all runs: torch_float32.slow.test.ts)", () => {
    expectTorch(
      trainAsTorch(sources, { ...network, precision: "f32" }, run as TorchRun),
      run as TorchRun,
      SINGLE,
    );
  });
});

/** The gradients of a step in one precision, from weights that both have exactly. */
function gradientsOf(name: string, loss: LossOptions, precision: Precision) {
  const engine = createEngineSync();
  const rounded = createTrainable(engine, { ...single(name), seed: 3 }).weights();
  const net = createTrainable(engine, { ...optionsOf(name), precision });
  net.load(rounded);
  const trainer = createTrainer(net, { loss, optimizer: adam, accumulate: 2 });
  const lengths = (optionsOf(name).output.of ?? "step") === "step" ? [4, 0, 7] : [4, 1, 7];
  trainer.step(drawBatch(optionsOf(name), loss, { lengths }));
  const { tensors } = readSafetensors(trainer.checkpoint());
  engine.dispose();
  return new Map([...tensors].filter(([tensor]) => tensor.startsWith("gradient.")));
}

describe.each(names)("%s", (name) => {
  const options = optionsOf(name);
  const losses: readonly LossOptions[] = [
    { name: "crossEntropy", labelSmoothing: 0.2, ignore: 1 },
    "mse",
    "bce",
  ];

  // A chain of some hundred operations, each within 6e-8; seen at 7e-7.
  it.each(losses.map((loss) => ({ title: JSON.stringify(loss), loss })))(
    "every gradient is that of f64 to 3e-6 of the parameter's largest: $title",
    ({ loss }) => {
      const [f64, f32] = [gradientsOf(name, loss, "f64"), gradientsOf(name, loss, "f32")];
      expect([...f32.keys()]).toEqual([...f64.keys()]);
      const largest = (x: ArrayLike<number>) => Math.max(...Array.from(x, Math.abs));
      const floor = 1e-3 * Math.max(...[...f64.values()].map(({ data }) => largest(data)));
      for (const [tensor, { data }] of f64) {
        const own = f32.get(tensor)?.data as Float32Array;
        expect(own).toBeInstanceOf(Float32Array);
        const error = largest(data.map((value, i) => value - (own[i] as number)));
        expect(error / Math.max(largest(data), floor), tensor).toBeLessThan(3e-6);
      }
    },
  );

  // The loss is known to 1e-8 or so, the differences move weights by 0.04, and gradients from 1e-4 of the largest count; seen at 7e-4.
  it("differences of the loss see no wrong term of more than 0.4 %", () => {
    const net = createTrainable(createEngineSync(), { ...single(name), seed: 3 });
    const batch = drawBatch(options, "mse", { lengths: [4, 1, 7] });
    const [worst] = gradCheck(net, batch, { loss: "mse", samples: 8, h: 0.04 });
    expect(worst?.error, JSON.stringify(worst)).toBeLessThan(4e-3);
  });

  it("a file holds float32, and a network of it in either precision has the weights in every bit", () => {
    const engine = createEngineSync();
    const net = createTrainable(engine, { ...single(name), seed: 3 });
    for (const [tensor, { data }] of Object.entries(net.weights())) {
      expect(data).toEqual(Float64Array.from(data, Math.fround));
      expect(data, tensor).toBeInstanceOf(Float64Array);
    }
    const file = net.save();
    const { tensors } = readSafetensors(file);
    for (const { data } of tensors.values()) expect(data).toBeInstanceOf(Float32Array);
    for (const precision of ["f32", "f64"] as const) {
      const isPlain = !options.layerNorm && !options.residual;
      const copy = isPlain
        ? trainable(engine, file, { precision })
        : createTrainable(engine, { ...options, precision });
      if (!isPlain) copy.load(tensors);
      expect(copy.weights()).toEqual(net.weights());
    }
    engine.dispose();
  });
});

it("a language model trained in f32 is scored in both precisions", async () => {
  const engine = createEngineSync();
  const net = createTrainable(engine, single("lstm"));
  const trainer = createTrainer(net, { loss: "crossEntropy", optimizer: adam });
  const ids = [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5];
  const batch = { inputs: [ids.slice(0, -1)], targets: [ids.slice(1)] };
  for (let step = 0; step < 100; step++) trainer.step(batch);
  const { loss, tokens } = trainer.evaluate(batch);
  for (const precision of ["f64", "f32"] as const) {
    const model = await loadLanguageModel(engine, net.save(), { precision });
    const [score] = await model.score([ids]);
    expect(score?.tokens).toBe(tokens);
    expect(Math.abs((score?.logProb as number) + loss * tokens)).toBeLessThan(1e-5 * tokens);
  }
  engine.dispose();
});

it("a tagger trained in f32 gives what the network gives", async () => {
  const engine = createEngineSync();
  const net = createTrainable(engine, single("two stacks"));
  const rows: Tensor = { shape: [3, 3], data: Float64Array.of(1, 2, 3, -1, 0, 1, 0.5, 0.25, 2) };
  const [tags] = await (await loadTagger(engine, net.description())).tag([rows]);
  const targets = [{ shape: [3, 2], data: Float64Array.from(tags?.values.data ?? []) }];
  const trainer = createTrainer(net, { loss: "mse", optimizer: adam });
  expect(trainer.evaluate({ inputs: [rows], targets }).loss).toBeLessThan(1e-12);
  engine.dispose();
});

/** Two steps of 2,048 rows: their losses, and the bytes of linear memory that they take. */
function large(precision: Precision): { losses: number[]; bytes: number } {
  const engine = createEngineSync();
  const before = engine.memory().bytes;
  const options: TrainableOptions = {
    input: { tokens: 65, embedding: 64 },
    recurrent: { cell: "lstm", hiddenSize: 64, layers: 2 },
    output: { size: 65 },
    precision,
  };
  const trainer = createTrainer(createTrainable(engine, options), {
    loss: "crossEntropy",
    optimizer: adam,
  });
  const lengths: number[] = Array(32).fill(64);
  const weights = lengths.map((T, b) => Array.from({ length: T }, (_, t) => 1 + ((b + 3 * t) % 5)));
  const batch = { ...drawBatch(options, "crossEntropy", { lengths }), weights };
  const losses = [1, 2].map(() => trainer.step(batch).loss);
  const { bytes } = engine.memory();
  engine.dispose();
  return { losses, bytes: bytes - before };
}

it("a large batch has the losses of f64 to 1e-7 and takes at most 0.6 of the memory", () => {
  const [f64, f32] = [large("f64"), large("f32")];
  expect(f32.bytes / f64.bytes).toBeLessThan(0.6);
  f64.losses.forEach((loss, step) => {
    expect(Math.abs((f32.losses[step] as number) / loss - 1)).toBeLessThan(1e-7);
  });
});

it("rows of a batch have the bits that they have alone, whatever stands beside them", () => {
  const engine = createEngineSync();
  for (const name of names) {
    const options = single(name);
    const trainer = createTrainer(createTrainable(engine, options), {
      loss: "mse",
      optimizer: adam,
    });
    const perStep = (options.output.of ?? "step") === "step";
    const lengths = [5, 9, 5, 2];
    const batch = drawBatch(options, "mse", { lengths });
    /** The loss of sequence b alone, all others at weight 0. */
    const lossOf = (b: number): number =>
      trainer.evaluate({
        ...batch,
        weights: perStep
          ? lengths.map((T, other) => Array(T).fill(other === b ? 1 : 0))
          : lengths.map((_, other) => (other === b ? 1 : 0)),
      }).loss;
    lengths.forEach((_, b) => {
      const targets = perStep
        ? [(batch.targets as readonly Tensor[])[b] as Tensor]
        : rowOf(batch.targets as Tensor, b);
      const alone = trainer.evaluate({ inputs: [batch.inputs[b] as Tensor], targets });
      expect(lossOf(b), `${name}, sequence ${b}`).toBe(alone.loss);
    });
  }
  engine.dispose();
});

function rowOf({ shape, data }: Tensor, row: number): Tensor {
  const n = shape[1] as number;
  return { shape: [1, n], data: data.slice(row * n, (row + 1) * n) };
}

it("the guard restores weights and moments in every bit", () => {
  const options = single("two stacks");
  const net = createTrainable(createEngineSync(), options);
  const trainer = createTrainer(net, { loss: "mse", optimizer: adam, guardEvery: 1 });
  const batch = drawBatch(options, "mse");
  for (let step = 0; step < 3; step++) trainer.step(batch);
  /** All but the states that are carried, which are forgotten. */
  const saved = () => {
    const { tensors } = readSafetensors(trainer.checkpoint());
    return [...tensors].filter(([name]) => name !== "state");
  };
  const before = saved();
  expect(before).toHaveLength(3 * net.parameters.length);
  const bad = { ...batch, inputs: batch.inputs.map((x) => ({ ...(x as Tensor) })) };
  for (const input of bad.inputs) input.data = input.data.map(() => Number.NaN);
  const error = thrownBy(() => trainer.step(bad)) as Error;
  expect(error.name).toBe("DivergenceError");
  expect(error.message).toMatch(/operand inputs\[0\]/);
  expect(saved()).toEqual(before);
});

it("a checkpoint of the other precision is refused, and nothing is changed", () => {
  const of = (precision: Precision) => {
    const options = { ...optionsOf("gru"), precision };
    const net = createTrainable(createEngineSync(), options);
    const trainer = createTrainer(net, { loss: "crossEntropy", optimizer: adam });
    trainer.step(drawBatch(options, "crossEntropy"));
    return trainer;
  };
  for (const [own, other, type] of [
    ["f32", "f64", "float32"],
    ["f64", "f32", "float64"],
  ] as const) {
    const trainer = of(own);
    const before = trainer.checkpoint();
    const error = thrownBy(() => trainer.restore(of(other).checkpoint())) as ModelFormatError;
    expect(error).toBeInstanceOf(ModelFormatError);
    expect(error.code).toBe("state");
    expect(error.message).toBe(
      `restore: "embedding.weight": expected ${type} numbers, as the network has them`,
    );
    expect(trainer.checkpoint()).toEqual(before);
  }
});

describe("options", () => {
  const engine = createEngineSync();

  it("another precision is refused", () => {
    for (const open of [
      () => createTrainable(engine, { ...optionsOf("gru"), precision: "f16" as never }),
      () => trainable(engine, new Uint8Array(), { precision: "f16" as never }),
    ]) {
      expect(open).toThrow(TypeError);
      expect(open).toThrow(/: precision: expected one of "f64", "f32", got "f16"$/);
    }
  });

  it("a stack has no precision of its own", () => {
    const recurrent = { cell: "gru", hiddenSize: 2, precision: "f32" } as never;
    expect(() => createTrainable(engine, { ...optionsOf("gru"), recurrent })).toThrow(
      /^createTrainable: recurrent: precision: remove it: it is an option of the whole network$/,
    );
  });
});
