import { createVocabulary, vocabularyMetadata } from "../../train.js";
import { FileTokenizer, TOKENIZER_KEY } from "../tokenizer.js";
import type { TrainCommand } from "./settings.js";
import { linesOf } from "./text_file.js";

/** How texts become ids, and what a model file says of it. */
export interface TextTokens {
  readonly size: number;
  /** What a token is, for messages. */
  readonly unit: "characters" | "tokens";
  /** Sorted, for the settings. */
  readonly reading: Readonly<Record<string, string | number>>;
  /** The id of a line's end, if one token stands for it. */
  readonly lineEnd: number | undefined;
  encode(text: string): Int32Array;
  metadata(hasStart: boolean): Record<string, string>;
}

async function fileTokens(path: string): Promise<TextTokens> {
  const tokenizer = await FileTokenizer.open(path);
  const ends = tokenizer.encode("\n");
  const lineEnd = ends.length === 1 ? ends[0] : undefined;
  return {
    size: tokenizer.size,
    unit: "tokens",
    reading: { tokens: "tokenizer.json", tokenizer: path },
    lineEnd,
    // Line by line, as `score` reads them: a rule that looks across lines would have no place there.
    encode: (text) => Int32Array.from(linesOf(text).flatMap((line) => tokenizer.encode(line))),
    metadata: () => ({ [TOKENIZER_KEY]: tokenizer.json }),
  };
}

/** The tokens of a text: those of a tokenizer.json, words, or characters. */
export async function textTokens(command: TrainCommand, text: string): Promise<TextTokens> {
  if (command.tokenizer !== undefined) return fileTokens(command.tokenizer);
  const { tokens = "characters", words = 4000 } = command;
  const vocabulary = createVocabulary(text, tokens === "words" ? { tokens, words } : { tokens });
  const lineEnd = vocabulary.ids.get("\n");
  return {
    size: vocabulary.tokens.length,
    unit: tokens === "words" ? "tokens" : "characters",
    reading: tokens === "words" ? { tokens, words } : { tokens },
    lineEnd,
    encode: (part) => vocabulary.encode(part),
    metadata: (hasStart) => vocabularyMetadata(vocabulary, hasStart ? { start: "\n" } : {}),
  };
}
