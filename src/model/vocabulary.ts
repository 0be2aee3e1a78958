import { UnknownTokenError } from "../errors.js";
import { describe, isMap, isTypedArray } from "../tensor.js";

/** Characters or longer tokens with their ids: `{ token: id }`, a map, or a list in the order of the ids. */
export type VocabularySource =
  | Readonly<Record<string, number>>
  | ReadonlyMap<string, number>
  | readonly (string | null | undefined)[];

/** A text, encoded with the model's vocabulary, or token ids. */
export type Sequence = string | readonly number[] | Int32Array;

/** UTF-16 units of all tokens together. Bounds the memory of a vocabulary, which is 26 bytes a unit. */
const MOST_UNITS = 2 ** 24;
/** UTF-16 units, of one text or of several, that are encoded without a pause. */
export const UNITS_PER_PAUSE = 65536;

/** The tokens of a source in the order of their ids, and their ids. */
function readSource(where: string, source: VocabularySource, size: number) {
  const isObject = typeof source === "object" && source !== null;
  const isList = Array.isArray(source);
  if (!isObject || !(isList || isMap(source) || !(Symbol.iterator in source))) {
    throw new TypeError(
      `${where}: vocabulary: expected { token: id } or a list of tokens, got ${describe(source)}`,
    );
  }
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = Array(size);
  let units = 0;
  const add = (token: unknown, id: unknown): void => {
    if (typeof token !== "string") {
      const got = describe(token);
      throw new TypeError(`${where}: vocabulary: expected strings as tokens, got ${got}`);
    }
    const place = `${where}: vocabulary: ${JSON.stringify(token.slice(0, 64))}`;
    if (token === "") throw new RangeError(`${place}: expected at least one character`);
    if (!(typeof id === "number" && Number.isInteger(id) && id >= 0 && id < size)) {
      throw new RangeError(`${place}: expected an id in 0 … ${size - 1}, got ${String(id)}`);
    }
    if (tokens[id] !== undefined) {
      throw new RangeError(`${place}: expected an id of its own, got that of another token, ${id}`);
    }
    if (ids.has(token)) throw new RangeError(`${place}: expected it once, got it twice`);
    units += token.length;
    if (units > MOST_UNITS) {
      throw new RangeError(
        `${where}: vocabulary: expected tokens of ≤ ${MOST_UNITS} characters in all`,
      );
    }
    tokens[id] = token;
    ids.set(token, id);
  };
  if (isList) {
    source.forEach((token: unknown, id) => {
      if (token !== undefined && token !== null) add(token, id);
    });
  } else {
    for (const [token, id] of isMap(source) ? source : Object.entries(source)) add(token, id);
  }
  return { ids, tokens };
}

/**
 * Encodes a text in time linear in its length, whatever the tokens are. An automaton (Aho and Corasick, 1975) over the
 * reversed tokens reads the text from its end; its state knows the longest token that starts at the current position.
 */
export class TokenMatcher {
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: readonly (string | undefined)[];
  // Of each state, in breadth-first order from the root, which is state 0: the unit that leads to it; its first child (the
  // children of s end before #firstChild[s + 1] and ascend by unit); the state of its longest proper suffix; the id of the
  // longest token among its suffixes, -1 for none.
  readonly #unit: Uint16Array;
  readonly #firstChild: Int32Array;
  readonly #suffix: Int32Array;
  readonly #longest: Int32Array;
  /** The root's child of each unit, 0 for none. */
  readonly #rootChild: Int32Array;

