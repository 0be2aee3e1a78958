import { activationName } from "../cells/activations.js";
import { ALL_KERNELS } from "../cells/kernels.js";
import { settled } from "../description/assumptions.js";
import { guessHint, type ModelDescription } from "../description/description.js";
import { ModelFormatError } from "../description/format_error.js";
import { checkDescription, checkPrecision, checkRange } from "../description/validate.js";
import { type Bytes, type BytesSource, isBytes, isSource, receiveBytes } from "../formats/bytes.js";
import { describeSafetensors } from "../formats/pytorch/reader.js";
import { readSafetensors } from "../formats/safetensors/reader.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { checkEngine, type Engine } from "../wasm/engine.js";
import { LanguageModel } from "./language_model.js";
import { LanguageNetwork } from "./language_network.js";
import { Network } from "./network.js";
import { type Normalisation, readNormalisation } from "./normalisation.js";
import { Tagger } from "./tagger.js";
import { TaggerContent } from "./tagger_content.js";
import { decideTagger, OUTPUTS, type TaggerDecisions } from "./tagger_decisions.js";
import { Tokenizer, TokenMatcher, type VocabularySource } from "./vocabulary.js";

/** A model: the bytes of a safetensors file, a `Response` or `Blob` of them, or a description that another reader gave. */
export type ModelSource = Bytes | BytesSource | ModelDescription;

interface LoadOptions {
  /** The numbers of weights and states. `"f32"` is faster and less exact. Default `"f64"`. */
  readonly precision?: Precision | undefined;
  /**
   * The input of a network without an embedding: rows of numbers, or tokens that stand for one-hot vectors. Default: as in
   * the file, else a guess: one-hot if there are as many inputs as outputs.
   */
  readonly input?: "features" | "one-hot" | undefined;
  /** The ids of characters or longer tokens. Default: `vocabulary` in the file's metadata, JSON of the same. */
  readonly vocabulary?: VocabularySource | undefined;
  /** The id or token that replaces characters outside the vocabulary. Default: such a character is an error. */
  readonly unknown?: number | string | undefined;
}

/** Options of {@link loadLanguageModel}. */
export interface LanguageModelOptions extends LoadOptions {
  /** The token before every sequence, by which the first one is scored, too. Default: `start` in the file's metadata. */
  readonly start?: number | string | undefined;
}

/** Options of {@link loadTagger}. */
export interface TaggerOptions extends LoadOptions {
  /**
   * One output for each step (`"step"` is the same), or one for each sequence: from the state with which each direction ends,
   * or from the mean or the maximum over the steps of the recurrent part's output. Default: as in the file. A file that
   * does not say has an output for every step if its network is plain; otherwise the option is needed.
   */
  readonly output?: TaggerDecisions["output"];
  /** The activation after the linear layers, in place of the file's: `"softmax"` gives probabilities. */
  readonly activation?: TaggerDecisions["activation"];
  /** The names of the classes. Default: `classes` in the file's metadata, JSON. */
  readonly classes?: readonly string[] | undefined;
  /** How the features were normalised in training: it is done to every row first. Default: as in the file's metadata, JSON. */
  readonly normalisation?: Normalisation | undefined;
  /** How the targets were normalised in training: it is undone on the values. Default: as in the file's metadata, JSON. */
  readonly targetNormalisation?: Normalisation | undefined;
}

// Written out: a bundler keeps an object that another is spread into, used or not.
const LANGUAGE_MODEL_NAMES: OptionNames<LanguageModelOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  start: true,
};
const TAGGER_NAMES: OptionNames<TaggerOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  output: true,
  activation: true,
  classes: true,
  normalisation: true,
  targetNormalisation: true,
};

function checkWord(where: string, name: string, words: readonly string[], value: unknown): void {
  if (value === undefined || words.includes(value as string)) return;
  const expected = words
    .map((word) => `"${word}"`)
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");
  throw new TypeError(`${where}: ${name}: expected ${expected}, got ${String(value)}`);
}

/** The description of a model, its parts in agreement. */
async function openSource(
  where: string,
  source: ModelSource,
  { precision = "f64", input }: LoadOptions,
): Promise<ModelDescription> {
  checkPrecision(where, precision);
  checkWord(where, "input", ["features", "one-hot"], input);
  const description =
    isBytes(source) || isSource(source)
      ? describeSafetensors(readSafetensors(await receiveBytes(where, "model", source)))
      : source;
  checkDescription(where, description);
  if (precision === "f32") checkRange(where, description);
  if (input === undefined) return description;
  if (description.input.kind === "embedding") {
    throw new TypeError(`${where}: input: the model has an embedding, which takes tokens`);
  }
  return {
    ...description,
    input: { kind: input, size: description.input.size },
    assumptions: settled(description.assumptions, "input"),
  };
}

