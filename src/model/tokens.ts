import { ModelFormatError, UnknownTokenError } from "../errors.js";
import { describe } from "../tensor.js";
import { Vocabulary, type VocabularySource } from "./vocabulary.js";

/** A text, by the model's vocabulary, or ids of tokens. */
export type Sequence = string | readonly number[] | Int32Array;

export interface TokenOptions {
  /** The ids of characters or longer tokens; where absent that of the file's metadata, `vocabulary`: JSON of the same. */
  readonly vocabulary?: VocabularySource;
  /** The id, or token, that a character outside the vocabulary counts as. Default: it is an error. */
  readonly unknown?: number | string;
}

/** What a model takes for tokens: ids from 0 to size − 1, and texts if it has a vocabulary. */
export class Tokens {
  readonly size: number;
  readonly vocabulary: Vocabulary | undefined;

  /** @throws {TypeError | RangeError | ModelFormatError} for a vocabulary that does not fit */
  constructor(
    where: string,
    size: number,
    { vocabulary, unknown }: TokenOptions,
    metadata: ReadonlyMap<string, string>,
  ) {
    this.size = size;
    const source = vocabulary ?? storedVocabulary(metadata);
    if (source === undefined) return;
    this.vocabulary = new Vocabulary(where, source, size);
    const token = unknown ?? metadata.get("unknown");
    if (token === undefined) return;
    this.vocabulary = new Vocabulary(where, source, size, this.id(where, "unknown", token));
  }

  /** The id that a token or an id means. @throws {TypeError | RangeError} if it means none */
  id(where: string, name: string, token: unknown): number {
    const { size, vocabulary } = this;
    if (typeof token === "number") {
      if (Number.isInteger(token) && token >= 0 && token < size) return token;
      throw new RangeError(`${where}: ${name}: expected an id in 0 … ${size - 1}, got ${token}`);
    }
    if (typeof token !== "string") {
      throw new TypeError(`${where}: ${name}: expected an id or a token, got ${describe(token)}`);
    }
    if (vocabulary === undefined) {
      throw new TypeError(`${where}: ${name}: ${JSON.stringify(token)} needs a vocabulary`);
    }
    const id = vocabulary.ids.get(token) ?? vocabulary.unknown;
    if (id !== undefined && token !== "") return id;
    throw token === ""
      ? new RangeError(`${where}: ${name}: an empty text is no token`)
      : new UnknownTokenError(`${where}: ${name}`, token, 0);
  }

  /** The ids of a sequence. @throws {TypeError | RangeError} for one that is none, or holds what the model does not know */
  encode(where: string, name: string, sequence: Sequence): Int32Array {
    if (typeof sequence === "string") {
      if (this.vocabulary === undefined) {
        throw new TypeError(
          `${where}: ${name}: a text needs a vocabulary, and the model came without one: load it with { vocabulary }, or give ids`,
        );
      }
      return this.vocabulary.encode(`${where}: ${name}`, sequence);
    }
    if (!Array.isArray(sequence) && !(sequence instanceof Int32Array)) {
      throw new TypeError(
        `${where}: ${name}: expected a text, an array of ids or Int32Array, got ${describe(sequence)}`,
      );
    }
    const ids = Int32Array.from(sequence);
    ids.forEach((id, t) => {
      if (id === sequence[t] && id >= 0 && id < this.size) return;
      throw new RangeError(
        `${where}: ${name}[${t}]: expected an id in 0 … ${this.size - 1}, got ${String(sequence[t])}`,
      );
    });
    return ids;
  }
}

/** The vocabulary that stands in the metadata of a file. */
function storedVocabulary(
  metadata: ReadonlyMap<string, string>,
): Record<string, number> | undefined {
  const text = metadata.get("vocabulary");
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ModelFormatError(
      "metadata",
      "metadata: vocabulary: expected JSON { character or token: id }, got other text",
    );
  }
}
