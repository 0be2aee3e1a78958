import type { ModelDescription, StoredNumbers } from "../../description/description.js";
import { describe } from "../../tensor.js";
import { type Bytes, bytesOf, isBytes } from "../bytes.js";
import { checkFinite } from "../finite.js";
import { hardSigmoidOf } from "../keras/activations.js";
import { Config, parseConfig } from "../keras/config.js";
import { readModel } from "../keras/model.js";
import { checkKerasOptions, KERAS_OPTIONS, type KerasOptions } from "../keras/options.js";
import {
  pathOf,
  type StoredVariable,
  type Variable,
  type WeightSource,
  Weights,
} from "../keras/weights.js";
import { checkReadOptions } from "../options.js";
import { readManifest, readShardPaths } from "./weights.js";

const where = "describeTensorflowJs";

/** The prefixes of a layer's variables, as the two writers name them. */
function ownersOf({ layer, inner }: Variable): readonly string[] {
  if (inner === undefined) return [layer.name];
  if (inner.part === "layer") return [layer.name, `${layer.name}/${inner.name}`];
  return [`${layer.name}/${inner.name}`, inner.name];
}

/** Names by the same name without its second-last part: TensorFlow 2.2 made `lstm/lstm_cell/kernel` of `lstm/kernel`. */
function shortNames(names: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const short = new Map<string, string[]>();
  for (const name of names) {
    const parts = name.split("/");
    parts.splice(-2, 1);
    const key = parts.join("/");
    const others = short.get(key);
    if (others === undefined) short.set(key, [name]);
    else others.push(name);
  }
  return short;
}

function sourceOf(variables: ReadonlyMap<string, StoredVariable>, finite: boolean): WeightSource {
  const nameOf = (variable: Variable): string => `${ownersOf(variable)[0]}/${variable.name}`;
  const short = shortNames(variables.keys());
  const candidates = (variable: Variable): readonly string[] => {
    for (const owner of ownersOf(variable)) {
      const exact = `${owner}/${variable.name}`;
      const found = variables.has(exact) ? [exact] : short.get(exact);
      if (found !== undefined) return found;
    }
    // A model converted from a file of Keras 3 may have its paths.
    return ["layers", "_layer_checkpoint_dependencies"]
      .map((root) => pathOf(variable, root))
      .filter((name) => variables.has(name));
  };
  return {
    nameOf,
    find: (variable) => {
      const [name, other] = candidates(variable);
      const found = name === undefined ? undefined : variables.get(name);
      if (name === undefined || found === undefined) return undefined;
      if (other !== undefined) {
        const what = `expected one ${nameOf(variable)}, got ${name} and ${other}`;
        variable.layer.config.fail("manifest", what, variable.name, name);
      }
      if (!finite) return found;
      const read = (): StoredNumbers["data"] => {
        const data = found.read();
        checkFinite(where, name, data);
        return data;
      };
      return { ...found, read };
    },
  };
}

const configOf = (where: string, model: object | string): Config =>
  typeof model === "string"
    ? parseConfig(where, "model.json", model)
    : new Config(where, "", "model.json", model);

function checkModel(where: string, model: unknown): void {
  if (typeof model === "string" || (typeof model === "object" && model !== null)) return;
  throw new TypeError(`${where}: model: expected an object or text, got ${describe(model)}`);
}

/**
 * The paths of the shards that a model.json names, in its order, for a caller that loads them. The manifest is checked
 * first; each path occurs once. Paths are text of the file: hold them against your own rules before you follow them.
 *
 * @param model model.json, as text or parsed
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the manifest breaks a rule (docs/formats.md)
 */
export function listTensorflowJsShards(
  model: object | string,
  options: Pick<KerasOptions, "maximumBytes"> = {},
): string[] {
  const where = "listTensorflowJsShards";
  checkModel(where, model);
  const { maximumBytes } = checkReadOptions(where, options, { maximumBytes: true });
  return readShardPaths(configOf(where, model), maximumBytes);
}

/**
 * Describes the network of a TensorFlow.js layers model, with the same layers as `describeKeras`. Weights are f32, quantised
 * ones included; layers that share weights share the arrays.
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
  checkModel(where, model);
  if (!isBytes(shards) && !Array.isArray(shards)) {
    throw new TypeError(
      `${where}: shards: expected bytes or a list of them, got ${describe(shards)}`,
    );
  }
  const { nonFinite, maximumBytes, ragged } = checkKerasOptions(where, options, KERAS_OPTIONS);
  const list = (isBytes(shards) ? [shards] : (shards as readonly Bytes[])).map((shard, i) =>
    bytesOf(where, `shards[${i}]`, shard),
  );
  const file = configOf(where, model);
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
  const variables = readManifest(file, list, maximumBytes);
  const network = topology.has("model_config") ? topology.child("model_config") : topology;
  const weights = new Weights(sourceOf(variables, nonFinite === "reject"));
  const hardSigmoid = hardSigmoidOf(metadata.get("keras_version") ?? "");
  return readModel(network, "tensorflow.js", { weights, hardSigmoid, ragged }, metadata);
}
