import { chooseKernels, type Kernels } from "../cells/kernels.js";
import type { ModelDescription } from "../description/description.js";
import { checkDescription } from "../description/validate.js";
import type { Bytes, BytesSource } from "../formats/bytes.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkEngine, type Engine, type EngineCore } from "../wasm/engine.js";
import {
  checkReading,
  type LanguageModelOptions,
  type LanguageParts,
  openLanguage,
  readFile,
  withOptions,
} from "./open_language.js";
import { Scorer } from "./scorer.js";
import { ScoringNetwork } from "./scoring_network.js";

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
function checkCall(where: string, engine: Engine, options: ScorerOptions): EngineCore {
  const core = checkEngine(where, engine);
  checkOptions(where, options, SCORER_NAMES);
  checkReading(where, options);
  return core;
}

function open(
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
  const core = checkCall(where, engine, options);
  return open(where, core, await readFile(where, source), options);
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
  const core = checkCall(where, engine, options);
  checkDescription(where, description);
  return open(where, core, description, options);
}
