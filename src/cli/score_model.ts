import {
  createEngine,
  type LanguageModel,
  type LanguageModelOptions,
  loadLanguageModel,
  type ModelDescription,
  ModelFormatError,
  type Precision,
  UnknownTokenError,
} from "../index.js";
import type { Pool } from "../pool.js";
import { InputError, printable } from "./faults.js";
import type { Input, Sequence } from "./input.js";
import {
  type NameOptions,
  type OpenModel,
  openModel,
  parseJson,
  readVocabulary,
  vocabularyFrom,
} from "./model.js";
import type { FileTokenizer } from "./tokenizer.js";

export interface ModelCommand extends NameOptions {
  readonly model?: string;
  readonly vocabulary?: string;
  readonly precision: Precision;
  readonly unknown?: string;
}

/** The vocabulary of the user's file, else that of the model file; undefined if there is none. */
async function vocabularyOf({ name, description }: OpenModel, path: string | undefined) {
  if (path !== undefined) return readVocabulary(path);
  const text = description.metadata.get("vocabulary");
  if (text === undefined) return undefined;
  const place = `${name}: metadata: vocabulary`;
  return vocabularyFrom(place, parseJson(place, new TextEncoder().encode(text)));
}

/** The tokenizer.json that a model keeps, unless the user brings a vocabulary. Its library is loaded when it is needed. */
async function tokenizerOf({ name, description }: OpenModel, path: string | undefined) {
  if (path !== undefined || !description.metadata.has("tokenizer.json")) return undefined;
  const { FileTokenizer } = await import("./tokenizer.js");
  return FileTokenizer.of(name, description.metadata);
}

/** A token of the vocabulary, or else an id. */
function unknownOf(text: string, vocabulary: ReadonlyMap<string, number> | undefined) {
  if (vocabulary?.has(text)) return text;
  if (/^\d+$/.test(text)) return Number(text);
  const what = `expected a token of the vocabulary or an id, got ${JSON.stringify(text)}`;
  throw new InputError(`--unknown: ${printable(what)}`);
}

/** The model of the command line, on one core, and on all cores when that is asked for. */
export class ScoreModel {
  readonly model: LanguageModel;
  /** Products for each token: the numbers of all matrices. */
  readonly products: number;
  readonly #description: ModelDescription;
  readonly #options: LanguageModelOptions;
  #tokenizer: FileTokenizer | undefined;

  private constructor(
    model: LanguageModel,
    description: ModelDescription,
    options: LanguageModelOptions,
  ) {
    this.model = model;
    this.#description = description;
    this.#options = options;
    this.products = productsOf(description);
  }

  static async open(command: ModelCommand): Promise<ScoreModel> {
    const opened = await openModel(command.model, command);
    const vocabulary = await vocabularyOf(opened, command.vocabulary);
    const tokenizer = await tokenizerOf(opened, command.vocabulary);
    const { precision, unknown } = command;
    const { name, description } = opened;
    const options: LanguageModelOptions = {
      precision,
      ...(vocabulary === undefined ? {} : { vocabulary }),
      ...(unknown === undefined ? {} : { unknown: unknownOf(unknown, vocabulary) }),
    };
    try {
      const model = await loadLanguageModel(await createEngine(), description, options);
      const scoring = new ScoreModel(model, description, options);
      scoring.#tokenizer = tokenizer;
      return scoring;
    } catch (error) {
      // Sizes and kinds that do not fit come from files here, not from a program.
      const kinds = [TypeError, RangeError, ModelFormatError];
      if (!kinds.some((kind) => error instanceof kind)) throw error;
      const message = (error as Error).message.replace(/\{ input: "([\w-]+)" \}/, "--input $1");
      throw new InputError(`${name}: ${message}`);
    }
  }

  /** Workers that serve the same model. */
  async pool(size: number): Promise<Pool> {
    const { createPool } = await import("../pool.js");
    return createPool(this.#description, { ...this.#options, size });
  }

  /** The text of tokens by the model's tokenizer.json; undefined if it has none. */
  decode(ids: readonly number[]): string | undefined {
    return this.#tokenizer?.decode(ids);
  }

  /** The tokens of a sequence. @throws {InputError} if one is unknown */
  encode(input: Pick<Input, "fail">, line: number, sequence: Sequence): Int32Array {
    const { model } = this;
    if (typeof sequence !== "string") {
      const wrong = sequence.find((id) => id < 0 || id >= model.size);
      if (wrong === undefined) return Int32Array.from(sequence);
      return input.fail(line, `expected ids in 0 … ${model.size - 1}, got ${wrong}`);
    }
    if (this.#tokenizer !== undefined) return Int32Array.from(this.#tokenizer.encode(sequence));
    if (model.vocabulary === undefined) {
      const what = "a text needs a vocabulary, and the model has none: --vocabulary FILE";
      return input.fail(line, what);
    }
    try {
      return model.vocabulary.encode(sequence);
    } catch (error) {
      if (!(error instanceof UnknownTokenError)) throw error;
      const { character, position } = error;
      const place = [...sequence.slice(0, position)].length + 1;
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      const what = `"${printable(character)}" (U+${code}), character ${place} of the text, is not in the model's vocabulary`;
      return input.fail(line, `${what}: map such characters to a token with --unknown TOKEN`);
    }
  }
}

function productsOf({ recurrent, dense }: ModelDescription): number {
  const layers = recurrent.flatMap(({ weights }) => Object.values(weights));
  const arrays = [...layers, ...dense.map(({ weight }) => weight)];
  return arrays.reduce((sum, numbers) => sum + (numbers?.data.length ?? 0), 0);
}