const FILE = "metadata";

/** Reads the metadata of a file. An error in them is an error of the file. */
function fromFile<R>(read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new ModelFormatError("metadata", error.message);
  }
}

/** The vocabulary in the metadata of a file. */
function storedVocabulary(metadata: ReadonlyMap<string, string>): VocabularySource | undefined {
  const text = metadata.get("vocabulary");
  if (text === undefined) return undefined;
  return parsed("vocabulary", text, "{ token: id } or a list of tokens") as VocabularySource;
}

/** JSON in the metadata of a file. */
function parsed(name: string, text: string, expected: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const message = `${FILE}: ${name}: expected JSON, ${expected}, got other text`;
    throw new ModelFormatError("metadata", message);
  }
}

/** The id of the token that an option names or, where it is absent, the file's metadata. */
function namedToken(
  where: string,
  name: "start" | "unknown",
  tokenizer: Tokenizer,
  { [name]: given }: LanguageModelOptions,
  metadata: ReadonlyMap<string, string>,
): number | undefined {
  if (given !== undefined) return tokenizer.id(where, name, given);
  const stored = metadata.get(name);
  return stored === undefined ? undefined : fromFile(() => tokenizer.id(FILE, name, stored));
}

function openTokenizer(
  where: string,
  size: number,
  options: LoadOptions,
  metadata: ReadonlyMap<string, string>,
): Tokenizer {
  const { vocabulary, unknown } = options;
  let matcher: TokenMatcher | undefined;
  if (vocabulary !== undefined) matcher = new TokenMatcher(where, vocabulary, size);
  else {
    const stored = storedVocabulary(metadata);
    if (stored !== undefined) matcher = fromFile(() => new TokenMatcher(FILE, stored, size));
  }
  const tokenizer = new Tokenizer(size, matcher);
  if (matcher === undefined) {
    if (unknown === undefined) return tokenizer;
    throw new TypeError(`${where}: unknown: ${JSON.stringify(unknown)} needs a vocabulary`);
  }
  const id = namedToken(where, "unknown", tokenizer, options, metadata);
  return id === undefined ? tokenizer : new Tokenizer(size, matcher, id);
}

/** Throws unless a network is a language model. */
function checkLanguage(where: string, network: Network, { input, output }: ModelDescription): void {
  const { dense, tokenCount } = network;
  const hint = guessHint(input);
  const wrong = (expected: string, got: string): ModelFormatError =>
    new ModelFormatError("network", `${where}: a language model: expected ${expected}, got ${got}`);
  if (tokenCount === 0) {
    throw wrong("tokens as input", `${network.inputSize} numbers a step${hint}`);
  }
  // With an output that depends on later tokens a log-probability would mean nothing.
  if (!network.isCausal) {
    throw wrong("directions that read from the start", "one that reads from the end");
  }
  if (output === "mean" || output === "max") {
    throw wrong(
      "an output for every step",
      `the ${output === "max" ? "maximum" : output} over all`,
    );
  }
  if (dense.outputSize !== tokenCount) {
    throw wrong(`${tokenCount} outputs, one for each token`, `${dense.outputSize}${hint}`);
  }
  const top = activationName(dense.activation);
  if (!["identity", "softmax", "logSoftmax"].includes(top)) {
    throw wrong("logits or a softmax on top", top);
  }
}

/**
 * Opens a language model: an embedding or one-hot input, recurrent stacks that read from the start, linear layers with one
 * output for each token.
 *
 * @param source a safetensors file with PyTorch's names: its bytes, a `Response` or a `Blob`; or the description that the
 *   reader of another format gave
 * @throws {TypeError | RangeError} for an argument of the wrong kind, or a vocabulary that does not fit
 * @throws {ModelFormatError} for a file that breaks a rule or holds no language model; with code "not-finite" for numbers
 *   beyond the range of f32
 * @throws {EngineMemoryError} if linear memory cannot hold the model
 */
