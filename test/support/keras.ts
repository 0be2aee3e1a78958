import { readdirSync } from "node:fs";
import { type Zippable, zipSync } from "fflate";
import * as h5wasm from "h5wasm";
import { fixtureBytes, fixturePath, fixtureText } from "./fixtures.js";

/** A dataset as it is to be written. */
export interface StoredVariable {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array;
  readonly chunks?: number[];
  readonly compression?: number;
}

export type Libver = "earliest" | "v108" | "latest";

await h5wasm.ready;

/** An HDF5 file of datasets by path. */
export function hdf5(
  variables: Readonly<Record<string, StoredVariable>>,
  libver: Libver = "earliest",
): Uint8Array<ArrayBuffer> {
  const { FS } = h5wasm;
  if (FS === null) throw new Error("h5wasm is not ready");
  // h5py's own bounds are the earliest and the latest.
  const bounds = libver === "earliest" ? (["earliest", "latest"] as const) : libver;
  const file = new h5wasm.File("written.h5", "w", { libver: bounds as h5wasm.LIBVER_BOUNDS });
  for (const [path, variable] of Object.entries(variables)) {
    const parts = path.split("/");
    const name = parts.pop() as string;
    let group: h5wasm.Group = file;
    for (const part of parts) {
      group = group.keys().includes(part)
        ? (group.get(part) as h5wasm.Group)
        : group.create_group(part);
    }
    group.create_dataset({ name, ...variable, shape: [...variable.shape] });
  }
  file.close();
  const bytes = Uint8Array.from(FS.readFile("written.h5"));
  FS.unlink("written.h5");
  return bytes;
}

/** The parts of a `.keras` file. */
export interface Archive {
  readonly config: object;
  readonly version?: string;
  readonly weights: Uint8Array;
}

/** As Keras packs it: stored, not deflated, unless `level` says otherwise. */
export function archive(
  { config, version = "3.9.2", weights }: Archive,
  level: 0 | 9 = 0,
): Uint8Array<ArrayBuffer> {
  const text = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const files: Zippable = {
    "metadata.json": text({ keras_version: version, date_saved: "2026-11-01@12:00:00" }),
    "config.json": text(config),
    "model.weights.h5": weights,
  };
  return Uint8Array.from(zipSync(files, { level, mtime: "2026-11-01" }));
}

/** A layer as Keras 3 serialises it. */
export const kerasLayer = (class_name: string, config: object) => ({
  module: "keras.layers",
  class_name,
  config,
  registered_name: null,
});

export const sequential = (layers: readonly object[]) => ({
  module: "keras",
  class_name: "Sequential",
  config: { name: "sequential", trainable: true, layers },
  registered_name: null,
});

/** A weight of a manifest. */
export interface ManifestWeight {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: { dtype?: string; scale?: number; min?: number };
}

/** A model.json, as far as the tests change it. */
export interface ModelJson {
  format?: string;
  modelTopology: {
    class_name: string;
    keras_version: string;
    config: { layers: LayerJson[] } & Record<string, unknown>;
  };
  weightsManifest: { paths: string[]; weights: ManifestWeight[] }[];
}

export interface LayerJson {
  class_name: string;
  config: Record<string, unknown> & { name?: string };
  inbound_nodes?: unknown;
}

export interface TensorflowJsCase {
  readonly name: string;
  /** A fresh copy. */
  readonly json: () => ModelJson;
  readonly weights: Uint8Array;
  /** Two sequences, and what TensorFlow.js gives for them: of every step, or of the last. */
  readonly x: (number | number[])[][];
  readonly y: (number[] | number[][])[];
}

const text = (name: string, file: string): string => fixtureText(`tensorflowjs/${name}/${file}`);

/** What scripts/make_tensorflowjs_models.mjs wrote. */
export const cases: readonly TensorflowJsCase[] = readdirSync(fixturePath("tensorflowjs"))
  .sort()
  .map((name) => ({
    name,
    json: () => JSON.parse(text(name, "model.json")) as ModelJson,
    weights: fixtureBytes(`tensorflowjs/${name}/weights.bin`),
    ...JSON.parse(text(name, "run.json")),
  }));

export function caseOf(name: string): TensorflowJsCase {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

/** The group of a class among Keras 3's weights, and where its variables are. */
const GROUPS: Readonly<Record<string, readonly [group: string, inside: readonly string[]]>> = {
  Embedding: ["embedding", ["vars"]],
  SimpleRNN: ["simple_rnn", ["cell/vars"]],
  LSTM: ["lstm", ["cell/vars"]],
  GRU: ["gru", ["cell/vars"]],
  Bidirectional: ["bidirectional", ["forward_layer/cell/vars", "backward_layer/cell/vars"]],
  TimeDistributed: ["time_distributed", ["layer/vars"]],
  Dense: ["dense", ["vars"]],
};

/** Config and weights of a TensorFlow.js model as Keras 3 would have them. */
export function asKeras({ json, weights }: TensorflowJsCase) {
  const { modelTopology, weightsManifest } = json();
  const variables: Record<string, StoredVariable> = {};
  const counts = new Map<string, number>();
  const manifest = weightsManifest.flatMap((group) => group.weights);
  const numbers = new Float32Array(weights.slice().buffer);
  let at = 0;
  const take = ({ shape }: ManifestWeight): StoredVariable => {
    const size = shape.reduce((a, b) => a * b, 1);
    at += size;
    return { shape, data: numbers.slice(at - size, at) };
  };
  for (const { class_name, config } of modelTopology.config.layers) {
    const [group, inside] = GROUPS[class_name] ?? [];
    if (group === undefined || inside === undefined) continue;
    const count = counts.get(group) ?? 0;
    counts.set(group, count + 1);
    const own = manifest.filter(({ name }) => name.startsWith(`${config.name}/`));
    own.forEach((weight, i) => {
      const each = own.length / inside.length;
      const folder = inside[Math.floor(i / each)];
      const name = `layers/${group}${count === 0 ? "" : `_${count}`}/${folder}/${i % each}`;
      variables[name] = take(weight);
    });
  }
  const { class_name, config } = modelTopology;
  const model = { module: "keras", class_name, config: modern(config), registered_name: null };
  return { config: model, variables };
}

/** Both directions' settings, and inputs by `batch_shape`, as Keras 3 has them. */
function modern(config: ModelJson["modelTopology"]["config"]): object {
  const layers = config.layers.map((layer) => {
    const settings: Record<string, unknown> = { ...layer.config };
    const { layer: inner, batch_input_shape: batch_shape } = settings;
    if (layer.class_name === "Bidirectional") {
      const { class_name, config: one } = inner as { class_name: string; config: object };
      const name = String((one as { name?: string }).name);
      settings.layer = kerasLayer(class_name, { ...one, name: `forward_${name}` });
      const back = { ...one, name: `backward_${name}`, go_backwards: true };
      settings.backward_layer = kerasLayer(class_name, back);
    }
    if (batch_shape !== undefined) settings.batch_shape = batch_shape;
    delete settings.batch_input_shape;
    return { ...layer, ...kerasLayer(layer.class_name, settings) };
  });
  return { ...config, layers };
}
