import { activationName } from "../cells/activations.js";
import type { KernelChoice } from "../cells/kernels.js";
import { settled } from "../description/assumptions.js";
import { guessHint, type ModelDescription } from "../description/description.js";
import { ModelFormatError } from "../description/format_error.js";
import { checkPrecision, checkRange } from "../description/validate.js";
import { type Bytes, type BytesSource, receiveBytes } from "../formats/bytes.js";
import { describeFile } from "../formats/pytorch/reader.js";
import { readSafetensors } from "../formats/safetensors/reader.js";
import type { OptionNames } from "../options.js";
import type { Precision } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import { Network } from "./network.js";
import type { ScoringNetwork } from "./scoring_network.js";
import { Tokenizer, TokenMatcher, type VocabularySource } from "./vocabulary.js";

/** Options of all models. */
export interface LoadOptions {
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

/** Options of `loadLanguageModel`. */
export interface LanguageModelOptions extends LoadOptions {
  /** The token before every sequence, by which the first one is scored, too. Default: `start` in the file's metadata. */
  readonly start?: number | string | undefined;
}

// Written out: a bundler keeps an object that another is spread into, used or not.
export const LANGUAGE_MODEL_NAMES: OptionNames<LanguageModelOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  start: true,
};
export function checkWord(
  where: string,
  name: string,
  words: readonly string[],
  value: unknown,
): void {
  if (value === undefined || words.includes(value as string)) return;
  const expected = words
    .map((word) => `"${word}"`)
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");
  throw new TypeError(`${where}: ${name}: expected ${expected}, got ${String(value)}`);
}

/** The description of a safetensors file. */
export const readFile = async (
  where: string,
  source: Bytes | BytesSource,
): Promise<ModelDescription> =>
  describeFile(readSafetensors(await receiveBytes(where, "model", source)));

/** Checks the options that say how a model is read. */
export function checkReading(where: string, { precision = "f64", input }: LoadOptions): void {
  checkPrecision(where, precision);
  checkWord(where, "input", ["features", "one-hot"], input);
}

/** The description with the input that an option names. Its numbers are within the range of the precision. */
export function withOptions(
  where: string,
  description: ModelDescription,
  { precision, input }: LoadOptions,
): ModelDescription {
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

export const FILE = "metadata";

/** Reads the metadata of a file. An error in them is an error of the file. */
export function fromFile<R>(read: () => R): R {
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
export function parsed(name: string, text: string, expected: string): unknown {
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

export function openTokenizer(
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

export type LanguageParts = ConstructorParameters<typeof ScoringNetwork>;

/** A way to open a language model: its options, where its kernels are, and what is made of its network. */
export interface LanguageForm<N> {
  readonly options: LanguageModelOptions;
  readonly choice: KernelChoice;
  readonly make: (...parts: LanguageParts) => N;
}

/** Opens the network of a language model. Returns it, and what was assumed about it. */
export function openLanguage<N>(
  where: string,
  core: EngineCore,
  description: ModelDescription,
  { options, choice, make }: LanguageForm<N>,
): [N, readonly string[]] {
  const network = new Network(core, description, options.precision ?? "f64", choice);
  try {
    checkLanguage(where, network, description);
    const { metadata, assumptions = [] } = description;
    const tokenizer = openTokenizer(where, network.tokenCount, options, metadata);
    const start = namedToken(where, "start", tokenizer, options, metadata);
    return [make(network, tokenizer, start), assumptions];
  } catch (error) {
    network.release();
    throw error;
  }
}
