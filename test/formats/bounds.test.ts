import { describe, expect, it } from "vitest";
import { describeKeras } from "../../src/formats/keras.js";
import { describeSafetensors, readSafetensors } from "../../src/formats/safetensors.js";
import { describeTensorflowJs } from "../../src/formats/tensorflowjs.js";
import { countAllocations, countWork } from "../support/cost.js";
import { archive, hdf5, kerasLayer, type StoredVariable, sequential } from "../support/keras.js";
import { file } from "./safetensors/by_hand.js";

// SECURITY.md's rule for readers: of a file of n bytes that may become M, memory is at most 32·n + 16·M, and work at most
// proportional to n + M. Each family below is a kind of file at two sizes, sound or not, that makes a reader do much.

const M = 2 ** 16;
const options = { maximumBytes: M };
const list = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const simple = (name: string) =>
  kerasLayer("SimpleRNN", {
    name,
    units: 1,
    use_bias: false,
    activation: "tanh",
    return_sequences: true,
  });
const one: StoredVariable = { shape: [1, 1], data: Float32Array.of(0.5) };

/** n layers of one unit. */
function layers(n: number, libver: "earliest" | "v108"): Uint8Array {
  const variables: Record<string, StoredVariable> = {};
  for (const i of list(n)) {
    const group = `layers/simple_rnn${i === 0 ? "" : `_${i}`}/cell/vars`;
    variables[`${group}/0`] = one;
    variables[`${group}/1`] = one;
  }
  const config = sequential(list(n).map((i) => simple(`layer${i}`)));
  return archive({ config, weights: hdf5(variables, libver) });
}

/** One matrix of n rows in chunks of a number each. */
function chunks(n: number, compression: number): Uint8Array {
  const kernel = {
    shape: [n, 1],
    data: new Float32Array(n).fill(0.5),
    chunks: [1, 1],
    ...(compression > 0 ? { compression } : {}),
  };
  const weights = hdf5({
    "layers/simple_rnn/cell/vars/0": kernel,
    "layers/simple_rnn/cell/vars/1": one,
  });
  return archive({ config: sequential([simple("layer")]), weights });
}

const tensors = (n: number, name: (i: number) => string): Uint8Array =>
  file(
    `{${list(n).map((i) => `"${name(i)}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`)}}`,
    0,
  );
const manifest = (n: number) => ({
  modelTopology: { class_name: "Sequential", config: [simple("layer")] },
  weightsManifest: [
    {
      paths: ["weights.bin"],
      weights: list(n).map((i) => ({ name: `layer/${i}/kernel`, shape: [1], dtype: "float32" })),
    },
  ],
});

type Family = [name: string, size: number, make: (n: number) => { n: number; read: () => unknown }];
const bytes =
  (read: (file: Uint8Array) => unknown, make: (n: number) => Uint8Array) => (n: number) => {
    const made = make(n);
    return { n: made.length, read: () => read(made) };
  };
const keras = (made: Uint8Array) => describeKeras(made, options);
const safetensors = (made: Uint8Array) => describeSafetensors(readSafetensors(made, options));

const families: Family[] = [
  [
    "safetensors: empty tensors",
    4000,
    bytes(safetensors, (n) => tensors(n, (i) => `t${i}.weight`)),
  ],
  [
    "safetensors: empty layers",
    1000,
    bytes(safetensors, (n) => tensors(n, (i) => `a.weight_ih_l${i}`)),
  ],
  [
    "safetensors: F16",
    4000,
    bytes(safetensors, (n) =>
      file(`{"w":{"dtype":"F16","shape":[${n}],"data_offsets":[0,${2 * n}]}}`, 2 * n),
    ),
  ],
  [
    "safetensors: metadata",
    4000,
    bytes(safetensors, (n) => file(`{"__metadata__":{${list(n).map((i) => `"${i}":"w"`)}}}`, 0)),
  ],
  ["safetensors: white space", 50_000, bytes(safetensors, (n) => file(`{${" ".repeat(n)}}`, 0))],
  [
    "safetensors: a string without an end",
    50_000,
    bytes(safetensors, (n) => file(`{"${"\\u0061".repeat(n)}`, 0)),
  ],
  ["Keras: layers in groups of the old kind", 100, bytes(keras, (n) => layers(n, "earliest"))],
  ["Keras: layers in groups of the new kind", 100, bytes(keras, (n) => layers(n, "v108"))],
  ["Keras: chunks of a number", 1000, bytes(keras, (n) => chunks(n, 0))],
  ["Keras: deflated chunks of a number", 1000, bytes(keras, (n) => chunks(n, 1))],
  [
    "Keras: config of nothing",
    4000,
    bytes(keras, (n) => archive({ config: { config: Array(n).fill([]) }, weights: hdf5({}) })),
  ],
  [
    "TensorFlow.js: weights that nobody asks for",
    2000,
    (n) => {
      const model = JSON.stringify(manifest(n));
      const shard = new Uint8Array(4 * n);
      return {
        n: model.length + shard.length,
        read: () => describeTensorflowJs(model, shard, options),
      };
    },
  ],
];

describe("what a reader may cost", () => {
  it.each(families)("%s", (_, size, make) => {
    const [once, twice] = [make(size), make(2 * size)];
    for (const { n, read } of [once, twice]) {
      expect(countAllocations(read)).toBeLessThanOrEqual(32 * n + 16 * M);
    }
    const [less, more] = [countWork(once.read), countWork(twice.read)];
    expect(less).toBeGreaterThan(0);
    // Work that does not depend on the size lets the quotient fall, sorting lets it rise by a tenth.
    expect(more / less).toBeLessThan(Math.max(2.2, (1.1 * twice.n) / once.n));
  });
});
