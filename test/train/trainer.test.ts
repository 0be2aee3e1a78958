import { describe, expect, it } from "vitest";
import { createEngineSync, ShapeError, StateError, type Tensor } from "../../src/index.js";
import { DivergenceError } from "../../src/train/divergence.js";
import { type ScheduleOptions, scheduleOf } from "../../src/train/schedules.js";
import { createTrainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { TrainerOptions } from "../../src/train/training.js";
import { carries, drawBatch, NETWORKS, names, optionsOf } from "./networks.js";

const engine = createEngineSync();
const sgd = { loss: "mse", optimizer: { name: "sgd", lr: 0 } } as const;

const make = (name: string, options: Partial<TrainerOptions> = {}) => {
  const net = createTrainable(engine, { ...optionsOf(name), seed: 2 });
  const trainer = createTrainer(net, { ...sgd, ...options } as TrainerOptions);
  return { net, trainer };
};

const near = (got: number, want: number, bound = 1e-14): void => {
  expect(Math.abs(got - want)).toBeLessThanOrEqual(bound * Math.max(1, Math.abs(want)));
};

describe("a batch", () => {
  const stepped = names.filter((name) => (optionsOf(name).output.of ?? "step") === "step");

  it.each(stepped)("the loss of ragged sequences is the mean of theirs alone: %s", (name) => {
    const { trainer } = make(name);
    const { inputs, targets } = drawBatch(optionsOf(name), "mse", { lengths: [2, 5, 0, 3, 5] });
    const { loss, tokens } = trainer.evaluate({ inputs, targets });
    expect(tokens).toBe(15);
    const alone = inputs.flatMap((input, b) => {
      const target = (targets as Tensor[])[b] as Tensor;
      if (target.shape[0] === 0) return [];
      return [trainer.evaluate({ inputs: [input], targets: [target] })];
    });
    near(loss, alone.reduce((sum, each) => sum + each.loss * each.tokens, 0) / 15);
  });

  it.each(names.filter((name) => carries(optionsOf(name))))(
    "carry: halves of sequences have the loss of the whole: %s",
    (name) => {
      const options = optionsOf(name);
      if ((options.output.of ?? "step") !== "step") return;
      const { trainer } = make(name);
      const { inputs, targets } = drawBatch(options, "mse", { lengths: [4, 6, 2] });
      const cut = (of: readonly unknown[], part: 0 | 1) =>
        of.map((each) => {
          const list = each as number[] | Tensor;
          if (Array.isArray(list)) {
            const half = list.length / 2;
            return part === 0 ? list.slice(0, half) : list.slice(half);
          }
          const [T = 0, n = 0] = list.shape;
          const half = (T / 2) * n;
          const data = part === 0 ? list.data.slice(0, half) : list.data.slice(half);
          return { shape: [T / 2, n], data };
        }) as never[];
      const whole = trainer.evaluate({ inputs, targets }).loss;
      const steps = ([0, 1] as const).map((part) =>
        trainer.step({
          inputs: cut(inputs, part),
          targets: cut(targets as Tensor[], part),
          carry: part === 1,
        }),
      );
      near((steps[0]?.loss ?? 0) / 2 + (steps[1]?.loss ?? 0) / 2, whole);
    },
  );

  it("evaluate leaves the states that are carried, the weights and dropout's numbers", () => {
    const options = {
      ...optionsOf("lstm"),
      recurrent: { cell: "lstm", hiddenSize: 4, layers: 2, dropout: 0.5 },
    } as const;
    const run = (isDisturbed: boolean) => {
      const net = createTrainable(engine, options);
      const trainer = createTrainer(net, { loss: "mse", optimizer: { name: "adam" } });
      const losses: number[] = [];
      for (let step = 0; step < 4; step++) {
        const batch = drawBatch(options, "mse", { seed: step, lengths: [3, 3] });
        losses.push(trainer.step({ ...batch, carry: true }).loss);
        if (isDisturbed) trainer.evaluate(drawBatch(options, "mse", { lengths: [1, 4, 2] }));
      }
      return { losses, weights: net.weights() };
    };
    expect(run(true)).toEqual(run(false));
  });

  it("weights make the weighted mean; a weight of 0 takes a row out", () => {
    const { trainer } = make("gru");
    const options = optionsOf("gru");
    const { inputs, targets } = drawBatch(options, "mse", { lengths: [2, 2] });
    const [a, b] = inputs.map((input, i) => {
      const target = (targets as Tensor[])[i] as Tensor;
      return trainer.evaluate({ inputs: [input], targets: [target] }).loss;
    }) as [number, number];
    const weighted = trainer.evaluate({
      inputs,
      targets,
      weights: [
        [3, 3],
        [1, 1],
      ],
    });
    near(weighted.loss, (3 * a + b) / 4);
    near(
      trainer.evaluate({
        inputs,
        targets,
        weights: [
          [0, 0],
          [2, 2],
        ],
      }).loss,
      b,
    );
    expect(
      trainer.evaluate({
        inputs,
        targets,
        weights: [
          [0, 0],
          [0, 0],
        ],
      }).loss,
    ).toBe(0);
  });

  it("ignored targets are neither in the loss nor among the tokens", () => {
    const { trainer } = make("gru", { loss: { name: "crossEntropy", ignore: -100 } });
    const inputs = [[1, 2, 3]];
    const all = trainer.evaluate({ inputs, targets: [[0, -100, -100]] });
    const one = trainer.evaluate({ inputs: [[1]], targets: [[0]] });
    expect(all.tokens).toBe(1);
    near(all.loss, one.loss);
    expect(trainer.step({ inputs, targets: [[-100, -100, -100]] })).toEqual({
      loss: 0,
      tokens: 0,
      gradientNorm: 0,
    });
  });
});

it("a short run learns: the loss falls below a hundredth", () => {
  const { trainer } = make("lstm", { loss: "crossEntropy", optimizer: { name: "adam", lr: 0.05 } });
  const batch = { inputs: [[0, 1, 2, 3, 4]], targets: [[1, 2, 3, 4, 5]] };
  const first = trainer.step(batch).loss;
  for (let step = 0; step < 200; step++) trainer.step(batch);
  expect(trainer.evaluate(batch).loss).toBeLessThan(first / 100);
  expect(trainer.updates).toBe(201);
});

it("accumulate: two steps make the update of one with both batches", () => {
  const runs = [1, 2].map((accumulate) => {
    const { net, trainer } = make("gru", { accumulate, optimizer: { name: "sgd", lr: 0.5 } });
    const { inputs, targets } = drawBatch(optionsOf("gru"), "mse", { lengths: [3, 3] });
    if (accumulate === 1) trainer.step({ inputs, targets });
    else {
      inputs.forEach((input, b) => {
        expect(trainer.updates).toBe(0);
        trainer.step({ inputs: [input], targets: [(targets as Tensor[])[b] as Tensor] });
      });
    }
    expect(trainer.updates).toBe(1);
    return net.weights();
  });
  for (const [name, { data }] of Object.entries(runs[0] ?? {})) {
    data.forEach((value, i) => {
      near(runs[1]?.[name]?.data[i] as number, value);
    });
  }
});

it("clipNorm and clipValue bound what an update sees", () => {
  const step = (options: Partial<TrainerOptions>) => {
    const { net, trainer } = make("gru", { optimizer: { name: "sgd", lr: 1 }, ...options });
    const before = net.weights();
    const { gradientNorm } = trainer.step(drawBatch(optionsOf("gru"), "mse"));
    const after = net.weights();
    const moves = Object.keys(before).flatMap((name) =>
      [...(after[name]?.data ?? [])].map((x, i) => x - (before[name]?.data[i] as number)),
    );
    return { gradientNorm, moves };
  };
  const free = step({});
  near(Math.hypot(...free.moves), free.gradientNorm, 1e-12);
  const limit = free.gradientNorm / 3;
  near(Math.hypot(...step({ clipNorm: limit }).moves), limit, 1e-5);
  expect(step({ clipNorm: limit }).gradientNorm).toBe(free.gradientNorm);
  const most = Math.max(...step({ clipValue: 0.001 }).moves.map(Math.abs));
  near(most, 0.001, 1e-15);
});

it("frozen parameters stay, and their gradient is not in the norm", () => {
  const { net, trainer } = make("lstm", { optimizer: { name: "adamw", lr: 0.1 } });
  const batch = drawBatch(optionsOf("lstm"), "mse");
  const free = createTrainer(net, sgd).step(batch).gradientNorm;
  net.freeze("embedding", "recurrent.weight_hh_l0");
  const before = net.weights();
  expect(trainer.step(batch).gradientNorm).toBeLessThan(free);
  const after = net.weights();
  for (const { name } of net.parameters) {
    const isFrozen = net.frozen().includes(name);
    expect(isFrozen, name).toBe(
      after[name]?.data.every((value, i) => value === before[name]?.data[i]),
    );
  }
  net.unfreeze("embedding");
  trainer.step(batch);
  expect(net.weights()["embedding.weight"]).not.toEqual(before["embedding.weight"]);
});

describe("schedules", () => {
  it.each([
    [{ name: "constant" }, [1, 1, 1, 1, 1, 1, 1]],
    [{ name: "step", stepSize: 2, gamma: 0.5 }, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]],
    [{ name: "multiStep", milestones: [1, 4] }, [1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]],
    [{ name: "exponential", gamma: 0.5 }, [1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]],
    [{ name: "linear", startFactor: 0.5, totalIters: 2 }, [0.5, 0.75, 1, 1, 1, 1, 1]],
    [
      { name: "cosine", tMax: 4, etaMin: 0.2 },
      [0, 1, 2, 3, 4, 4, 4].map((k) => 0.2 + 0.4 * (1 + Math.cos((Math.PI * k) / 4))),
    ],
    [{ name: "constant", warmup: 4 }, [0.25, 0.5, 0.75, 1, 1, 1, 1]],
  ] as const)("%o has the plain formula's rates to 1e-15", (options, want) => {
    const schedule = scheduleOf("test", options as ScheduleOptions);
    want.forEach((rate, k) => {
      near(schedule(k, 1), rate, 1e-15);
      near(schedule(k, 3), options.name === "cosine" ? schedule(k, 3) : 3 * rate, 3e-15);
    });
  });

  it("the trainer tells the rate of its next update", () => {
    const { trainer } = make("gru", {
      optimizer: { name: "sgd", lr: 0.5 },
      schedule: { name: "step", stepSize: 1, gamma: 0.5 },
    });
    expect(trainer.learningRate).toBe(0.5);
    trainer.step(drawBatch(optionsOf("gru"), "mse"));
    expect(trainer.learningRate).toBe(0.25);
  });
});

