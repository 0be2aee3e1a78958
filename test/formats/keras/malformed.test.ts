import { type Zippable, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import {
  type DescribeKerasOptions,
  describeKeras,
  ModelFormatError,
} from "../../../src/formats/keras.js";
import { expectSaid, thrownBy } from "../../support/errors.js";
import { archive, hdf5, kerasLayer, type StoredVariable, sequential } from "../../support/keras.js";

const text = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const f32 = (...shape: number[]): StoredVariable => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
});

// One LSTM of 2 units on 3 features, and Dense.
const LSTM = {
  name: "memory",
  units: 2,
  activation: "tanh",
  recurrent_activation: "sigmoid",
  use_bias: true,
  return_sequences: true,
};
const DENSE = { name: "head", units: 4, activation: "softmax", use_bias: true };
const good: Record<string, StoredVariable> = {
  "layers/lstm/cell/vars/0": f32(3, 8),
  "layers/lstm/cell/vars/1": f32(2, 8),
  "layers/lstm/cell/vars/2": f32(8),
  "layers/dense/vars/0": f32(2, 4),
  "layers/dense/vars/1": f32(4),
};
const kernel = "layers/lstm/cell/vars/0";
const weights = hdf5(good);
const lstm = (changes: object = {}) => kerasLayer("LSTM", { ...LSTM, ...changes });
const dense = (changes: object = {}) => kerasLayer("Dense", { ...DENSE, ...changes });
const config = sequential([lstm(), dense()]);
const file = archive({ config, weights });

const packed = (files: Zippable, level: 0 | 9 = 0): Uint8Array =>
  Uint8Array.from(zipSync(files, { level, mtime: "2026-11-01" }));
