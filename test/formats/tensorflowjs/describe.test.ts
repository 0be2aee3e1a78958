import { describe, expect, it } from "vitest";
import type { ModelDescription } from "../../../src/description/description.js";
import { describeTensorflowJs } from "../../../src/formats/tensorflowjs.js";
import { createEngineSync, loadTagger } from "../../../src/index.js";
import { runDescribed } from "../../oracle/model.js";
import { relativeError } from "../../support/compare.js";
import { caseOf, cases, type ModelJson } from "../../support/keras.js";

const engine = createEngineSync();

// TensorFlow.js computes in f32: 2^-24 of each product, over seven steps and two layers.
const BOUND = 5e-6;

const flat = (rows: readonly (readonly number[])[]) => {
  const data = Float64Array.from(rows.flat());
  return { shape: [data.length], data };
};

/** The largest relative difference from what TensorFlow.js computed. */
function difference(description: ModelDescription, name: string): number {
  const { x, y } = caseOf(name);
  const errors = x.map((sequence, b) => {
    const want = y[b] as number[] | number[][];
    const rows = (Array.isArray(want[0]) ? want : [want]) as number[][];
    return relativeError(flat(runDescribed(description, sequence)), flat(rows));
  });
  return Math.max(...errors);
}

describe(`what TensorFlow.js wrote gives what TensorFlow.js computed, to ${BOUND}`, () => {
  it.each(cases.map(({ name }) => name))("%s", (name) => {
    const { json, weights } = caseOf(name);
    const description = describeTensorflowJs(json(), weights);
    expect(difference(description, name)).toBeLessThan(BOUND);
    expect(describeTensorflowJs(JSON.stringify(json()), [weights.slice().buffer])).toEqual(
      description,
    );
  });
});

describe(`the same by loadTagger, to ${BOUND}`, () => {
  it.each(cases.map(({ name }) => name))("%s", async (name) => {
    const { json, weights, x, y } = caseOf(name);
    const tagger = await loadTagger(engine, describeTensorflowJs(json(), weights));
    const inputs = x.map((sequence) =>
      typeof sequence[0] === "number"
        ? (sequence as number[])
        : {
            shape: [sequence.length, (sequence[0] as number[]).length],
            data: Float64Array.from((sequence as number[][]).flat()),
          },
    );
    const got = await tagger.tag(inputs);
    got.forEach(({ values }, b) => {
      const want = Float64Array.from((y[b] as number[]).flat());
      const shape = [want.length];
      expect(relativeError({ shape, data: values.data }, { shape, data: want })).toBeLessThan(
        BOUND,
      );
    });
    tagger.dispose();
  });
});

describe("what a description says", () => {
  const of = (name: string, change: (json: ModelJson) => void = () => {}) => {
    const { json, weights } = caseOf(name);
    const model = json();
    change(model);
    return describeTensorflowJs(model, weights);
  };

  it("input, layers, options, head", () => {
    const { format, input, recurrent, dense, output, metadata } = of("lstm");
    expect([format, input.kind, output]).toEqual(["tensorflow.js", "embedding", "steps"]);
    expect(recurrent.map(({ options }) => options)).toEqual([
      { cell: "lstm", inputSize: 3, hiddenSize: 5 },
      { cell: "lstm", inputSize: 5, hiddenSize: 4 },
    ]);
    expect(Object.entries(recurrent[0]?.weights ?? {}).map(([k, { shape }]) => [k, shape])).toEqual(
      [
        ["weight_ih_l0", [20, 3]],
        ["weight_hh_l0", [20, 5]],
        ["bias_ih_l0", [20]],
      ],
    );
    expect(dense).toMatchObject([{ weight: { shape: [6, 4] }, activation: "softmax" }]);
    expect(metadata.get("keras_version")).toBe("tfjs-layers 4.22.0");
  });

  it("features, functions, directions, merges", () => {
    expect(of("rnn").input).toEqual({ kind: "features", size: 4 });
    expect(of("rnn-elu-softsign").recurrent.map(({ options }) => options.activations)).toEqual([
      ["elu"],
      ["softsign"],
    ]);
    const hard = { name: "hardSigmoid", alpha: 0.2, beta: 0.5 };
    expect(of("gru").recurrent.map(({ options }) => options)).toEqual([
      {
        cell: "gru",
        inputSize: 3,
        hiddenSize: 5,
        resetAfter: false,
        activations: [hard, "tanh"],
      },
      { cell: "gru", inputSize: 5, hiddenSize: 3, resetAfter: false },
    ]);
    expect(Object.keys(of("gru").recurrent[1]?.weights ?? {})).toEqual([
      "weight_ih_l0",
      "weight_hh_l0",
    ]);
    expect(of("lstm-go-backwards").recurrent[0]?.options.reverse).toBe(true);
    const { recurrent } = of("bidirectional-concat-mul");
    expect(recurrent.map(({ merge, options }) => [merge, options.bidirectional])).toEqual([
      [undefined, true],
      ["mul", true],
    ]);
    expect(recurrent[1]?.options.activations).toEqual([hard, "tanh", hard, "tanh"]);
  });

  it("a hard sigmoid is the one of the version that wrote it", () => {
    const slope = (version: string) =>
      of("lstm-hard-sigmoid-last", (model) => {
        model.modelTopology.keras_version = version;
      }).recurrent[0]?.options.activations?.[0];
    const fifth = { name: "hardSigmoid", alpha: 0.2, beta: 0.5 };
    for (const version of ["tfjs-layers 4.22.0", "1.2.2", "2.15.0"]) {
      expect(slope(version), version).toEqual(fifth);
    }
    expect(slope("3.9.2")).toEqual({ name: "hardSigmoid", alpha: 1 / 6, beta: 0.5 });
    expect(() => slope("4.0")).toThrow(/its meaning differs between versions/);
  });
});

