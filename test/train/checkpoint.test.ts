import { describe, expect, it } from "vitest";
import {
  ModelFormatError,
  readSafetensors,
  writeSafetensors,
} from "../../src/formats/safetensors.js";
import { createEngineSync } from "../../src/index.js";
import { textStreams } from "../../src/train/data.js";
import type { OptimizerOptions } from "../../src/train/optimizer_options.js";
import type { TrainableOptions } from "../../src/train/options.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerOptions } from "../../src/train/training.js";
import { drawBatch } from "./networks.js";

const NETWORK: TrainableOptions = {
  input: { tokens: 6, embedding: 3 },
  recurrent: { cell: "lstm", hiddenSize: 4, layers: 2, dropout: 0.3 },
  output: { size: 6 },
  seed: 5,
};

const open = (
  options: Partial<TrainerOptions>,
  { seed = 5, precision = "f64" }: Pick<TrainableOptions, "seed" | "precision"> = {},
) => {
  const net = createTrainable(createEngineSync(), { ...NETWORK, seed, precision });
  const trainer = createTrainer(net, {
    loss: "crossEntropy",
    optimizer: { name: "adam", lr: 0.02 },
    schedule: { name: "exponential", gamma: 0.9 },
    clipNorm: 0.5,
    seed: 3,
    ...options,
  });
  return { net, trainer };
};

const OPTIMIZERS: readonly OptimizerOptions[] = [
  { name: "sgd", lr: 0.1, momentum: 0.9 },
  { name: "sgd", lr: 0.1 },
  { name: "adam", lr: 0.02, amsgrad: true },
  { name: "adamw", lr: 0.02 },
  { name: "rmsprop", momentum: 0.5, centered: true, eps: 1e-3 },
  { name: "adagrad", lrDecay: 0.1, initialAccumulatorValue: 0.2 },
];

const batchAt = (step: number) => ({
  ...drawBatch(NETWORK, "crossEntropy", { seed: step, lengths: [3, 1, 4] }),
  carry: true,
});

const PRECISIONS = ["f64", "f32"] as const;
const RUNS = PRECISIONS.flatMap((precision) =>
  OPTIMIZERS.map((optimizer) => ({ precision, title: JSON.stringify(optimizer), optimizer })),
);

describe.each(RUNS)("$title, $precision", ({ optimizer, precision }) => {
  it("a run that is restored after any step gives the bits of one that was not interrupted", () => {
    const options = { optimizer, accumulate: 3 };
    const whole = open(options, { precision });
    const saved: Uint8Array[] = [];
    const reports = Array.from({ length: 8 }, (_, step) => {
      saved.push(whole.trainer.checkpoint());
      return whole.trainer.step(batchAt(step));
    });
    for (const first of [0, 1, 3, 5, 7]) {
      const { net, trainer } = open(options, { seed: 77, precision });
      // What was before does not matter.
      trainer.step(batchAt(99));
      trainer.restore(saved[first] as Uint8Array);
      expect(trainer.checkpoint()).toEqual(saved[first]);
      for (let step = first; step < 8; step++) {
        expect(trainer.step(batchAt(step))).toEqual(reports[step]);
      }
      expect(net.weights()).toEqual(whole.net.weights());
      expect(trainer.learningRate).toBe(whole.trainer.learningRate);
    }
  });
});

