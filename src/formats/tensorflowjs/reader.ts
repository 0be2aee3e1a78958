import type { ModelDescription, StoredNumbers } from "../../description/description.js";
import { describe } from "../../tensor.js";
import { hardSigmoidOf } from "../keras/activations.js";
import { Config, parseConfig } from "../keras/config.js";
import { readModel } from "../keras/model.js";
import {
  type Bytes,
  bytesOf,
  checkFinite,
  checkOptions,
  isBytes,
  type KerasOptions,
} from "../keras/options.js";
import { pathOf, type Variable, type WeightSource } from "../keras/weights.js";
import { readManifest } from "./weights.js";

const where = "describeTensorflowJs";

/** What the names of a layer's variables begin with, as one or the other writer has it. */
function owners({ layer, inner }: Variable): readonly string[] {
  if (inner === undefined) return [layer.name];
  if (inner.part === "layer") return [layer.name, `${layer.name}/${inner.name}`];
  return [`${layer.name}/${inner.name}`, inner.name];
}

/** By name without its second-last part: since TensorFlow 2.2 `lstm/kernel` is also `lstm/lstm_cell/kernel`. */
function shortNames(names: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const short = new Map<string, string[]>();
  for (const name of names) {
    const parts = name.split("/");
    parts.splice(-2, 1);
    const key = parts.join("/");
    short.set(key, [...(short.get(key) ?? []), name]);
  }
  return short;
}

function sourceOf(tensors: ReadonlyMap<string, StoredNumbers>, finite: boolean): WeightSource {
  const nameOf = (variable: Variable): string => `${owners(variable)[0]}/${variable.name}`;
  const short = shortNames(tensors.keys());
  const candidates = (variable: Variable): readonly string[] => {
    for (const owner of owners(variable)) {
      const exact = `${owner}/${variable.name}`;
      const found = tensors.has(exact) ? [exact] : short.get(exact);
      if (found !== undefined) return found;
    }
    // What was converted from a file of Keras 3 may have its paths.
    return ["layers", "_layer_checkpoint_dependencies"]
      .map((root) => pathOf(variable, root))
      .filter((name) => tensors.has(name));
  };
  return {
    nameOf,
    find: (variable) => {
      const [name, other] = candidates(variable);
      const numbers = name === undefined ? undefined : tensors.get(name);
      if (name === undefined || numbers === undefined) return undefined;
      if (other !== undefined) {
        const what = `expected one ${nameOf(variable)}, got ${name} and ${other}`;
        variable.layer.config.fail("manifest", what, variable.name, name);
      }
      if (finite) checkFinite(where, name, numbers);
      return { name, numbers };
    },
  };
}

/**
 * What a TensorFlow.js layers model says about a network: the same layers as `describeKeras` reads. Weights are f32, also
 * those that are quantised.
 *
 * @param model model.json, as text or parsed
 * @param shards the files of `weightsManifest`, in the order of its paths, or one piece that holds them all
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the model breaks a rule (docs/formats.md); `tensor` is the weight at fault
 */
export function describeTensorflowJs(
  model: object | string,
  shards: Bytes | readonly Bytes[],
  options: KerasOptions = {},
): ModelDescription {
  if (typeof model !== "string" && (typeof model !== "object" || model === null)) {
    throw new TypeError(`${where}: model: expected an object or text, got ${describe(model)}`);
  }
  if (!isBytes(shards) && !Array.isArray(shards)) {
    throw new TypeError(
      `${where}: shards: expected bytes or a list of them, got ${describe(shards)}`,
    );
  }
  const { nonFinite, maximumBytes, ragged } = checkOptions(where, options);
  const list = (isBytes(shards) ? [shards] : (shards as readonly Bytes[])).map((shard, i) =>
    bytesOf(where, `shards[${i}]`, shard),
  );
  const file =
    typeof model === "string"
      ? parseConfig(where, "model.json", model)
      : new Config(where, "", "model.json", model);
  if (file.get("format") !== undefined && file.text("format") !== "layers-model") {
    const found = file.text("format").slice(0, 40);
    file.fail("topology", `expected a layers-model, got ${found}`, "format");
  }
  const topology = file.child("modelTopology");
  const metadata = new Map<string, string>();
  for (const key of ["generatedBy", "convertedBy"]) {
    if (file.get(key) !== undefined) metadata.set(key, file.text(key));
  }
  const version = topology.get("keras_version");
  if (version !== undefined) metadata.set("keras_version", topology.text("keras_version"));
  const tensors = readManifest(file, list, maximumBytes);
  const network = topology.has("model_config") ? topology.child("model_config") : topology;
  const source = sourceOf(tensors, nonFinite === "reject");
  const hardSigmoid = hardSigmoidOf(metadata.get("keras_version") ?? "");
  return readModel(network, "tensorflow.js", { source, hardSigmoid, ragged }, metadata);
}