describe("names and wrappings of other writers give the same", () => {
  const same = (name: string, change: (json: ModelJson) => unknown) => {
    const { json, weights } = caseOf(name);
    const model = json();
    const changed = change(model) ?? model;
    const { recurrent, input, dense, output } = describeTensorflowJs(changed, weights);
    const want = describeTensorflowJs(json(), weights);
    expect({ recurrent, input, dense, output }).toEqual({
      recurrent: want.recurrent,
      input: want.input,
      dense: want.dense,
      output: want.output,
    });
  };
  const rename = (json: ModelJson, change: (name: string) => string) => {
    for (const { weights } of json.weightsManifest) {
      for (const weight of weights) weight.name = change(weight.name);
    }
  };

  it("TensorFlow ≥ 2.2: the cell in the name", () => {
    same("lstm", (json) =>
      rename(json, (name) => name.replace(/^(lstm_[^/]*)\/(\w+)$/, "$1/lstm_cell_7/$2")),
    );
    same("bidirectional-ave-last", (json) =>
      rename(json, (name) => name.replace(/(ward_\w+)\/(\w+)$/, "$1/lstm_cell/$2")),
    );
  });

  it("a direction without its wrapper's name", () => {
    same("bidirectional-ave-last", (json) =>
      rename(json, (name) => name.replace(/^bidirectional\w*\//, "")),
    );
  });

  it("the converter's: model_config beside a version; Keras 1: a list of layers", () => {
    same("gru", (json) => {
      const { class_name, config } = json.modelTopology;
      const model_config = { class_name, config };
      return { ...json, modelTopology: { keras_version: "2.4.0", model_config } };
    });
    same("gru", (json) => {
      const { class_name, config } = json.modelTopology;
      const modelTopology = { class_name, config: config.layers, keras_version: "1.2.2" };
      return { ...json, modelTopology };
    });
  });

  it("Keras 3's paths and its way of saying what feeds a layer", () => {
    const groups = { embedding: 0, lstm: 1, lstm_1: 1, time_distributed: 2 };
    const paths = Object.entries(groups).flatMap(([group, kind]) => {
      const inside = ["", "/cell", "/layer"][kind];
      const count = [1, 3, 2][kind] as number;
      return Array.from({ length: count }, (_, i) => `layers/${group}${inside}/vars/${i}`);
    });
    same("lstm", (json) => rename(json, () => paths.shift() as string));
    same("functional", (json) => {
      const { layers } = json.modelTopology.config;
      layers.forEach((layer, i) => {
        const keras_history = [layers[i - 1]?.config.name, 0, 0];
        const tensor = { class_name: "__keras_tensor__", config: { keras_history } };
        const kwargs = { mask: null, training: false };
        if (i > 0) layer.inbound_nodes = [{ args: [tensor], kwargs }];
      });
    });
  });

  it("two shards, cut anywhere, or two groups", () => {
    const { json, weights } = caseOf("lstm");
    const want = describeTensorflowJs(json(), weights);
    const model = json();
    const [group] = model.weightsManifest;
    if (group === undefined) throw new Error("no group");
    group.paths = ["a", "b"];
    for (const cut of [0, 1, 333, weights.length]) {
      const shards = [weights.slice(0, cut), weights.slice(cut)];
      expect(describeTensorflowJs(model, shards)).toEqual(want);
    }
    expect(describeTensorflowJs(model, weights)).toEqual(want);
    const first = group.weights.slice(0, 2);
    const cut = first.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b), 0);
    model.weightsManifest = [
      { paths: ["a"], weights: first },
      { paths: ["b"], weights: group.weights.slice(2) },
    ];
    const shards = [weights.slice(0, cut), weights.slice(cut)];
    expect(describeTensorflowJs(model, shards)).toEqual(want);
    // Also at an address where no f32 may begin.
    const odd = new Uint8Array(weights.length + 1).subarray(1);
    odd.set(weights);
    expect(describeTensorflowJs(json(), odd)).toEqual(want);
  });
});
