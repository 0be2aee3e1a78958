import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../fixtures/tensorflowjs/", import.meta.url));

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

const text = (name: string, file: string): string => readFileSync(`${root}${name}/${file}`, "utf8");

/** What scripts/make_tensorflowjs_models.mjs wrote. */
export const cases: readonly TensorflowJsCase[] = readdirSync(root)
  .sort()
  .map((name) => ({
    name,
    json: () => JSON.parse(text(name, "model.json")) as ModelJson,
    weights: Uint8Array.from(readFileSync(`${root}${name}/weights.bin`)),
    ...JSON.parse(text(name, "run.json")),
  }));

export function caseOf(name: string): TensorflowJsCase {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}