export async function loadLanguageModel(
  engine: Engine,
  source: ModelSource,
  options: LanguageModelOptions = {},
): Promise<LanguageModel> {
  const where = "loadLanguageModel";
  const core = checkEngine(where, engine);
  checkOptions(where, options, LANGUAGE_MODEL_NAMES);
  const description = await openSource(where, source, options);
  const network = new Network(core, description, options.precision ?? "f64", ALL_KERNELS);
  try {
    checkLanguage(where, network, description);
    const { metadata, assumptions = [] } = description;
    const tokenizer = openTokenizer(where, network.tokenCount, options, metadata);
    const start = namedToken(where, "start", tokenizer, options, metadata);
    return new LanguageModel(new LanguageNetwork(network, tokenizer, start), assumptions);
  } catch (error) {
    network.release();
    throw error;
  }
}

function checkClasses(where: string, classes: TaggerOptions["classes"], size: number): void {
  if (classes === undefined) return;
  const expected = `${where}: classes: expected ${size} names, got`;
  if (!Array.isArray(classes)) throw new TypeError(`${expected} ${describe(classes)}`);
  if (classes.length !== size) throw new RangeError(`${expected} ${classes.length}`);
  classes.forEach((name: unknown, i) => {
    if (typeof name === "string") return;
    throw new TypeError(`${where}: classes[${i}]: expected a string, got ${describe(name)}`);
  });
}

/** The names of the classes that an option gives or, where it is absent, the file's metadata. */
function openClasses(
  where: string,
  { classes }: TaggerOptions,
  metadata: ReadonlyMap<string, string>,
  size: number,
): readonly string[] | undefined {
  const text = metadata.get("classes");
  if (classes !== undefined || text === undefined) {
    checkClasses(where, classes, size);
    return classes;
  }
  return fromFile(() => {
    const stored = parsed("classes", text, "a list of names") as readonly string[];
    checkClasses(FILE, stored ?? null, size);
    return stored;
  });
}

/** A normalisation that an option gives or, where it is absent, the file's metadata. */
function openNormalisation(
  where: string,
  name: "normalisation" | "targetNormalisation",
  options: TaggerOptions,
  { metadata, columns }: { metadata: ReadonlyMap<string, string>; columns: number },
): Normalisation | undefined {
  const { [name]: given } = options;
  if (given !== undefined) return readNormalisation(`${where}: ${name}`, given, columns);
  const text = metadata.get(name);
  if (text === undefined) return undefined;
  const stored = parsed(name, text, "{ mean: [], scale: [] }") as Normalisation;
  return fromFile(() => readNormalisation(`${FILE}: ${name}`, stored, columns));
}

/**
 * Opens a tagger: features or tokens in, and for each step or each sequence values and a class out.
 *
 * @param source a safetensors file with PyTorch's names: its bytes, a `Response` or a `Blob`; or the description that the
 *   reader of another format gave
 * @throws {TypeError | RangeError} for an argument of the wrong kind
 * @throws {ModelFormatError} for a file that breaks a rule; with code "not-finite" for numbers beyond the range of f32
 * @throws {EngineMemoryError} if linear memory cannot hold the model
 */
export async function loadTagger(
  engine: Engine,
  source: ModelSource,
  options: TaggerOptions = {},
): Promise<Tagger> {
  const where = "loadTagger";
  const core = checkEngine(where, engine);
  checkOptions(where, options, TAGGER_NAMES);
  const { activation } = options;
  checkWord(where, "output", OUTPUTS, options.output);
  checkWord(where, "activation", ["identity", "softmax", "logSoftmax"], activation);
  const file = await openSource(where, source, options);
  const description = decideTagger(where, file, options);
  const network = new Network(core, description, options.precision ?? "f64", ALL_KERNELS);
  try {
    const { tokenCount, dense } = network;
    const { metadata } = file;
    if (tokenCount > 0 && options.normalisation !== undefined) {
      throw new TypeError(`${where}: normalisation: the model takes tokens, not numbers`);
    }
    const tokenizer =
      tokenCount === 0 ? undefined : openTokenizer(where, tokenCount, options, metadata);
    const content = new TaggerContent(network, tokenizer, {
      output: description.output,
      // Without linear layers it follows the network itself.
      activation: activation ?? dense.activation,
      classes: openClasses(where, options, metadata, dense.outputSize),
      normalisation:
        tokenCount > 0
          ? undefined
          : openNormalisation(where, "normalisation", options, {
              metadata,
              columns: network.inputSize,
            }),
      targetNormalisation: openNormalisation(where, "targetNormalisation", options, {
        metadata,
        columns: dense.outputSize,
      }),
      hint: guessHint(description.input),
      assumptions: description.assumptions ?? [],
    });
    return new Tagger(content);
  } catch (error) {
    network.release();
    throw error;
  }
}
