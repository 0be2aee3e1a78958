import { describe, expect, it } from "vitest";
import {
  describeTensorflowJs,
  listTensorflowJsShards,
  ModelFormatError,
} from "../../../src/formats/tensorflowjs.js";
import { countAllocations } from "../../support/cost.js";
import { expectError } from "../../support/errors.js";
import { caseOf, type ModelJson } from "../../support/keras.js";

const { json, weights } = caseOf("lstm");
const manifest = (paths: string[], list: object[]): ModelJson =>
  ({ ...json(), weightsManifest: [{ paths, weights: list }] }) as never;
const shard = new Uint8Array(2 ** 20);
const numbered = Array.from({ length: 3000 }, (_, i) => `shard${i}.bin`);

describe("the manifest is checked before a shard is touched", () => {
  it("one shard named 3,000 times", () => {
    const model = manifest(Array(3000).fill("shard.bin"), []);
    const message = '"weightsManifest 0": paths: expected each shard once, got "shard.bin" twice';
    const error = [ModelFormatError, `describeTensorflowJs: ${message}`] as const;
    expectError(() => describeTensorflowJs(model, Array(3000).fill(shard)), ...error);
    expectError(
      () => listTensorflowJsShards(model),
      ModelFormatError,
      `listTensorflowJsShards: ${message}`,
    );
    const read = () => describeTensorflowJs(model, Array(3000).fill(shard));
    expect(countAllocations(read)).toBe(0);
  });

  it("3,000 shards without weights", () => {
    const model = manifest(numbered, []);
    const read = () => describeTensorflowJs(model, Array(3000).fill(shard));
    expectError(read, ModelFormatError, "describeTensorflowJs: …got 3145728000 bytes more");
    expect(countAllocations(read)).toBe(0);
  });

  it("3,000 shards with weights to fill them", () => {
    const model = manifest(
      numbered,
      numbered.map((name) => ({ name, shape: [2 ** 18], dtype: "float32" })),
    );
    const read = () => describeTensorflowJs(model, Array(3000).fill(shard));
    expectError(read, ModelFormatError, "describeTensorflowJs: …maximumBytes…got 3145728000");
    expect(countAllocations(read)).toBe(0);
  });

  it("weights that no layer asks for are not decoded", () => {
    const model = json();
    model.weightsManifest.push({
      paths: ["more.bin"],
      weights: [{ name: "optimizer/m", shape: [2 ** 18], dtype: "float32" }],
    });
    const read = () => describeTensorflowJs(model, [weights, shard]);
    expect(read().recurrent.length).toBeGreaterThan(0);
    expect(countAllocations(read)).toBeLessThan(20 * weights.length);
  });

  it("gives the shards in the order of the manifest", () => {
    const model = json();
    model.weightsManifest.push({ paths: ["b", "a"], weights: [] });
    expect(listTensorflowJsShards(JSON.stringify(model))).toEqual(["weights.bin", "b", "a"]);
    for (const wrong of [null, 7]) {
      expectError(
        () => listTensorflowJsShards(wrong as never),
        TypeError,
        "listTensorflowJsShards: model: …",
      );
    }
    expectError(
      () => listTensorflowJsShards(model, { masking: "ragged" } as never),
      TypeError,
      "listTensorflowJsShards: options: …masking…",
    );
  });
});

describe("layers that share weights share the arrays", () => {
  // 900 layers around directions of the same two names: 4 MiB of weights, which were copied for each.
  const n = 512;
  const layers = Array.from({ length: 900 }, (_, i) => ({
    class_name: "Bidirectional",
    config: {
      name: `layer${i}`,
      merge_mode: "sum",
      layer: {
        class_name: "SimpleRNN",
        config: {
          name: "rnn",
          units: n,
          use_bias: false,
          activation: "tanh",
          return_sequences: true,
        },
      },
    },
  }));
  const names = ["forward_rnn", "backward_rnn"].flatMap((name) => [
    `${name}/kernel`,
    `${name}/recurrent_kernel`,
  ]);
  const model = {
    modelTopology: { class_name: "Sequential", config: { layers } },
    weightsManifest: [
      {
        paths: ["weights.bin"],
        weights: names.map((name) => ({ name, shape: [n, n], dtype: "float32" })),
      },
    ],
  };

  it("however many they are", () => {
    const bytes = new Uint8Array(names.length * 4 * n * n);
    const read = () => describeTensorflowJs(model, bytes);
    const { recurrent } = read();
    expect(recurrent).toHaveLength(900);
    const [first] = recurrent;
    for (const { weights: own } of recurrent) {
      for (const [name, { data }] of Object.entries(own)) {
        expect(data).toBe(first?.weights[name]?.data);
      }
    }
    // Each weight is copied from the shards, and once more with its rows and columns exchanged.
    expect(countAllocations(read)).toBe(2 * bytes.length);
  });
});
