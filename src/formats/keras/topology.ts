import type { Config } from "./config.js";

/** The most layers of a model. */
const MAX_LAYERS = 1000;

/** A layer of a model. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  /** Its settings. */
  readonly config: Config;
  /** Its group in Keras 3's weights: the class in snake case and its count, `lstm`, `lstm_1`. */
  readonly group: string;
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === false;

/** A class's name as Keras 3 names its group: `SimpleRNN` is `simple_rnn`. */
const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();

/**
 * The layers of a Sequential or linear Functional model, from the input upwards.
 *
 * @param model `{ class_name, config }`
 * @param ragged whether masks between layers are ignored
 */
export function readChain(model: Config, ragged: boolean): readonly KerasLayer[] {
  const className = model.text("class_name");
  if (className === "Sequential") {
    // In Keras 1 the config is the list itself.
    const holder = isList(model.get("config")) ? model : model.child("config");
    return readLayers(holder, holder === model ? "config" : "layers");
  }
  if (!["Functional", "Model"].includes(className)) {
    model.fail("topology", `expected Sequential or Functional, got ${className.slice(0, 64)}`);
  }
  const config = model.child("config");
  return chainOf(config, readLayers(config, "layers"), ragged);
}

function readLayers(holder: Config, key: string): (KerasLayer & { entry: Config })[] {
  const list = holder.list(key);
  if (list.length > MAX_LAYERS) {
    holder.fail("topology", `expected ≤ ${MAX_LAYERS} layers, got ${list.length}`, key);
  }
  const counts = new Map<string, number>();
  const names = new Set<string>();
  return list.map((value, i) => {
    const entry = holder.of(`layer ${i}`, value);
    const className = entry.text("class_name");
    const settings = entry.child("config");
    const name = typeof entry.get("name") === "string" ? entry.text("name") : settings.text("name");
    if (names.has(name))
      holder.fail("topology", `expected one layer named ${name.slice(0, 64)}, got two`, key);
    names.add(name);
    const group = snakeCase(className);
    const count = counts.get(group) ?? 0;
    counts.set(group, count + 1);
    return {
      className,
      name,
      config: holder.of(name, entry.get("config")),
      group: count === 0 ? group : `${group}_${count}`,
      entry: holder.of(name, value),
    };
  });
}

/** Follows a Functional model from its one output to its one input. */
function chainOf(
  config: Config,
  layers: readonly (KerasLayer & { entry: Config })[],
  ragged: boolean,
): readonly KerasLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const chain: KerasLayer[] = [];
  let next: string | undefined = onlyTensor(config, "output_layers");
  while (next !== undefined) {
    const layer = byName.get(next);
    if (layer === undefined) {
      return config.fail("topology", `expected a layer ${next.slice(0, 64)}, got none`);
    }
    // A circle ends here: its layer was deleted before.
    byName.delete(next);
    chain.unshift(layer);
    next = sourceOf(layer.entry, ragged);
  }
  for (const { className, entry } of byName.values()) {
    // Keras 3 turns the comparison for an embedding's mask into a layer.
    if (ragged && className === "NotEqual") continue;
    entry.fail("topology", "expected one chain of layers, got this one beside it");
  }
  return chain;
}

/** `["name", 0, 0]`, or a list of one such. */
function onlyTensor(config: Config, key: string): string {
  const list = config.list(key);
  const first = list.length === 1 && isList(list[0]) ? list[0] : list;
  return tensorName(config, key, first);
}

function tensorName(config: Config, key: string, value: unknown): string {
  const [name, node, index] = isList(value) ? value : [];
  if (typeof name !== "string" || node !== 0 || index !== 0) {
    return config.fail("topology", "expected the first output of one layer, used once", key);
  }
  return name;
}

/** The name of the layer that feeds this one; undefined for an input. */
function sourceOf(entry: Config, ragged: boolean): string | undefined {
  const key = "inbound_nodes";
  const nodes = entry.list(key);
  if (nodes.length === 0) return undefined;
  const [node] = nodes;
  if (nodes.length > 1) entry.fail("topology", "expected a layer that is used once", key);
  // Keras 2 and TensorFlow.js: [["name", 0, 0, { … }]]; Keras 3: { args: [tensor], kwargs: { … } }.
  const old = isList(node);
  const call = old ? undefined : entry.of(entry.layer.slice(1, -1), node);
  const args = old ? node : (call?.list("args") ?? []);
  const [tensor] = args;
  if (args.length !== 1 || isList(tensor) !== old) {
    entry.fail("topology", "expected one input, got several", key);
  }
  const extra = isList(tensor) ? tensor[3] : call?.get("kwargs");
  for (const [name, value] of Object.entries(extra ?? {})) {
    if (isEmpty(value) || (ragged && name === "mask")) continue;
    entry.fail("topology", `expected one input, got also ${name.slice(0, 64)}`, key);
  }
  if (old) return tensorName(entry, key, tensor);
  const history = entry.of(entry.layer.slice(1, -1), tensor).child("config").get("keras_history");
  return tensorName(entry, key, history);
}