const of = (...layers: object[]): Uint8Array => archive({ config: sequential(layers), weights });
const stored = (changes: Record<string, StoredVariable | undefined>): Uint8Array => {
  const entries = Object.entries({ ...good, ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  const all = Object.fromEntries(entries) as Record<string, StoredVariable>;
  return archive({ config, weights: hdf5(all) });
};

/** A copy with some bytes changed: of a field of the directory's entry of a file, or of its local header. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}
/** Where the n-th entry of the directory begins: metadata, config, weights. */
function entryAt(bytes: Uint8Array, n: number): number {
  let at = -1;
  for (let i = 0; i <= n; i++) at = Buffer.from(bytes).indexOf("PK\x01\x02", at + 1, "latin1");
  return at;
}
const directory = (n: number, field: number, ...values: number[]): Uint8Array =>
  patched(file, entryAt(file, n) + field, ...values);
const hdf5At = Buffer.from(weights);
const brokenHdf5 = (change: (bytes: Uint8Array) => void): Uint8Array => {
  const copy = weights.slice();
  change(copy);
  return archive({ config, weights: copy });
};

const other = packed({ "config.json": text(config), "config.jsoX": weights });
const twice = patched(other, entryAt(other, 1) + 46 + 10, 0x6e);
const zeros = { shape: [4000, 8], data: new Float32Array(32_000) };

type Row = [code: string, bytes: Uint8Array, message: string, options?: DescribeKerasOptions];

const zips: Row[] = [
  ["zip", new Uint8Array(0), "zip: expected a zip archive, got no end of a directory"],
  ["zip", new Uint8Array(21), "zip: …"],
  ["zip", text("a model, honestly ........"), "…directory"],
  ["zip", file.slice(0, -1), "…directory"],
  ["zip", patched(file, file.length - 14, 4, 0, 4, 0), "…4 …directory…3"],
  ["zip", patched(file, file.length - 14, 2, 0, 2, 0), "…directory…"],
  ["zip", patched(file, file.length - 14, 3, 0, 2, 0), "…a part"],
  ["zip", patched(file, file.length - 14, 255, 255, 255, 255), "…zip64"],
  ["zip", patched(file, file.length - 14, 17, 39, 17, 39), "… got 10001"],
  ["zip", patched(file, file.length - 6, 255, 255, 255, 0), "…3 …directory…0"],
  ["zip", directory(1, 8, 1), '"config.json": …'],
  ["zip", directory(1, 10, 14), '"config.json": …'],
  ["zip", directory(1, 16, 1, 2, 3, 4), '"config.json": …CRC'],
  ["zip", directory(1, 20, 100, 0, 0, 0), '"config.json": … got 100'],
  ["zip", directory(1, 42, 1, 0, 0, 0), '"config.json": …directory'],
  ["zip", directory(1, 28, 255, 255), "…directory"],
  ["zip", patched(file, Buffer.from(file).indexOf("softmax"), 0x53), "…CRC"],
  ["zip", directory(2, 20, 255, 255, 255, 0), "…16777215…"],
  ["duplicate-key", twice, 'expected one "config.json", got another'],
  [
    "zip-ratio",
    packed({ "config.json": new Uint8Array(1e6), "model.weights.h5": weights }, 9),
    '"config.json": expected a ratio of ≤ 200, got 984 bytes that declare 1000000',
  ],
  [
    "too-large",
    packed({ "config.json": new Uint8Array(2 ** 24 + 1), "model.weights.h5": weights }),
    '"config.json": expected a file of ≤ 16777216 bytes, got 16777217',
  ],
  ["too-large", file, '"model.weights.h5": …', { maximumBytes: 100 }],
  [
    "missing-file",
    packed({ "model.weights.h5": weights }),
    "expected config.json in the archive, which holds model.weights.h5",
  ],
  [
    "missing-file",
    packed({ "config.json": text(config), "model.weights.npz": weights }),
    "…model.weights.h5 …config.json, model.weights.npz",
  ],
  ["missing-file", weights, "expected options.config …"],
  [
    "json",
    packed({ "config.json": text("{"), "model.weights.h5": weights }),
    "config.json: expected JSON",
  ],
  [
    "json",
    packed({ "config.json": Uint8Array.of(0xff), "model.weights.h5": weights }),
    "config.json: …",
  ],
  [
    "json",
    packed({
      "metadata.json": text("]"),
      "config.json": text(config),
      "model.weights.h5": weights,
    }),
    "metadata.json: …",
  ],
  [
    "config",
    packed({ "config.json": text([]), "model.weights.h5": weights }),
    "config.json: expected an object, got []",
  ],
];

const configs: Row[] = [
  ["config", archive({ config: {}, weights }), "config.json.class_name: …"],
  ["config", archive({ config: { class_name: "Sequential" }, weights }), "config.json.config: …"],
  ["config", archive({ config: sequential([[]]), weights }), '"layer 0": …'],
  ["config", of(lstm({ units: 0 })), '"memory": units: … got 0'],
  ["config", of(lstm({ units: "2" })), '"memory": units: … got "2"'],
  ["config", of(lstm({ use_bias: null })), '"memory": use_bias: …'],
  ["config", of(lstm({ return_sequences: 1 })), '"memory": return_sequences: … got 1'],
  ["config", of(lstm({ activation: undefined })), '"memory": activation: …'],
  ["config", of(lstm({ recurrent_activation: undefined })), '"memory": recurrent_activation: …'],
  ["config", of(kerasLayer("LSTM", { ...LSTM, name: 7 })), '"layer 0": config.name: … got 7'],
  [
    "config",
    of(kerasLayer("InputLayer", { name: "in", batch_shape: [null, null, 2.5] }), lstm()),
    '"in": batch_shape: … got 2.5',
  ],
  [
    "unsupported-setting",
    of(lstm({ activation: "gelu" })),
    '"memory": activation: "gelu" is not supported: there is no such activation',
  ],
  [
    "unsupported-setting",
    of(lstm({ activation: "constructor" })),
    '"memory": activation: "constructor" …',
  ],
  [
    "unsupported-setting",
    of(lstm({ activation: { class_name: "function" } })),
    '"memory": activation: {"class_name":"function"} …',
  ],
  [
    "unsupported-setting",
    archive({ config: sequential([lstm({ activation: "hard_sigmoid" })]), weights, version: "" }),
    "its meaning differs between versions, and the file has no version",
  ],
  ["unsupported-setting", of(lstm({ time_major: true })), '"memory": time_major: true …'],
  ["unsupported-setting", of(lstm({ go_backwards: true })), '"memory": go_backwards: true …'],
  [
    "unsupported-setting",
    of(kerasLayer("Masking", { name: "mask", mask_value: 0 }), lstm()),
    '"mask": mask_value: 0 is not supported: sequences have no padding here; pass masking: "ragged" if yours have none',
  ],
  [
    "unsupported-setting",
    of(kerasLayer("Embedding", { name: "e", mask_zero: true }), lstm()),
    '"e": mask_zero: true …',
  ],
  [
    "unsupported-setting",
    of(lstm(), dense({ activation: "linear" }), kerasLayer("Softmax", { name: "s", axis: 1 })),
    '"s": axis: 1 …',
  ],
  [
    "unsupported-setting",
    of(kerasLayer("Bidirectional", { name: "b", merge_mode: null, layer: lstm() })),
    '"b": merge_mode: …',
  ],
  [
    "unsupported-setting",
    of(
      kerasLayer("Bidirectional", {
        name: "b",
        merge_mode: "sum",
        layer: lstm({ go_backwards: true }),
      }),
    ),
    '"b": layer.config.go_backwards: true …',
  ],
  [
    "unsupported-setting",
    of(
      kerasLayer("Bidirectional", {
        name: "b",
        merge_mode: "sum",
        layer: lstm(),
        backward_layer: lstm({ go_backwards: true, units: 3 }),
      }),
    ),
    '"b": backward_layer: …units',
  ],
  [
    "unsupported-layer",
    of(kerasLayer("Bidirectional", { name: "b", merge_mode: "sum", layer: dense() })),
    '"b": layer.config: expected one of SimpleRNN, LSTM, GRU, got Dense',
  ],
  ["unsupported-layer", of(kerasLayer("Conv1D", { name: "conv" }), lstm()), '"conv": Conv1D: …'],
  ["unsupported-layer", of(kerasLayer("toString", { name: "x" }), lstm()), '"x": toString: …'],
  ["unsupported-layer", of(dense(), lstm()), '"head": Dense: …'],
  [
    "unsupported-layer",
    of(lstm(), dense(), lstm({ name: "second" })),
    '"second": LSTM: expected …',
  ],
  ["unsupported-layer", of(lstm(), kerasLayer("Embedding", { name: "e" })), '"e": Embedding: …'],
  [
    "unsupported-layer",
    of(lstm(), kerasLayer("Activation", { name: "a", activation: "tanh" })),
    '"a": Activation: …',
  ],
  [
    "unsupported-layer",
    of(lstm(), kerasLayer("TimeDistributed", { name: "t", layer: lstm() })),
    '"t": TimeDistributed: …',
  ],
  [
    "topology",
    archive({ config: { class_name: "Custom", config: {} }, weights }),
    "config.json: expected Sequential or Functional, got Custom",
  ],
  ["topology", of(), "config.json: …"],
  ["topology", of(lstm(), lstm()), "expected one layer named memory, got two"],
  ["topology", of(lstm({ return_sequences: false }), lstm({ name: "second" })), '"second": …'],
  [
    "topology",
    of(
      lstm({ return_sequences: false }),
      kerasLayer("TimeDistributed", { name: "t", layer: dense() }),
    ),
    '"t": TimeDistributed: …',
  ],
  ["topology", of(...Array.from({ length: 1001 }, () => lstm())), "… got 1001"],
];

const datasets: Row[] = [
  [
    "missing-tensor",
    stored({ [kernel]: undefined }),
    '"memory": kernel: expected layers/lstm/cell/vars/0, got none',
  ],
  ["missing-tensor", stored({ "layers/lstm/cell/vars/2": undefined }), '"memory": bias: …'],
  [
    "shape",
    stored({ [kernel]: f32(3, 7) }),
    '"memory": kernel: layers/lstm/cell/vars/0: expected (nx, 4·na) = (nx, 8), got (3, 7)',
  ],
  ["shape", stored({ [kernel]: f32(8) }), "… got (8,)"],
  [
    "shape",
    stored({ "layers/lstm/cell/vars/1": f32(3, 8) }),
    '"memory": recurrent_kernel: layers/lstm/cell/vars/1: … got (3, 8)',
  ],
  [
    "shape",
    stored({ "layers/lstm/cell/vars/2": f32(2, 8) }),
    '"memory": bias: layers/lstm/cell/vars/2: … got (2, 8)',
  ],
  [
    "shape",
    stored({ "layers/dense/vars/0": f32(3, 4) }),
    '"head": kernel: layers/dense/vars/0: … got (3, 4)',
  ],
  [
    "dtype",
    stored({ [kernel]: { shape: [3, 8], data: new Int32Array(24) } }),
    '"layers/lstm/cell/vars/0": expected little-endian F64, F32, F16 or BF16, got integer',
  ],
  [
    "not-finite",
    stored({ "layers/dense/vars/1": { shape: [4], data: Float32Array.of(0, 1, Number.NaN, 2) } }),
    '"layers/dense/vars/1": element 2: expected a finite number, got NaN (nonFinite: "allow" accepts it)',
  ],
  [
    "too-large",
    stored({ [kernel]: { ...zeros, chunks: [4000, 8], compression: 9 } }),
    '"layers/lstm/cell/vars/0": more numbers than maximumBytes allows: (4000, 8)',
    { maximumBytes: 100_000 },
  ],
  [
    "hdf5",
    archive({ config, weights: new Uint8Array(0) }),
    "expected an HDF5 file, got another signature",
  ],
  [
    "hdf5",
    archive({ config, weights: new Uint8Array(4096) }),
    "expected an HDF5 file, got another signature",
  ],
  ["hdf5", archive({ config, weights: weights.slice(0, 300) }), "… got 300"],
  [
    "hdf5",
    archive({ config, weights: weights.slice(0, 8) }),
    "expected a file of ≥ 9 bytes, got 8, at byte 8",
  ],
  [
    "hdf5",
    brokenHdf5((bytes) => {
      bytes[8] = 1;
    }),
    "… got 1",
  ],
  ["hdf5", brokenHdf5((bytes) => bytes.fill(0xff, 64, 72)), "expected an address, at byte 64"],
  [
    "hdf5",
    brokenHdf5((bytes) => bytes.fill(0, hdf5At.indexOf("SNOD"), hdf5At.indexOf("SNOD") + 4)),
    "expected SNOD, …",
  ],
];

describe.each([
  ["archive", zips],
  ["config", configs],
  ["weights", datasets],
])("a malformed %s: its code and its message", (_, rows) => {
  it.each(rows)("%s, %#", (code, bytes, message, options) => {
    const error = thrownBy(() => describeKeras(bytes, options));
    expectSaid(error, ModelFormatError, `describeKeras: …${message}…`);
    expect((error as ModelFormatError).code).toBe(code);
  });
});

it("JSON that is nested too deeply to be printed is refused like any other", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const sound = JSON.stringify(config);
  for (const json of [
    deep,
    sound.replace('"tanh"', deep),
    sound.replace(/"units":2/, `"units":${deep}`),
  ]) {
    const archive = packed({ "config.json": text(json), "model.weights.h5": weights });
    expect(() => describeKeras(archive)).toThrow(ModelFormatError);
  }
});

it("the sound file is read; the faults are its own", () => {
  expect(describeKeras(file).recurrent).toHaveLength(1);
});