describe("fit", () => {
  const data = drawBatch(NETWORK, "crossEntropy", { lengths: [3, 1, 4, 2, 5, 3, 2] });
  const validate = drawBatch(NETWORK, "crossEntropy", { seed: 8, lengths: [4, 4] });
  const text = Int32Array.from({ length: 101 }, (_, i) => (i * i + i) % 6);

  const run = async (
    { trainer, net }: ReturnType<typeof open>,
    source: Parameters<typeof trainer.fit>[0],
    options: Parameters<typeof trainer.fit>[1],
    stopAfter = Number.POSITIVE_INFINITY,
  ) => {
    const reports = [];
    for await (const report of trainer.fit(source, options)) {
      reports.push(report);
      if (reports.length === stopAfter) break;
    }
    return { reports, weights: net.weights() };
  };

  const sources = [
    { title: "sequences", source: data },
    { title: "one text", source: textStreams(text, { streams: 4, steps: 6 }) },
  ];

  it.each(PRECISIONS.flatMap((precision) => sources.map((each) => ({ ...each, precision }))))(
    "stopped anywhere and resumed from the checkpoint it gives the same bits: $title, $precision",
    async ({ source, precision }) => {
      const options = { epochs: 4, batchSize: 3, validate, earlyStopping: { patience: 9 } };
      const whole = await run(open({}, { precision }), source, options);
      const perEpoch = "inputs" in source ? 3 : source.length;
      expect(whole.reports).toHaveLength(4 * perEpoch);
      expect(whole.reports.filter(({ validation }) => validation !== undefined)).toHaveLength(4);
      for (const stop of [1, 2, perEpoch, perEpoch + 1, 3 * perEpoch]) {
        const first = open({}, { precision });
        const before = await run(first, source, options, stop);
        const second = open({}, { seed: 99, precision });
        second.trainer.restore(first.trainer.checkpoint());
        const after = await run(second, source, options);
        expect([...before.reports, ...after.reports]).toEqual(whole.reports);
        expect(after.weights).toEqual(whole.weights);
      }
    },
  );

  it("gives each sequence once an epoch, in another order each time", async () => {
    const { trainer } = open({});
    const seen: number[][] = [];
    const marked = { inputs: data.inputs, targets: data.targets };
    const tokens: number[] = [];
    for await (const { tokens: own } of trainer.fit(marked as never, { epochs: 6, batchSize: 1 })) {
      tokens.push(own);
      if (tokens.length === 7) seen.push(tokens.splice(0));
    }
    for (const order of seen) {
      expect([...order].sort()).toEqual([1, 2, 2, 3, 3, 4, 5]);
    }
    expect(new Set(seen.map((order) => order.join())).size).toBeGreaterThan(4);
    const plain = open({}).trainer;
    for await (const { tokens: own } of plain.fit(marked as never, {
      batchSize: 1,
      shuffle: false,
    })) {
      tokens.push(own);
    }
    expect(tokens).toEqual([3, 1, 4, 2, 5, 3, 2]);
  });

  it("counts steps over all runs, ends by the signal, and hands out checkpoints", async () => {
    const opened = open({});
    const saved: number[] = [];
    const { reports } = await run(opened, data, {
      steps: 5,
      batchSize: 3,
      checkpointEvery: 2,
      checkpoint: (bytes) => {
        saved.push(bytes.length);
      },
    });
    expect(reports.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(saved).toHaveLength(3);
    expect((await run(opened, data, { steps: 5 })).reports).toEqual([]);
    const controller = new AbortController();
    const more = [];
    for await (const report of opened.trainer.fit(data, {
      epochs: 99,
      signal: controller.signal,
    })) {
      more.push(report.step);
      if (report.step === 8) controller.abort();
    }
    expect(more).toEqual([6, 7, 8]);
  });

  it("early stopping restores the weights of the lowest validation loss", async () => {
    const opened = open({
      optimizer: { name: "sgd", lr: 3, momentum: 0.9 },
      schedule: undefined,
      clipNorm: undefined,
    });
    const seen: { validation: number; weights: object }[] = [];
    for await (const { validation } of opened.trainer.fit(data, {
      epochs: 40,
      batchSize: 7,
      validate,
      earlyStopping: { patience: 3 },
    })) {
      seen.push({ validation: validation as number, weights: opened.net.weights() });
    }
    const best = seen.reduce((low, each) => (each.validation < low.validation ? each : low));
    expect(seen.length).toBeLessThan(40);
    expect(seen.length).toBe(seen.indexOf(best) + 4);
    expect(opened.net.weights()).toEqual(best.weights);
  });

  it.each([
    [
      "an unknown option",
      { epoch: 1 },
      /^fit: options: unknown option "epoch": did you mean epochs\?/,
    ],
    [
      "early stopping without validation",
      { earlyStopping: { patience: 1 } },
      /^fit: earlyStopping: expected validate/,
    ],
    ["a batch of none", { batchSize: 0 }, /^fit: batchSize: expected an integer ≥ 1, got 0/],
  ])("refuses %s", async (_, options, message) => {
    await expect(
      open({})
        .trainer.fit(data, options as never)
        .next(),
    ).rejects.toThrow(message);
  });
});

describe("textStreams", () => {
  it("reads parts side by side; the next token is the target; all but the rest is read once", () => {
    const ids = Array.from({ length: 24 }, (_, i) => i);
    const source = textStreams(ids, { streams: 2, steps: 4 });
    expect(source.length).toBe(3);
    const batches = [0, 1, 2].map((i) => source.batch(i, 0));
    expect(batches.map(({ carry }) => carry)).toEqual([false, true, true]);
    const lists = (of: unknown) => (of as Int32Array[]).map((each) => [...each]);
    expect(lists(batches[1]?.inputs)).toEqual([
      [4, 5, 6, 7],
      [15, 16, 17, 18],
    ]);
    expect(lists(batches[1]?.targets)).toEqual([
      [5, 6, 7, 8],
      [16, 17, 18, 19],
    ]);
    expect(lists(batches[2]?.inputs)).toEqual([
      [8, 9, 10],
      [19, 20, 21],
    ]);
    expect(() => textStreams([1, 2], { streams: 2 })).toThrow(
      /expected at least 3, one a stream, got 2/,
    );
  });
});

describe("restore refuses what is no checkpoint of this run, and changes nothing", () => {
  const { trainer } = open({});
  trainer.step(batchAt(1));
  const good = trainer.checkpoint();
  const changed = (
    change: (tensors: Map<string, never>, content: Record<string, unknown>) => void,
  ) => {
    const { tensors, metadata } = readSafetensors(good);
    const content = JSON.parse(metadata.get("recurra.training") as string);
    const copy = new Map(tensors) as Map<string, never>;
    change(copy, content);
    return writeSafetensors(copy, { "recurra.training": JSON.stringify(content) });
  };
  it.each([
    [
      "a model",
      createTrainable(createEngineSync(), NETWORK).save(),
      /expected a checkpoint of this package/,
    ],
    [
      "another optimiser",
      open({ optimizer: { name: "sgd" } }).trainer.checkpoint(),
      /optimizer: expected the moments exp_avg, exp_avg_sq, got none/,
    ],
    [
      "another version",
      changed((_, content) => Object.assign(content, { version: 2 })),
      /expected a checkpoint of version 1, got 2/,
    ],
    [
      "a counter that is none",
      changed((_, content) => Object.assign(content, { drawn: -1 })),
      /drawn: expected an integer ≥ 0/,
    ],
    [
      "a missing tensor",
      changed((tensors) => tensors.delete("optimizer.exp_avg.output.bias")),
      /"optimizer.exp_avg.output.bias": expected a tensor, got none/,
    ],
    [
      "states of another size",
      changed((_, content) => Object.assign(content, { m: 1e9 })),
      /"state": expected \d+ numbers/,
    ],
  ] as const)("%s", (_, bytes, message) => {
    expect(() => trainer.restore(bytes)).toThrow(ModelFormatError);
    expect(() => trainer.restore(bytes)).toThrow(message);
    expect(trainer.checkpoint()).toEqual(good);
  });
});