describe("the guard", () => {
  const batch = drawBatch(optionsOf("bidirectional, last"), "mse");

  it("names step and tensor of the first NaN, and restores the last good weights", () => {
    const { net, trainer } = make("bidirectional, last", {
      optimizer: { name: "adam", lr: 0.01 },
      guardEvery: 2,
    });
    const seen = [net.weights()];
    for (let step = 0; step < 3; step++) {
      trainer.step(batch);
      seen.push(net.weights());
    }
    const [x, ...others] = batch.inputs as Tensor[];
    const broken = { shape: x?.shape ?? [], data: x?.data.slice() ?? new Float64Array(0) };
    broken.data[2] = Number.NaN;
    let error: unknown;
    try {
      trainer.step({ ...batch, inputs: [broken, ...others] });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error).toMatchObject({ step: 4, tensor: "operand inputs[0]", restored: 2 });
    expect(net.weights()).toEqual(seen[2]);
    expect(trainer.updates).toBe(2);
    // It goes on as the run did from there.
    trainer.step(batch);
    expect(net.weights()).toEqual(seen[3]);
  });

  it("names a weight that was loaded as NaN", () => {
    const { net, trainer } = make("bidirectional, last");
    trainer.step(batch);
    const weights = net.weights();
    (weights["recurrent.weight_hh_l1_reverse"] as Tensor).data[3] = Number.POSITIVE_INFINITY;
    net.load(weights);
    expect(() => trainer.step(batch)).toThrow(
      /^step: step 2: expected finite numbers, got .*, first in the weight recurrent.weight_hh_l1_reverse; /,
    );
  });

  it("forgets the states that are carried: the next step starts from zeros", () => {
    const { trainer } = make("projection");
    const own = drawBatch(optionsOf("projection"), "mse", { lengths: [3, 3] });
    const fresh = trainer.step(own).loss;
    const [x, ...others] = own.inputs as Tensor[];
    const broken = { shape: x?.shape ?? [], data: new Float64Array(6).fill(Number.NaN) };
    expect(trainer.step({ ...own, carry: true }).loss).not.toBe(fresh);
    expect(() => trainer.step({ ...own, inputs: [broken, ...others], carry: true })).toThrow(
      DivergenceError,
    );
    expect(trainer.step({ ...own, carry: true }).loss).toBe(fresh);
  });

  it("without copies the weights before the step stay", () => {
    const { net, trainer } = make("gru", { guardEvery: 0, optimizer: { name: "sgd", lr: 1e300 } });
    const own = drawBatch(optionsOf("gru"), "mse");
    expect(() => {
      for (let step = 0; step < 20; step++) trainer.step(own);
    }).toThrow(DivergenceError);
    expect(net.weights()).toBeDefined();
  });
});

