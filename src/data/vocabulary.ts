import { Tokenizer, TokenMatcher, type Vocabulary } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import { checkInteger, checkWord, shown } from "../train/checks.js";

/** Options of {@link createVocabulary}. */
export interface TextVocabularyOptions {
  /**
   * `"characters"`, the default: each character of the text is a token. `"words"`: the most frequent words, each with the
   * space before it, and all characters, so that every text of these characters can be encoded.
   */
  readonly tokens?: "characters" | "words" | undefined;
  /** The largest number of words. Default 4000. */
  readonly words?: number | undefined;
  /** A character, or a word, becomes a token if the text has it at least so often. Default 1 for characters, 3 for words. */
  readonly atLeast?: number | undefined;
  /** The token for all other characters; null for none. Default U+FFFD. */
  readonly unknown?: string | null | undefined;
}

const NAMES: OptionNames<TextVocabularyOptions> = {
  tokens: true,
  words: true,
  atLeast: true,
  unknown: true,
};

/** A word with the space before it, a number, or one other character. */
const WORD = / ?\p{L}[\p{L}\p{M}]*| ?\p{N}+/gu;

function counts(units: Iterable<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const unit of units) found.set(unit, (found.get(unit) ?? 0) + 1);
  return found;
}

/** Code units decide the order, which is the same on every host. */
const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function* wordsOf(text: string): Generator<string> {
  for (const [word] of text.matchAll(WORD)) yield word;
}

/**
 * Makes a vocabulary of a text. It encodes as the loaded model will: from the left the longest token that matches.
 *
 * @returns a vocabulary whose ids follow the order of the characters, then that of the words by falling frequency
 * @throws {TypeError | RangeError} for an option that is unknown, of the wrong kind or out of range
 */
export function createVocabulary(text: string, options: TextVocabularyOptions = {}): Vocabulary {
  const where = "createVocabulary";
  if (typeof text !== "string") {
    throw new TypeError(`${where}: text: expected a string, got ${describe(text)}`);
  }
  checkOptions(where, options, NAMES);
  const { tokens: kind = "characters", words = 4000, unknown = "\ufffd" } = options;
  checkWord(`${where}: tokens`, kind, ["characters", "words"]);
  const { atLeast = kind === "words" ? 3 : 1 } = options;
  checkInteger(`${where}: words`, words, 0);
  checkInteger(`${where}: atLeast`, atLeast, 1);
  if (unknown !== null && (typeof unknown !== "string" || unknown === "")) {
    throw new TypeError(`${where}: unknown: expected a token or null, got ${shown(unknown)}`);
  }
  const least = kind === "words" ? 1 : atLeast;
  const characters = [...counts(text)].filter(([, count]) => count >= least);
  const tokens = characters.map(([character]) => character).sort(inOrder);
  if (kind === "words") {
    const found = [...counts(wordsOf(text))].filter(
      ([word, count]) => count >= atLeast && [...word].length > 1,
    );
    found.sort(([a, n], [b, m]) => m - n || inOrder(a, b));
    tokens.push(...found.slice(0, words).map(([word]) => word));
  }
  if (unknown !== null && !tokens.includes(unknown)) tokens.push(unknown);
  if (tokens.length === 0) {
    throw new RangeError(`${where}: text: expected at least one character, got none`);
  }
  const id = unknown === null ? undefined : tokens.indexOf(unknown);
  const matcher = new TokenMatcher(where, tokens, tokens.length);
  return new Tokenizer(tokens.length, matcher, id).vocabulary as Vocabulary;
}

/** Options of {@link vocabularyMetadata}. */
export interface VocabularyMetadataOptions {
  /** The token that stands before every text: the first one is then scored, too. */
  readonly start?: string | undefined;
}

/**
 * What a model file says of its tokens, for `net.save({ metadata })`: `vocabulary`, `unknown` and `start`, which
 * `loadLanguageModel` reads.
 */
export function vocabularyMetadata(
  { tokens, unknown }: Vocabulary,
  options: VocabularyMetadataOptions = {},
): Record<string, string> {
  checkOptions("vocabularyMetadata", options, { start: true });
  const { start } = options;
  return {
    vocabulary: JSON.stringify(tokens),
    ...(unknown === undefined ? {} : { unknown: tokens[unknown] as string }),
    ...(start === undefined ? {} : { start }),
  };
}
