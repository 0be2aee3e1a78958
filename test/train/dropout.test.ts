import { describe, expect, it } from "vitest";
import { createEngineSync, type Tensor } from "../../src/index.js";
import type { TrainingBatch } from "../../src/train/batch.js";
import type { TrainableOptions } from "../../src/train/options.js";
import { createTrainable, type Trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { dropoutMask } from "../oracle/dropout.js";
import { drawBatch } from "./networks.js";

const engine = createEngineSync();
const sgd = { loss: "mse", optimizer: { name: "sgd", lr: 1 } } as const;
/** Leaves the weights as they are. */
const still = { loss: "mse", optimizer: { name: "sgd", lr: 0 } } as const;

describe("of layers and output", () => {
  const options = {
    input: { features: 2 },
    recurrent: { cell: "rnn", hiddenSize: 64, layers: 2, dropout: 0.25 },
    output: { size: 1, dropout: 0.5 },
  } as const;
  const losses = (seed: number) => {
    const trainer = createTrainer(createTrainable(engine, options), { ...still, seed });
    const batch = drawBatch(options, "mse");
    return [1, 2, 3].map(() => trainer.step(batch).loss);
  };

  it("has the same masks for the same seed, others at each step and for other seeds", () => {
    expect(losses(1)).toEqual(losses(1));
    expect(new Set([...losses(1), ...losses(2)]).size).toBe(6);
  });

  it("is off in evaluate, and its mean is the loss without it", () => {
    const net = createTrainable(engine, {
      ...options,
      recurrent: { ...options.recurrent, dropout: 0 },
    });
    const trainer = createTrainer(net, still);
    const batch = {
      inputs: drawBatch(options, "mse").inputs,
      targets: [3, 5, 1].map((T) => ({ shape: [T, 1], data: new Float64Array(T).fill(1000) })),
    };
    // The loss is nearly linear in the output here: (y − 1000)² ≈ 1e6 − 2000 y.
    const exact = trainer.evaluate(batch).loss;
    expect(trainer.evaluate(batch).loss).toBe(exact);
    const runs = Array.from({ length: 400 }, () => trainer.step(batch).loss - exact);
    const mean = runs.reduce((sum, each) => sum + each, 0) / 400;
    const deviation = Math.sqrt(runs.reduce((sum, each) => sum + each * each, 0) / 400);
    expect(deviation).toBeGreaterThan(1);
    expect(Math.abs(mean)).toBeLessThan((4 * deviation) / 20);
  });
});

/** The loss of one step of a fresh trainer, whose masks are those of its seed, and the gradient that it took off the weights. */
function stepOf(net: Trainable, batch: TrainingBatch, seed: number) {
  const before = net.weights();
  const trainer = createTrainer(net, { ...sgd, seed });
  const { loss } = trainer.step(batch);
  const after = net.weights();
  net.load(before);
  trainer.dispose();
  const gradient = (name: string, i: number): number =>
    ((before[name] as Tensor).data[i] as number) - ((after[name] as Tensor).data[i] as number);
  return { loss, gradient, before };
}

const features = (data: readonly number[], n: number): Tensor => ({
  shape: [data.length / n, n],
  data: Float64Array.from(data),
});

describe.each([false, true])("with variational masks: %s", (variational) => {
  const p = 0.4;
  const plain: TrainableOptions = {
    input: { features: 3 },
    recurrent: { cell: "lstm", hiddenSize: 4, layers: 2 },
    output: { size: 2 },
    seed: 4,
  };

  it("a network whose input has dropout sees the features times the oracle's masks: the same bits", () => {
    const lengths = [2, 4, 3];
    const batch = drawBatch(plain, "mse", { lengths });
    const seed = 2 ** 40 + 5;
    const net = createTrainable(engine, {
      ...plain,
      input: { features: 3, dropout: p },
      variational,
    });
    const got = createTrainer(net, { ...sgd, seed }).step(batch);
    // In a batch the sequences stand by falling length, step by step; masks of sequences are in the caller's order.
    const sorted = [1, 2, 0];
    const rowOf = (b: number, t: number): number => {
      let row = 0;
      for (let step = 0; step < t; step++) row += lengths.filter((T) => T > step).length;
      return row + sorted.indexOf(b);
    };
    const masked = batch.inputs.map((each, b) => {
      const { data } = each as Tensor;
      const numbers = Array.from(data, (x, i) => {
        const t = Math.floor(i / 3);
        const place = variational ? b * 3 : rowOf(b, t) * 3;
        return x * dropoutMask(BigInt(seed), BigInt(place + (i % 3)), p);
      });
      return features(numbers, 3);
    });
    const other = createTrainable(engine, plain);
    const want = createTrainer(other, sgd).step({ ...batch, inputs: masked });
    expect(got).toEqual(want);
    expect(net.weights()).toEqual(other.weights());
    expect(masked).not.toEqual(batch.inputs);
  });

  it("the gradient under dropout of input, layers and output is that of differences to 1e-7", () => {
    const options: TrainableOptions = {
      input: { tokens: 5, embedding: 3, dropout: 0.2 },
      recurrent: { cell: "gru", hiddenSize: 4, layers: 2, dropout: 0.3 },
      output: { size: 2, dropout: 0.3 },
      seed: 2,
      variational,
    };
    const net = createTrainable(engine, options);
    const batch = drawBatch(options, "mse", { lengths: [4, 2, 5] });
    const { gradient, before } = stepOf(net, batch, 8);
    const h = 1e-3;
    for (const { name } of net.parameters) {
      const { data } = before[name] as Tensor;
      for (const i of [0, data.length >> 1, data.length - 1]) {
        const at = (by: number): number => {
          const moved = Float64Array.from(data);
          moved[i] = (moved[i] as number) + by;
          net.load({ ...before, [name]: moved });
          const { loss } = stepOf(net, batch, 8);
          net.load(before);
          return loss;
        };
        const near = at(h / 2) - at(-h / 2);
        const difference = (8 * near - (at(h) - at(-h))) / (6 * h);
        expect(Math.abs(gradient(name, i) - difference), `${name}[${i}]`).toBeLessThan(1e-7);
      }
    }
  });

  it(`steps of equal hidden states have ${variational ? "one output" : "different outputs"}`, () => {
    const options: TrainableOptions = {
      input: { features: 1 },
      recurrent: { cell: "rnn", hiddenSize: 16 },
      output: { size: 1, dropout: 0.5 },
      variational,
    };
    const net = createTrainable(engine, options);
    const zero = (name: string) => (net.weights()[name] as Tensor).data.map(() => 0);
    // h = tanh(bias) at every step.
    net.load({
      ...net.weights(),
      "recurrent.weight_ih_l0": Float64Array.from(zero("recurrent.weight_ih_l0")),
      "recurrent.weight_hh_l0": Float64Array.from(zero("recurrent.weight_hh_l0")),
    });
    const batchOf = (T: number): TrainingBatch => ({
      inputs: [features(Array(T).fill(1), 1)],
      targets: [features(Array(T).fill(2), 1)],
    });
    const [one, eight] = [1, 8].map((T) => stepOf(net, batchOf(T), 3).loss) as [number, number];
    expect(Math.abs(one - eight) < 1e-14 * one).toBe(variational);
  });
});

it("an output for each sequence has dropout in a variational network, too", () => {
  const options: TrainableOptions = {
    input: { features: 2 },
    recurrent: { cell: "gru", hiddenSize: 8 },
    output: { size: 1, of: "mean", dropout: 0.5 },
    variational: true,
  };
  const net = createTrainable(engine, options);
  const batch = drawBatch(options, "mse");
  const { loss } = stepOf(net, batch, 1);
  expect(loss).not.toBe(createTrainer(net, sgd).evaluate(batch).loss);
});

it.each([
  [{ input: { features: 2, dropout: 1 } }, /^createTrainable: input: dropout: expected .* below 1/],
  [
    { input: { tokens: 3, dropout: "much" } },
    /^createTrainable: input: dropout: expected a number/,
  ],
  [{ variational: 1 }, /^createTrainable: variational: expected true or false, got 1$/],
])("%o is refused", (given, message) => {
  const options = {
    input: { features: 2 },
    recurrent: { cell: "rnn", hiddenSize: 2 },
    output: { size: 1 },
    ...given,
  };
  expect(() => createTrainable(engine, options as never)).toThrow(message);
});