  /** @throws {TypeError | RangeError} for a source that is none, or an id that is out of range or occurs twice */
  constructor(where: string, source: VocabularySource, size: number) {
    const { ids, tokens } = readSource(where, source, size);
    this.ids = ids;
    this.tokens = tokens;
    const reverse = (token: string): string => token.split("").reverse().join("");
    const paths = Array.from(ids, ([token, id]) => ({ id, units: reverse(token) }));
    paths.sort((a, b) => (a.units < b.units ? -1 : 1));
    const most = 1 + paths.reduce((sum, { units }) => sum + units.length, 0);
    this.#unit = new Uint16Array(most);
    this.#firstChild = new Int32Array(most + 1);
    this.#suffix = new Int32Array(most);
    this.#longest = new Int32Array(most);
    this.#rootChild = new Int32Array((paths.at(-1)?.units.charCodeAt(0) ?? -1) + 1);
    // The paths through a state are from[state] … to[state] - 1.
    const [from, to, depth] = [new Int32Array(most), new Int32Array(most), new Int32Array(most)];
    to[0] = paths.length;
    let count = 1;
    for (let state = 0; state < count; state++) {
      this.#firstChild[state] = count;
      const [suffix, at] = [this.#suffix[state] as number, depth[state] as number];
      const [first, end] = [from[state] as number, to[state] as number];
      const own = paths[first]?.units.length === at ? paths[first] : undefined;
      this.#longest[state] = own?.id ?? (state === 0 ? -1 : (this.#longest[suffix] as number));
      for (let path = own === undefined ? first : first + 1; path < end; count++) {
        const unit = paths[path]?.units.charCodeAt(at) as number;
        this.#unit[count] = unit;
        depth[count] = at + 1;
        from[count] = path;
        while (path < end && paths[path]?.units.charCodeAt(at) === unit) path++;
        to[count] = path;
        if (state === 0) this.#rootChild[unit] = count;
        else this.#suffix[count] = this.#next(suffix, unit);
      }
    }
    this.#firstChild[count] = count;
  }

  /** From the left the longest token that matches. Pauses from time to time. */
  *encode(where: string, text: string, unknown?: number): Generator<void, Int32Array, void> {
    // Holds the longest token at each position first; then those that are taken move to the front.
    const ids = new Int32Array(text.length);
    let state = 0;
    for (let at = text.length - 1; at >= 0; at--) {
      state = this.#next(state, text.charCodeAt(at));
      ids[at] = this.#longest[state] as number;
      if (at > 0 && at % UNITS_PER_PAUSE === 0) yield;
    }
    let n = 0;
    for (let at = 0; at < text.length; ) {
      const id = ids[at] as number;
      if (id >= 0) {
        at += (this.tokens[id] as string).length;
        ids[n++] = id;
      } else {
        const character = String.fromCodePoint(text.codePointAt(at) as number);
        if (unknown === undefined) throw new UnknownTokenError(where, character, at);
        at += character.length;
        ids[n++] = unknown;
      }
      if (n % UNITS_PER_PAUSE === 0) yield;
    }
    return n < text.length ? ids.slice(0, n) : ids;
  }

  /** The state after one more unit: that of the longest suffix of all units read. */
  #next(state: number, unit: number): number {
    for (let s = state; s !== 0; s = this.#suffix[s] as number) {
      let low = this.#firstChild[s] as number;
      const end = this.#firstChild[s + 1] as number;
      for (let high = end; low < high; ) {
        const middle = (low + high) >> 1;
        if ((this.#unit[middle] as number) < unit) low = middle + 1;
        else high = middle;
      }
      if (low < end && this.#unit[low] === unit) return low;
    }
    return this.#rootChild[unit] ?? 0;
  }
}

/** The tokens that a model knows. */
export class Vocabulary {
  /** Ids by token. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens by id. */
  readonly tokens: readonly (string | undefined)[];
  /** The id that replaces characters outside the vocabulary; undefined if they are errors. */
  readonly unknown: number | undefined;
  readonly #matcher: TokenMatcher;

  /** @internal */
  constructor(matcher: TokenMatcher, unknown: number | undefined) {
    this.ids = matcher.ids;
    this.tokens = matcher.tokens;
    this.unknown = unknown;
    this.#matcher = matcher;
  }

  /**
   * The ids of a text: from the left the longest token that matches. With a vocabulary of characters that is one id for
   * each character.
   *
   * @throws {UnknownTokenError} for a character that no token starts with, unless `unknown` replaces it
   */
  encode(text: string): Int32Array {
    if (typeof text !== "string") {
      throw new TypeError(`encode: text: expected a string, got ${describe(text)}`);
    }
    const job = this.#matcher.encode("encode: text", text, this.unknown);
    for (;;) {
      const step = job.next();
      if (step.done) return step.value;
    }
  }

  /** The text that ids stand for. @throws {RangeError} for an id that has no token */
  decode(ids: readonly number[] | Int32Array): string {
    if (!Array.isArray(ids) && !isTypedArray(ids, "Int32Array")) {
      throw new TypeError(`decode: ids: expected an array or Int32Array, got ${describe(ids)}`);
    }
    let text = "";
    ids.forEach((id: number, i: number) => {
      const token = this.tokens[id];
      if (token === undefined) {
        throw new RangeError(`decode: ids[${i}]: expected the id of a token, got ${String(id)}`);
      }
      text += token;
    });
    return text;
  }
}

/** Sequences of one model as token ids: ids from 0 to size - 1, and texts if it has a vocabulary. */
export class Tokenizer {
  readonly size: number;
  readonly vocabulary: Vocabulary | undefined;
  readonly #matcher: TokenMatcher | undefined;

  /** @param unknown the id that replaces unknown characters */
  constructor(size: number, matcher?: TokenMatcher, unknown?: number) {
    this.size = size;
    this.#matcher = matcher;
    this.vocabulary = matcher && new Vocabulary(matcher, unknown);
  }

  /** The id of one token, given as an id or as a string. @throws {TypeError | RangeError} if it has none */
  id(where: string, name: string, token: unknown): number {
    const { size, vocabulary } = this;
    if (typeof token === "number") {
      if (Number.isInteger(token) && token >= 0 && token < size) return token;
      throw new RangeError(`${where}: ${name}: expected an id in 0 … ${size - 1}, got ${token}`);
    }
    if (typeof token !== "string") {
      throw new TypeError(`${where}: ${name}: expected an id or a token, got ${describe(token)}`);
    }
    const shown = JSON.stringify(token.slice(0, 64));
    if (vocabulary === undefined) {
      throw new TypeError(`${where}: ${name}: ${shown} needs a vocabulary`);
    }
    const id = vocabulary.ids.get(token);
    if (id !== undefined) return id;
    if (token === "" || token !== String.fromCodePoint(token.codePointAt(0) as number)) {
      const hint = "vocabulary.encode gives the ids of a text";
      throw new RangeError(`${where}: ${name}: expected one token, got the text ${shown}: ${hint}`);
    }
    if (vocabulary.unknown !== undefined) return vocabulary.unknown;
    throw new UnknownTokenError(`${where}: ${name}`, token, 0);
  }

  /**
   * Checks a sequence and copies its ids, as the caller's array may change before they are used.
   *
   * @throws {TypeError | RangeError} for another kind of value, or an id out of range
   */
  read(where: string, name: string, sequence: Sequence): string | Int32Array {
    if (typeof sequence === "string") {
      if (this.vocabulary !== undefined) return sequence;
      const hint = "load the model with { vocabulary }, or pass ids";
      throw new TypeError(`${where}: ${name}: a text needs a vocabulary: ${hint}`);
    }
    if (!Array.isArray(sequence) && !isTypedArray(sequence, "Int32Array")) {
      throw new TypeError(
        `${where}: ${name}: expected a text, an array of ids or Int32Array, got ${describe(sequence)}`,
      );
    }
    checkAttached(where, name, sequence);
    for (let t = 0; t < sequence.length; t++) {
      const id = sequence[t];
      if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < this.size) continue;
      const expected = `expected an id in 0 … ${this.size - 1}`;
      throw new RangeError(`${where}: ${name}[${t}]: ${expected}, got ${String(id)}`);
    }
    return new Int32Array(sequence);
  }

  /** The ids of a sequence that `read` has checked. Pauses from time to time. @throws {UnknownTokenError} for an unknown character */
  *encode(where: string, name: string, sequence: string | Int32Array): Generator<void, Int32Array> {
    if (typeof sequence !== "string") return sequence;
    const matcher = this.#matcher as TokenMatcher;
    return yield* matcher.encode(`${where}: ${name}`, sequence, this.vocabulary?.unknown);
  }
}

/** Throws if the buffer of an array was transferred, or shrunk until the array lies outside of it. */
function checkAttached(where: string, name: string, array: readonly number[] | Int32Array): void {
  try {
    // Methods of such an array throw; its length reads as 0.
    array.at(0);
  } catch {
    throw new TypeError(`${where}: ${name}: its buffer is detached or was resized`);
  }
}
