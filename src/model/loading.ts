import { ALL_KERNELS, chooseKernels, type Kernels } from "../cells/kernels.js";
import { guessHint, type ModelDescription } from "../description/description.js";
import { checkDescription } from "../description/validate.js";
import { type Bytes, type BytesSource, isBytes, isSource } from "../formats/bytes.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import { checkEngine, type Engine, type EngineCore } from "../wasm/engine.js";
import { LanguageModel } from "./language_model.js";
import { LanguageNetwork } from "./language_network.js";
import { Network } from "./network.js";
import { type Normalisation, readNormalisation } from "./normalisation.js";
import {
  checkReading,
  checkWord,
  FILE,
  fromFile,
  LANGUAGE_MODEL_NAMES,
  type LanguageModelOptions,
  type LanguageParts,
  type LoadOptions,
  openLanguage,
  openTokenizer,
  parsed,
  readFile,
  withOptions,
} from "./open_language.js";
import { Scorer } from "./scorer.js";
import { ScoringNetwork } from "./scoring_network.js";
import { Tagger } from "./tagger.js";
import { TaggerContent } from "./tagger_content.js";
import { decideTagger, OUTPUTS, type TaggerDecisions } from "./tagger_decisions.js";

export type { LanguageModelOptions } from "./open_language.js";

/** A model: the bytes of a safetensors file, a `Response` or `Blob` of them, or a description that another reader gave. */
export type ModelSource = Bytes | BytesSource | ModelDescription;

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

/** The description of a model, its parts in agreement. */
async function openSource(
  where: string,
  source: ModelSource,
  options: LoadOptions,
): Promise<ModelDescription> {
  checkReading(where, options);
  const description = isBytes(source) || isSource(source) ? await readFile(where, source) : source;
  checkDescription(where, description);
  return withOptions(where, description, options);
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
  const make = (...parts: LanguageParts) => new LanguageNetwork(...parts);
  const description = await openSource(where, source, options);
  const form = { options, choice: ALL_KERNELS, make };
  const [language, assumptions] = openLanguage(where, core, description, form);
  return new LanguageModel(language, assumptions);
}

/** Options of `loadScorer` and `createScorer`. */
export interface ScorerOptions extends LanguageModelOptions {
  /** Imported kernels: `float32` for `precision: "f32"`, `generalCells` for cells that are no standard ones. */
  readonly kernels?: readonly Kernels[] | undefined;
}

const SCORER_NAMES: OptionNames<ScorerOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  start: true,
  kernels: true,
};

/** Checks a call; returns the core of its engine. */
function checkScorer(where: string, engine: Engine, options: ScorerOptions): EngineCore {
  const core = checkEngine(where, engine);
  checkOptions(where, options, SCORER_NAMES);
  checkReading(where, options);
  return core;
}

function openScorer(
  where: string,
  core: EngineCore,
  description: ModelDescription,
  options: ScorerOptions,
): Scorer {
  const choice = chooseKernels(where, options.kernels);
  const make = (...parts: LanguageParts) => new ScoringNetwork(...parts);
  const read = withOptions(where, description, options);
  return new Scorer(...openLanguage(where, core, read, { options, choice, make }));
}

/**
 * Opens a safetensors file as a language model that only scores: as `loadLanguageModel`, in fewer bytes. A program ships the
 * kernels of the standard cells in f64, and brings others by the option `kernels`.
 *
 * @param source a file with PyTorch's names: its bytes, a `Response` or a `Blob`
 * @throws {TypeError | RangeError} for an argument of the wrong kind, or a vocabulary that does not fit
 * @throws {ModelFormatError} for a file that breaks a rule or holds no language model; with code "not-finite" for numbers
 *   beyond the range of f32
 * @throws {FeatureError} for a precision or a cell that needs other kernels than the program has brought
 * @throws {EngineMemoryError} if linear memory cannot hold the model
 */
export async function loadScorer(
  engine: Engine,
  source: Bytes | BytesSource,
  options: ScorerOptions = {},
): Promise<Scorer> {
  const where = "loadScorer";
  const core = checkScorer(where, engine, options);
  return openScorer(where, core, await readFile(where, source), options);
}

/**
 * As {@link loadScorer}, for a description that the reader of a format gave: `describeKeras`, `describeOnnx`,
 * `describeTensorflowJs`, `describeSafetensors`. A program ships no other reader.
 *
 * @throws as {@link loadScorer}
 */
export function createScorer(
  engine: Engine,
  description: ModelDescription,
  options: ScorerOptions = {},
): Scorer {
  const where = "createScorer";
  const core = checkScorer(where, engine, options);
  checkDescription(where, description);
  return openScorer(where, core, description, options);
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
