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
import { formatOf, Input, type InputFormat, type Item } from "./input.js";
import { type NameOptions, type OpenModel, openModel, readVocabulary } from "./model.js";
import { Interruption, print } from "./output.js";
import { Progress } from "./progress.js";
import { header, jsonRow, row, type Scored, Sum, tokenRows } from "./rows.js";

export interface ScoreCommand extends NameOptions {
  readonly model?: string;
  readonly vocabulary?: string;
  readonly format?: InputFormat;
  readonly field?: string;
  readonly precision: Precision;
  readonly unknown?: string;
  readonly json?: boolean;
  readonly perToken?: boolean;
}

/** The vocabulary that the user gives, else the file's; undefined where there is none. */
async function vocabularyOf({ name, description }: OpenModel, path: string | undefined) {
  if (path !== undefined) return readVocabulary(path);
  const text = description.metadata.get("vocabulary");
  if (text === undefined) return undefined;
  try {
    return new Map(Object.entries<number>(JSON.parse(text)));
  } catch {
    throw new InputError(`${name}: metadata: vocabulary: expected JSON`);
  }
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
    throw new InputError(`${opened.name}: ${(error as Error).message}`);
  }
}

/** The ids of an item. */
function encode(model: LanguageModel, input: Input, { line, sequence }: Item): Int32Array {
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
    return input.fail(line, `${what}: --unknown TOKEN says what it counts as`);
  }
}

/** Scores what comes, line by line; gives the exit code. */
export async function score(file: string | undefined, command: ScoreCommand): Promise<number> {
  const format = command.format ?? formatOf(file);
  if (command.field !== undefined && format === "text") {
    throw new UsageError("--field: lines of text have no fields: --format jsonl or csv");
  }
  const model = await load(command);
  const input = await Input.open(file);
  if (input.size === undefined && process.stdin.isTTY) {
    process.stderr.write("Lines to score; Ctrl-D ends.\n");
  }
  const interruption = new Interruption(() => input.close());
  const waiting: (Item & { ids: Int32Array })[] = [];
  async function* sequences(): AsyncGenerator<Int32Array> {
    for await (const item of input.items(format, command.field)) {
      const ids = encode(model, input, item);
      waiting.push({ ...item, ids });
      yield ids;
    }
  }
  const sum = new Sum();
  const progress = new Progress(input);
  try {
    if (!command.json) await print(header());
    for await (const result of model.scoreMany(sequences(), { signal: interruption.signal })) {
      const scored: Scored = { ...(waiting.shift() as (typeof waiting)[number]), score: result };
      sum.add(result);
      if (command.json) await print(jsonRow(scored, command.perToken));
      else await print(row(scored) + (command.perToken ? tokenRows(scored, model.vocabulary) : ""));
      progress.show(sum.lines);
    }
  } catch (error) {
    if (interruption.code === undefined) throw error;
    if (!(error instanceof AbortedError) && !input.closed) throw error;
  } finally {
    progress.end();
    input.close();
  }
  if (!command.json) await print(sum.row());
  if (interruption.code === undefined) return 0;
  process.stderr.write(`recurra: interrupted: ${sum.lines} lines scored\n`);
  return interruption.code;
}
