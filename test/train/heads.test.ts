import { describe, expect, it } from "vitest";
import {
  type Activation,
  createEngineSync,
  loadTagger,
  type ModelDescription,
  type Tensor,
} from "../../src/index.js";
import { gradCheck } from "../../src/train/gradient_check.js";
import { createTrainable, trainable } from "../../src/train/trainable.js";
import { createTrainer } from "../../src/train/trainer.js";
import { uniform } from "../support/random.js";
import { drawBatch } from "./networks.js";

// What files have besides the networks that createTrainable makes: several linear layers, merged directions, a maximum.

const engine = createEngineSync();
const next = uniform(7);
const stored = (...shape: number[]): Tensor => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((n, extent) => n * extent, 1) }, next),
});

/** A description of a bidirectional LSTM of 3 units over 2 features, with a linear layer of 2 outputs. */
function described(
  {
    hidden = [],
    merge = "concat",
    output = "steps",
  }: {
    hidden?: readonly Activation[];
    merge?: "concat" | "sum" | "mul" | "ave";
    output?: ModelDescription["output"];
  },
  top: ModelDescription["dense"][number]["activation"] = "identity",
): ModelDescription {
  const recurrent = { cell: "lstm", hiddenSize: 3, bidirectional: true, layers: 2 } as const;
  const net = createTrainable(engine, {
    ...{ input: { features: 2 }, output: { size: 2 }, seed: 3, recurrent },
  });
  const own = net.description();
  const [part] = own.recurrent as [ModelDescription["recurrent"][number]];
  let n = merge === "concat" ? 6 : 3;
  const below = hidden.map((activation, i) => {
    const from = n;
    n = 5 - i;
    const bias = i === 0 ? { bias: stored(n) } : {};
    return { name: `hidden.${i}`, weight: stored(n, from), ...bias, activation };
  });
  const last = { name: "top", weight: stored(2, n), bias: stored(2), activation: top };
  return { ...own, recurrent: [{ ...part, merge }], dense: [...below, last], output };
}

const HIDDEN: readonly Activation[] = [
  "relu",
  "tanh",
  "sigmoid",
  "identity",
  { name: "leakyRelu", alpha: 0.2 },
  { name: "elu", alpha: 0.7 },
  "softplus",
  "softsign",
  "hardSigmoid",
  { name: "scaledTanh", alpha: 0.8, beta: 1.3 },
];

const CASES: readonly Parameters<typeof described>[0][] = [
  ...HIDDEN.map((each) => ({ hidden: [each, "tanh"] as const })),
  ...(["sum", "mul", "ave"] as const).flatMap((merge) =>
    (["steps", "last", "mean", "max"] as const).map((output) => ({ merge, output })),
  ),
  { output: "max" },
  { output: "max", hidden: ["relu"], merge: "sum" },
];

