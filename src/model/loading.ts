import type { DenseDescription, ModelDescription } from "../description/description.js";
import { ModelFormatError } from "../description/format_error.js";
import { checkDescription, checkPrecision } from "../description/validate.js";
import { describeSafetensors } from "../formats/pytorch/reader.js";
import { readSafetensors } from "../formats/safetensors/reader.js";
import { checkObject, describe } from "../tensor.js";
import { checkEngine, type Engine } from "../wasm/engine.js";
import { nameOf } from "./dense.js";
import { LanguageModel, type LanguageModelOptions } from "./language_model.js";
import { Network } from "./network.js";
import { Tagger, type TaggerOptions } from "./tagger.js";
import { Tokens } from "./tokens.js";

/** A model: the bytes of a safetensors file, or what another format's reader found. */
export type ModelSource = Uint8Array | ArrayBuffer | ModelDescription;

/** The description of a model, its parts in agreement. @throws {ModelFormatError} for a file that holds none */
function openSource(where: string, source: ModelSource): ModelDescription {
  const description =
    source instanceof Uint8Array || source instanceof ArrayBuffer
      ? describeSafetensors(readSafetensors(source))
      : source;
  checkDescription(where, description);
  return description;
}

function checkLanguage(where: string, network: Network): void {
  const { tokens, dense } = network;
  const wrong = (expected: string, got: string): ModelFormatError =>
    new ModelFormatError("network", `${where}: a language model: expected ${expected}, got ${got}`);
  if (tokens === 0) throw wrong("tokens as input", `${network.features} numbers a step`);
  // What is still to come would be known: its log-probability would say nothing.
  if (!network.live) {
    throw wrong("directions that read from the start", "one that reads from the end");
  }
  if (dense.outputSize !== tokens) {
    throw wrong(`${tokens} outputs, one a token`, String(dense.outputSize));
  }
  const top = nameOf(dense.activation);
  if (!["identity", "softmax", "logSoftmax"].includes(top)) {
    throw wrong("logits or a softmax on top", top);
  }
}

/**
 * Opens a model: an embedding or one-hot input, a recurrent stack, a linear layer.
 *
 * @param source the bytes of a safetensors file with PyTorch's names, or the description that another format's reader gave
 * @throws {TypeError | RangeError} for an argument of the wrong kind, or a vocabulary that does not fit
 * @throws {ModelFormatError} for a file that breaks a rule, or holds no language model
 * @throws {EngineMemoryError} if linear memory cannot hold it
 */
export async function loadLanguageModel(
  engine: Engine,
  source: ModelSource,
  options: LanguageModelOptions = {},
): Promise<LanguageModel> {
  const where = "loadLanguageModel";
  checkEngine(where, engine);
  checkObject(where, "options", options);
  const { precision = "f64" } = options;
  checkPrecision(where, precision);
  const description = openSource(where, source);
  const network = new Network(engine, description, precision);
  try {
    checkLanguage(where, network);
    const { metadata } = description;
    const tokens = new Tokens(where, network.tokens, options, metadata);
    const start = tokens.named(where, "start", options.start, metadata);
    return new LanguageModel(network, tokens, start);
  } catch (error) {
    network.release();
    throw error;
  }
}

const ACTIVATIONS: readonly unknown[] = [undefined, "identity", "softmax", "logSoftmax"];

function checkActivation(where: string, activation: TaggerOptions["activation"]): void {
  if (ACTIVATIONS.includes(activation)) return;
  throw new TypeError(
    `${where}: activation: expected "identity", "softmax" or "logSoftmax", got ${String(activation)}`,
  );
}

function checkClasses(where: string, classes: TaggerOptions["classes"], size: number): void {
  if (classes === undefined) return;
  const expected = `${where}: classes: expected ${size} names, got`;
  if (!Array.isArray(classes)) throw new TypeError(`${expected} ${describe(classes)}`);
  if (classes.length !== size) throw new RangeError(`${expected} ${classes.length}`);
  classes.forEach((name: unknown, i) => {
    if (typeof name === "string") return;
    throw new TypeError(`${where}: classes[${i}]: expected a text, got ${describe(name)}`);
  });
}

/** The same network with something else after its last linear layer. */
function withTop(
  described: ModelDescription,
  activation: DenseDescription["activation"],
): ModelDescription {
  const dense = described.dense.map((layer, i, { length }) =>
    i + 1 < length ? layer : { ...layer, activation },
  );
  return { ...described, dense };
}

/**
 * Opens a model that tags: numbers or tokens in, for each step or each sequence a class or values out.
 *
 * @param source the bytes of a safetensors file with PyTorch's names, or the description that another format's reader gave
 * @throws {TypeError | RangeError} for an argument of the wrong kind
 * @throws {ModelFormatError} for a file that breaks a rule
 * @throws {EngineMemoryError} if linear memory cannot hold it
 */
export async function loadTagger(
  engine: Engine,
  source: ModelSource,
  options: TaggerOptions = {},
): Promise<Tagger> {
  const where = "loadTagger";
  checkEngine(where, engine);
  checkObject(where, "options", options);
  const { precision = "f64", classes } = options;
  checkPrecision(where, precision);
  const described = openSource(where, source);
  const { output = described.output, activation } = options;
  if (output !== "steps" && output !== "last") {
    throw new TypeError(`${where}: output: expected "steps" or "last", got ${String(output)}`);
  }
  checkActivation(where, activation);
  const description = activation === undefined ? described : withTop(described, activation);
  const network = new Network(engine, description, precision);
  try {
    checkClasses(where, classes, network.dense.outputSize);
    const tokens =
      network.tokens === 0
        ? undefined
        : new Tokens(where, network.tokens, options, description.metadata);
    // A network without linear layers has nothing for it to follow but itself.
    const top = activation ?? network.dense.activation;
    return new Tagger(network, tokens, output, top, classes);
  } catch (error) {
    network.release();
    throw error;
  }
}