describe("errors name the place, what is expected and what was given", () => {
  const { net, trainer } = make("lstm", { loss: "crossEntropy" });
  const inputs = [[0, 1, 2], [3]];
  const targets = [[1, 2, 3], [4]];
  const step = (changes: object) => () => trainer.step({ inputs, targets, ...changes } as never);
  const trained = (changes: object) => () =>
    createTrainer(net, { ...sgd, ...changes } as TrainerOptions);

  it.each([
    [
      "an unknown operand",
      step({ target: [] }),
      TypeError,
      /^step: batch: unknown option "target": did you mean targets\?/,
    ],
    [
      "no list",
      step({ inputs: 3 }),
      TypeError,
      /^step: inputs: expected a list with an entry for each sequence, got number/,
    ],
    [
      "no step",
      step({ inputs: [[], []], targets: [[], []] }),
      ShapeError,
      /^step: inputs: expected at least one step/,
    ],
    [
      "an id out of range",
      step({ inputs: [[0, 6, 1], [2]] }),
      RangeError,
      /^step: inputs\[0\]\[1\]: expected an id in 0 … 5, got 6/,
    ],
    [
      "an id that is no integer",
      step({ targets: [[0, 1, 0.5], [2]] }),
      RangeError,
      /^step: targets\[0\]\[2\]: expected an id in 0 … 5, got 0.5/,
    ],
    [
      "text",
      step({ inputs: ["abc", "d"] }),
      TypeError,
      /^step: inputs\[0\]: expected ids, numbers or Int32Array, got string/,
    ],
    [
      "fewer sequences of targets",
      step({ targets: [[1, 2, 3]] }),
      ShapeError,
      /^step: targets: expected m = 2 sequences, got 1/,
    ],
    [
      "fewer targets than steps",
      step({ targets: [[1, 2], [3]] }),
      ShapeError,
      /^step: targets\[0\]: expected 3, as the sequence has steps, got 2/,
    ],
    [
      "a negative weight",
      step({ weights: [[1, 1, -1], [1]] }),
      RangeError,
      /^step: weights\[0\]\[2\]: expected a number ≥ 0, got -1/,
    ],
    [
      "carry that is no flag",
      step({ carry: 1 }),
      TypeError,
      /^step: carry: expected true or false, got 1/,
    ],
    [
      "an unknown loss",
      trained({ loss: "hinge" }),
      TypeError,
      /^createTrainer: loss: expected one of crossEntropy, mse, bce, got "hinge"/,
    ],
    [
      "an option of another loss",
      trained({ loss: { name: "mse", ignore: 1 } }),
      TypeError,
      /loss: unknown option "ignore"/,
    ],
    [
      "class weights of another number",
      trained({ loss: { name: "crossEntropy", classWeights: [1] } }),
      RangeError,
      /loss.classWeights: expected 6 numbers, one for each output, got 1/,
    ],
    [
      "an unknown optimiser",
      trained({ optimizer: { name: "lion" } }),
      TypeError,
      /optimizer: expected one of sgd, adam, adamw, rmsprop, adagrad, got "lion"/,
    ],
    [
      "an option in Python's case",
      trained({ optimizer: { name: "adam", weight_decay: 1 } }),
      TypeError,
      /optimizer: unknown option "weight_decay": did you mean weightDecay\?/,
    ],
    [
      "nesterov without momentum",
      trained({ optimizer: { name: "sgd", nesterov: true } }),
      RangeError,
      /optimizer.nesterov: expected a momentum above 0/,
    ],
    [
      "betas of 1",
      trained({ optimizer: { name: "adam", betas: [1, 0.9] } }),
      RangeError,
      /optimizer.betas: expected a finite number at least 0 and below 1, got 1/,
    ],
    [
      "an unknown schedule",
      trained({ schedule: { name: "cyclic" } }),
      TypeError,
      /schedule: expected one of constant, step, .* got "cyclic"/,
    ],
    [
      "a clip of 0",
      trained({ clipNorm: 0 }),
      RangeError,
      /clipNorm: expected a finite number above 0, got 0/,
    ],
    [
      "no steps to accumulate",
      trained({ accumulate: 0 }),
      RangeError,
      /accumulate: expected an integer ≥ 1, got 0/,
    ],
    [
      "no network",
      () => createTrainer({} as never, sgd),
      TypeError,
      /net: expected a network of createTrainable, got Object/,
    ],
  ] as const)("%s", (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });

  it("carry of another number of sequences, and of a direction from the end", () => {
    const other = make("lstm", { loss: "crossEntropy" }).trainer;
    other.step({ inputs, targets });
    expect(() => other.step({ inputs: [[1]], targets: [[1]], carry: true })).toThrow(
      /^step: carry: expected m = 2 sequences, as in the step before, got 1/,
    );
    const both = make("two stacks").trainer;
    const batch = drawBatch(optionsOf("two stacks"), "mse");
    expect(() => both.step({ ...batch, carry: true })).toThrow(
      /carry: a direction that reads from/,
    );
    expect(() => other.evaluate({ inputs, targets, carry: true })).toThrow(/^evaluate: carry/);
  });

  it("features of another width or kind", () => {
    const other = make("projection").trainer;
    const batch = drawBatch(optionsOf("projection"), "mse");
    const wide = { shape: [3, 3], data: new Float64Array(9) };
    expect(() => other.step({ ...batch, inputs: [wide, wide, wide] })).toThrow(ShapeError);
    expect(() => other.step({ ...batch, inputs: [[1], [2], [3]] })).toThrow(TypeError);
  });

  it("a trainer that is disposed of", () => {
    const other = make("gru").trainer;
    other.dispose();
    expect(() => other.step(drawBatch(optionsOf("gru"), "mse"))).toThrow(StateError);
  });
});

it("features and targets may be float32", () => {
  const options = NETWORKS.projection as NonNullable<(typeof NETWORKS)[string]>;
  const { trainer } = make("projection");
  const half = (T: number, n: number, Numbers: typeof Float64Array | typeof Float32Array) => ({
    shape: [T, n],
    data: new Numbers(T * n).fill(0.5),
  });
  const size = options.output.size;
  const loss = [Float64Array, Float32Array].map(
    (Numbers) =>
      trainer.evaluate({ inputs: [half(3, 2, Numbers)], targets: [half(3, size, Numbers)] }).loss,
  );
  expect(loss[1]).toBe(loss[0]);
});

it("memory is the same after 30 steps as after 3, ragged batches included", () => {
  const own = createEngineSync();
  const options = optionsOf("two stacks");
  const trainer = createTrainer(createTrainable(own, options), sgd);
  const run = (steps: number): number => {
    for (let step = 0; step < steps; step++) {
      const lengths = [1 + (step % 3), 4, 2 + (step % 2)];
      trainer.step(drawBatch(options, "mse", { seed: step, lengths }));
    }
    return own.memory().bytes;
  };
  const before = run(3);
  expect(run(30)).toBe(before);
});
