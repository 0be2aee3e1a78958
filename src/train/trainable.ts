import type { ModelDescription, StoredNumbers } from "../description/description.js";
import { ShapeError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { writeModel } from "../formats/pytorch/writer.js";
import { checkOptions, nearest, type OptionNames } from "../options.js";
import {
  checkObject,
  describe,
  formatShape,
  isDetached,
  isNumbers,
  type Tensor,
} from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { checkEngine, type Engine } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { checkWord, shown } from "./checks.js";
import { describeNetwork, openDescription } from "./description.js";
import { initialise } from "./initialisation.js";
import { TrainedNetwork } from "./network.js";
import { architectureOfOptions, type TrainableOptions } from "./options.js";
import type { Parameter } from "./parameters.js";

/** Weights by PyTorch's names: numbers in C order, or tensors of them. */
export type NamedWeights =
  | ReadonlyMap<string, StoredNumbers>
  | Readonly<Record<string, StoredNumbers | Float64Array | Float32Array>>;

/** Options of `Trainable.save` and `Trainable.description`. */
export interface SaveOptions {
  /** Strings by name, which the file holds besides: `vocabulary` of a language model, for one. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

const SAVE_NAMES: OptionNames<SaveOptions> = { metadata: true };

/** Options of {@link trainable}: what a file may leave open, as for `loadTagger`. */
export interface TrainableModelOptions {
  /** The input of a network without an embedding: rows of numbers, or tokens as one-hot vectors. Default: as described. */
  readonly input?: "features" | "one-hot" | undefined;
  /** Whether each step has an output, or each sequence one. Default: as described. */
  readonly output?: "steps" | "last" | "mean" | "max" | undefined;
  /** As for `createTrainable`. Default `"f64"`. */
  readonly precision?: Precision | undefined;
}

const MODEL_NAMES: OptionNames<TrainableModelOptions> = {
  input: true,
  output: true,
  precision: true,
};

/** What a trainable network needs besides its linear memory. */
interface Origin {
  /** The description that it was opened from. */
  readonly from: ModelDescription | undefined;
}

const origins = new WeakMap<TrainedNetwork, Origin>();

/**
 * A network whose weights are trained: an input, recurrent stacks and a linear layer. {@link createTrainable} makes a new one,
 * {@link trainable} one of a model. `dispose` frees its memory.
 */
export class Trainable extends Handle {
  /** The parameters in their order: PyTorch's name and shape of each. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];

  /** @internal */
  constructor(network: TrainedNetwork, from: ModelDescription | undefined) {
    super("network", network);
    origins.set(network, { from });
    this.parameters = network.parameters.all.map(({ name, shape }) => ({ name, shape }));
  }

  /** Copies the weights: PyTorch's names, shapes and order of gates; in float64, which also holds those of f32 exactly. */
  weights(): Record<string, Tensor> {
    const { parameters } = open("weights", this);
    const copies = parameters.all.map((each): [string, Tensor] => {
      const { shape, data } = parameters.read(each);
      return [each.name, { shape, data: Float64Array.from(data) }];
    });
    return Object.fromEntries(copies);
  }

  /**
   * Sets weights. A network needs all of its weights; others are refused.
   *
   * @throws {TypeError | ShapeError} for a weight that is missing, unknown, or of the wrong kind or size; nothing is changed
   *   then
   */
  load(weights: NamedWeights): void {
    const network = open("load", this);
    loadWeights("load", network, weights);
  }

  /**
   * Freezes parameters: trainers leave them as they are. A name is that of a parameter, or the start of several up to a dot:
   * `"embedding"`, `"recurrent"`, `"recurrent.weight_hh_l0"`.
   *
   * @throws {TypeError} for a name that no parameter has
   */
  freeze(...names: readonly string[]): void {
    setFrozen("freeze", open("freeze", this), names, true);
  }

  /** Lets trainers change parameters again. */
  unfreeze(...names: readonly string[]): void {
    setFrozen("unfreeze", open("unfreeze", this), names, false);
  }

  /** The names of the frozen parameters. */
  frozen(): string[] {
    const { parameters } = open("frozen", this);
    return parameters.all.filter(({ isFrozen }) => isFrozen).map(({ name }) => name);
  }

  /** The model as plain data, of which `loadLanguageModel` and `loadTagger` make a model, and `writeModel` a file. */
  description(options: SaveOptions = {}): ModelDescription {
    const where = "description";
    const network = open(where, this);
    const { from } = origins.get(network) as Origin;
    return describeNetwork(network, from, metadataOf(where, options));
  }

  /** Writes a safetensors file with PyTorch's names, which `loadLanguageModel` and `loadTagger` read. */
  save(options: SaveOptions = {}): Uint8Array {
    const where = "save";
    const network = open(where, this);
    const metadata = metadataOf(where, options);
    const { from } = origins.get(network) as Origin;
    return writeModel(describeNetwork(network, from, metadata));
  }
}

/** The content of a network. @throws {StateError} if the network or its engine is disposed */
function open(where: string, net: Trainable): TrainedNetwork {
  const network = contentOf<TrainedNetwork>(where, net);
  network.engine.checkOpen();
  return network;
}

/** The network of a handle. @throws {TypeError | StateError} unless it is a live network */
export function networkOf(where: string, net: Trainable): TrainedNetwork {
  if (!(net instanceof Trainable)) {
    throw new TypeError(
      `${where}: net: expected a network of createTrainable, got ${describe(net)}`,
    );
  }
  return open(where, net);
}

function metadataOf(where: string, options: SaveOptions): Map<string, string> {
  checkOptions(where, options, SAVE_NAMES);
  const { metadata = {} } = options;
  checkObject(where, "metadata", metadata);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    throw new TypeError(`${where}: metadata.${key}: expected a string, got ${shown(value)}`);
  }
  return new Map(Object.entries(metadata));
}

const isFloats = (value: unknown): value is Float64Array | Float32Array =>
  isNumbers(value, Float64Array) || isNumbers(value, Float32Array);

/** Checks a weight; returns its numbers. */
function checkWeight(
  where: string,
  { name, shape: expected, size }: Parameter,
  value: StoredNumbers | Float64Array | Float32Array | undefined,
): Float64Array | Float32Array {
  const place = `${where}: ${name}`;
  const data: unknown = isFloats(value) ? value : value?.data;
  if (!isFloats(data)) {
    const kinds = "Float64Array, Float32Array or a tensor";
    throw new TypeError(`${place}: expected ${kinds}, got ${describe(value)}`);
  }
  if (isDetached(data)) throw new TypeError(`${place}: the buffer of its data is detached`);
  const shape: unknown = isFloats(value) ? expected : value?.shape;
  if (!Array.isArray(shape)) {
    throw new TypeError(`${place}: shape: expected an array of integers, got ${describe(shape)}`);
  }
  const fits = shape.length === expected.length && expected.every((n, i) => n === shape[i]);
  if (fits && data.length === size) return data;
  const got = fits ? `${data.length} numbers` : formatShape(shape.map(String));
  throw new ShapeError(`${place}: expected ${formatShape(expected)}, got ${got}`);
}

/** Checks all weights, and sets them. */
function loadWeights(where: string, network: TrainedNetwork, weights: NamedWeights): void {
  checkObject(where, "weights", weights);
  const { parameters } = network;
  const given = new Map(weights instanceof Map ? weights : Object.entries(weights));
  const numbers = parameters.all.map((each) => checkWeight(where, each, given.get(each.name)));
  const names = parameters.all.map(({ name }) => name);
  for (const name of given.keys()) {
    if (names.includes(name) || given.get(name) === undefined) continue;
    const meant = nearest(name, names);
    const hint = meant === undefined ? `expected ${names.join(", ")}` : `did you mean ${meant}?`;
    throw new TypeError(`${where}: ${JSON.stringify(name)}: unknown weight: ${hint}`);
  }
  parameters.all.forEach((each, i) => {
    parameters.write(each, numbers[i] as Float64Array);
  });
  network.loaded();
}

function setFrozen(
  where: string,
  { parameters }: TrainedNetwork,
  names: readonly string[],
  isFrozen: boolean,
): void {
  const meant = names.map((name) => {
    const found = parameters.all.filter(
      (each) => each.name === name || each.name.startsWith(`${name}.`),
    );
    if (found.length > 0) return found;
    const known = parameters.all.map((each) => each.name);
    const near = nearest(String(name), known);
    const hint =
      near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`;
    throw new TypeError(`${where}: no parameter has the name ${shown(name)}: ${hint}`);
  });
  for (const parameter of meant.flat()) parameter.isFrozen = isFrozen;
}

/**
 * Makes a network with seeded first weights. {@link createTrainer} trains it.
 *
 * @throws {TypeError | RangeError} for an option that is unknown, of the wrong kind or out of range
 * @throws {EngineMemoryError} if linear memory does not suffice for its weights
 */
export function createTrainable(engine: Engine, options: TrainableOptions): Trainable {
  const core = checkEngine("createTrainable", engine);
  const network = new TrainedNetwork(core, architectureOfOptions(options));
  const { seed = 0, initialisation: by = "pytorch", forgetBias } = options;
  initialise(network, seed, { by, forgetBias });
  return new Trainable(network, undefined);
}

/**
 * Makes a network of a model, to train it further. Its weights become float64, or float32 with that precision.
 *
 * @param model the bytes of a safetensors file, or a description that another reader gave
 * @throws {ModelFormatError} if the model has no linear layer on top, or its last one another activation than a softmax or a
 *   sigmoid
 */
export function trainable(
  engine: Engine,
  model: ModelDescription | Bytes,
  options: TrainableModelOptions = {},
): Trainable {
  const where = "trainable";
  const core = checkEngine(where, engine);
  checkOptions(where, options, MODEL_NAMES);
  const { input, output, precision } = options;
  checkWord(`${where}: input`, input, ["features", "one-hot"]);
  checkWord(`${where}: output`, output, ["steps", "last", "mean", "max"]);
  checkWord(`${where}: precision`, precision, ["f64", "f32"]);
  const { architecture, weights, description } = openDescription(where, model, options);
  const network = new TrainedNetwork(core, architecture);
  try {
    loadWeights(where, network, weights);
  } catch (error) {
    network.release();
    throw error;
  }
  return new Trainable(network, description);
}
