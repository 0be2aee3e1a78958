import { ModelFormatError } from "../description/format_error.js";
import { UnknownTokenError } from "../errors.js";
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
    const open = (unknownId?: number): Vocabulary | undefined => {
      if (vocabulary !== undefined) return new Vocabulary(where, vocabulary, size, unknownId);
      const stored = storedVocabulary(metadata);
      if (stored === undefined) return undefined;
      return ofFile(() => new Vocabulary(FILE, stored, size, unknownId));
    };
    this.vocabulary = open();
    // Without a vocabulary the file's word for the unknown has nothing to say.
    if (this.vocabulary === undefined && unknown === undefined) return;
    const id = this.named(where, "unknown", unknown, metadata);
    if (this.vocabulary === undefined) {
      throw new TypeError(`${where}: unknown: ${JSON.stringify(unknown)} needs a vocabulary`);
    }
    if (id !== undefined) this.vocabulary = open(id);
  }

  /** The id of the token that an option names or, where it is absent, the file's metadata. */
  named(
    where: string,
    name: string,
    given: number | string | undefined,
    metadata: ReadonlyMap<string, string>,
  ): number | undefined {
    if (given !== undefined) return this.id(where, name, given);
    const stored = metadata.get(name);
    return stored === undefined ? undefined : ofFile(() => this.id(FILE, name, stored));
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
    const ids = new Int32Array(sequence.length);
    for (let t = 0; t < ids.length; t++) {
      const id = sequence[t];
      if (!(typeof id === "number" && Number.isInteger(id) && id >= 0 && id < this.size)) {
        throw new RangeError(
          `${where}: ${name}[${t}]: expected an id in 0 … ${this.size - 1}, got ${String(id)}`,
        );
      }
      ids[t] = id;
    }
    return ids;
  }
}

const FILE = "metadata";

/** What a file says of itself: what is wrong with it is the file's fault. */
function ofFile<R>(read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new ModelFormatError("metadata", error.message);
  }
}

/** The vocabulary that stands in the metadata of a file. */
function storedVocabulary(metadata: ReadonlyMap<string, string>): VocabularySource | undefined {
  const text = metadata.get("vocabulary");
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ModelFormatError(
      "metadata",
      `${FILE}: vocabulary: expected JSON { character or token: id }, got other text`,
    );
  }
}