describe.each(CASES.map((each) => ({ title: JSON.stringify(each), given: each })))(
  "$title",
  ({ given }) => {
    const description = described(given);
    const perStep = (given.output ?? "steps") === "steps";
    const batch = drawBatch(
      {
        input: { features: 2 },
        recurrent: { cell: "lstm", hiddenSize: 3 },
        output: { size: 2, of: perStep ? "step" : "last" },
      },
      "mse",
      { lengths: [3, 5, 1] },
    );
    const { inputs, targets } = batch as { inputs: Tensor[]; targets: Tensor[] | Tensor };

    it("the loss is that of a tagger's outputs to 1e-13", async () => {
      const net = trainable(engine, description);
      const { loss } = createTrainer(net, {
        ...{ loss: "mse", optimizer: { name: "sgd" } },
      }).evaluate(batch);
      const tagger = await loadTagger(engine, description, { activation: "identity" });
      const outputs = await tagger.tag(inputs);
      const got = outputs.flatMap(({ values }) => [...values.data]);
      const want = perStep
        ? (targets as Tensor[]).flatMap(({ data }) => [...data])
        : [...(targets as Tensor).data];
      expect(got.length).toBe(want.length);
      const sum = got.reduce((all, y, i) => all + (y - (want[i] as number)) ** 2, 0);
      expect(Math.abs(loss - sum / got.length)).toBeLessThan(1e-13);
    });

    it("the gradient of every parameter is the four-point difference of the loss to 1e-7", () => {
      const net = trainable(engine, description);
      const entries = gradCheck(net, batch, { loss: "mse", worst: 1e6, samples: 8, h: 1e-3 });
      expect(entries[0]?.error, JSON.stringify(entries[0])).toBeLessThan(1e-7);
      expect(new Set(entries.map(({ name }) => name)).size).toBe(net.parameters.length);
    });

    // Weights around 1 that three updates move; seen at 2e-7.
    it("in f32 three updates give the weights of f64 to 2e-6", () => {
      const weightsOf = (precision: "f64" | "f32") => {
        const net = trainable(engine, description, { precision });
        const optimizer = { name: "sgd", lr: 0.1 } as const;
        const trainer = createTrainer(net, { loss: "mse", optimizer });
        for (let step = 0; step < 3; step++) trainer.step(batch);
        return net.weights();
      };
      const [f64, f32] = [weightsOf("f64"), weightsOf("f32")];
      for (const [name, { data }] of Object.entries(f64)) {
        const own = f32[name]?.data as Float64Array;
        expect([...own], name).not.toEqual([...data]);
        data.forEach((value, i) => {
          expect(Math.abs(value - (own[i] as number)), name).toBeLessThan(2e-6);
        });
      }
    });

    it("the description comes back", () => {
      const net = trainable(engine, description);
      const { dense, output, recurrent, input } = net.description();
      expect(dense).toEqual(description.dense);
      expect(recurrent[0]?.merge ?? "concat").toBe(given.merge ?? "concat");
      expect(recurrent[0]?.weights).toEqual(description.recurrent[0]?.weights);
      expect([output, input]).toEqual([description.output, description.input]);
      expect(trainable(engine, net.save()).weights()).toEqual(net.weights());
    });
  },
);

describe("a sigmoid on top", () => {
  const description = described({ hidden: ["relu"] }, "sigmoid");
  const given = { input: { features: 2 }, output: { size: 2 } } as const;
  const options = { ...given, recurrent: { cell: "lstm", hiddenSize: 3 } } as const;
  const batch = drawBatch(options, "bce");

  it("the loss bce is that of the tagger's probabilities to 1e-13", async () => {
    const net = trainable(engine, description);
    const trainer = createTrainer(net, { loss: "bce", optimizer: { name: "sgd" } });
    const tagger = await loadTagger(engine, net.description());
    const outputs = await tagger.tag(batch.inputs as Tensor[]);
    const p = outputs.flatMap(({ values }) => [...values.data]);
    const y = (batch.targets as Tensor[]).flatMap(({ data }) => [...data]);
    const sum = p.reduce((all, own, i) => {
      const target = y[i] as number;
      return all - target * Math.log(own) - (1 - target) * Math.log(1 - own);
    }, 0);
    expect(Math.abs(trainer.evaluate(batch).loss - sum / p.length)).toBeLessThan(1e-13);
  });

  it.each(["mse", "crossEntropy"] as const)("the loss %s is refused", (loss) => {
    const net = trainable(engine, description);
    const said = `loss: expected bce, as the model has a sigmoid on top, got ${loss}`;
    const optimizer = { name: "sgd" } as const;
    expect(() => createTrainer(net, { loss, optimizer })).toThrow(TypeError);
    expect(() => createTrainer(net, { loss, optimizer })).toThrow(`createTrainer: ${said}`);
    expect(() => gradCheck(net, batch, { loss })).toThrow(`gradCheck: ${said}`);
  });
});
