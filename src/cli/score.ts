import {
  AbortedError,
  createEngine,
  type LanguageModel,
  loadLanguageModel,
  ModelFormatError,
  type Precision,
  UnknownTokenError,
} from "../index.js";
import { InputError, printable, UsageError } from "./faults.js";
import { formatOf, Input, type InputFormat, type Sequence } from "./input.js";
import {
  type NameOptions,
  type OpenModel,
  openModel,
  parseJson,
  readVocabulary,
  vocabularyFrom,
} from "./model.js";
import { Interruption, print } from "./output.js";
import { Progress } from "./progress.js";
import { jsonRows, type Scored, Sum, tableHead, tableRows } from "./rows.js";

/** What happens to a line that cannot be scored: it ends the run, is left out, or has its error in its place. */
export const ON_ERROR = ["fail", "skip", "report"] as const;

export interface ScoreCommand extends NameOptions {
  readonly model?: string;
  readonly vocabulary?: string;
  readonly format?: InputFormat;
  readonly field?: string;
  readonly precision: Precision;
  readonly unknown?: string;
  readonly json?: boolean;
  readonly perToken?: boolean;
  readonly onError: (typeof ON_ERROR)[number];
}

/** A line on its way: with its tokens, or with the reason why it has none. */
type Entry = Omit<Scored, "score"> | { readonly line: number; readonly error: InputError };

/** The vocabulary of the user's file, else that of the model file; undefined if there is none. */
async function vocabularyOf({ name, description }: OpenModel, path: string | undefined) {
  if (path !== undefined) return readVocabulary(path);
  const text = description.metadata.get("vocabulary");
  if (text === undefined) return undefined;
  const place = `${name}: metadata: vocabulary`;
  return vocabularyFrom(place, parseJson(place, new TextEncoder().encode(text)));
}

/** A token of the vocabulary, or else an id. */
function unknownOf(text: string, vocabulary: ReadonlyMap<string, number> | undefined) {
  if (vocabulary?.has(text)) return text;
  if (/^\d+$/.test(text)) return Number(text);
  const what = `expected a token of the vocabulary or an id, got ${JSON.stringify(text)}`;
  throw new InputError(`--unknown: ${printable(what)}`);
}

async function load(command: ScoreCommand): Promise<LanguageModel> {
  const opened = await openModel(command.model, command);
  const vocabulary = await vocabularyOf(opened, command.vocabulary);
  const { precision, unknown } = command;
  const engine = await createEngine();
  try {
    return await loadLanguageModel(engine, opened.description, {
      precision,
      ...(vocabulary === undefined ? {} : { vocabulary }),
      ...(unknown === undefined ? {} : { unknown: unknownOf(unknown, vocabulary) }),
    });
  } catch (error) {
    // Sizes and kinds that do not fit come from files here, not from a program.
    const kinds = [TypeError, RangeError, ModelFormatError];
    if (!kinds.some((kind) => error instanceof kind)) throw error;
    const message = (error as Error).message.replace(/\{ input: "([\w-]+)" \}/, "--input $1");
    throw new InputError(`${opened.name}: ${message}`);
  }
}

/** The tokens of a sequence. @throws {InputError} if one is unknown */
function encode(model: LanguageModel, input: Input, line: number, sequence: Sequence): Int32Array {
  if (typeof sequence !== "string") {
    const wrong = sequence.find((id) => id < 0 || id >= model.size);
    if (wrong === undefined) return Int32Array.from(sequence);
    return input.fail(line, `expected ids in 0 … ${model.size - 1}, got ${wrong}`);
  }
  if (model.vocabulary === undefined) {
    return input.fail(line, "a text needs a vocabulary, and the model has none: --vocabulary FILE");
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

/** Scores the input line by line, in order; returns the exit code. */
export async function score(file: string | undefined, command: ScoreCommand): Promise<number> {
  const { json = false, perToken = false, field, onError } = command;
  const format = command.format ?? formatOf(file);
  if (field !== undefined && format === "text") {
    throw new UsageError("--field: lines of text have no fields: pass --format jsonl or csv");
  }
  const model = await load(command);
  const input = await Input.open(file);
  if (input.size === undefined && process.stdin.isTTY) {
    process.stderr.write("Type lines to score; Ctrl-D ends.\n");
  }
  const interruption = new Interruption(() => input.close());
  const rows = json ? jsonRows(perToken) : tableRows(perToken, model.vocabulary);
  const sum = new Sum();
  const progress = new Progress(input);
  /** Lines that were read and are not printed yet, in order. */
  const entries: Entry[] = [];
  let failed = 0;

  async function* sequences(): AsyncGenerator<Int32Array> {
    for await (const item of input.items(format, field)) {
      const { line } = item;
      try {
        const sequence = item.sequence();
        const ids = encode(model, input, line, sequence);
        entries.push({ line, sequence, ids });
        yield ids;
      } catch (error) {
        if (onError === "fail" || !(error instanceof InputError)) throw error;
        entries.push({ line, error });
        // Without a line before it that waits for its score, nothing else would print it before the next one comes.
        if (entries.length === 1) await printFailed();
      }
    }
  }

  /** Prints the lines without a score that come next. */
  async function printFailed(): Promise<void> {
    for (let [next] = entries; next !== undefined && "error" in next; [next] = entries) {
      entries.shift();
      failed++;
      if (onError === "report") await print(rows.failed(next.line, next.error.message));
    }
  }

  try {
    if (!json) await print(tableHead());
    const { signal } = interruption;
    const options = { signal, onError: onError === "fail" ? "throw" : "return" } as const;
    for await (const result of model.scoreMany(sequences(), options)) {
      await printFailed();
      const entry = entries[0] as Omit<Scored, "score">;
      if (result instanceof Error) {
        const { line } = entry;
        entries[0] = { line, error: new InputError(`${input.name}:${line}: ${result.message}`) };
        continue;
      }
      entries.shift();
      sum.add(result);
      await print(rows.scored({ ...entry, score: result }));
      progress.show(sum.lines);
    }
    await printFailed();
  } catch (error) {
    if (interruption.code === undefined) throw error;
    if (!(error instanceof AbortedError) && !input.closed) throw error;
  } finally {
    progress.end();
    input.close();
  }
  if (!json) await print(sum.row());
  if (failed > 0) {
    process.stderr.write(`recurra: ${failed} of ${sum.lines + failed} lines could not be scored\n`);
  }
  if (interruption.code === undefined) return 0;
  process.stderr.write(`recurra: interrupted: ${sum.lines} lines scored\n`);
  return interruption.code;
}
