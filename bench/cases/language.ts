// Language models (an embedding, LSTM layers, a linear layer; PyTorch's names) and the text that they read: the Shakespeare
// model of test/fixtures, or seeded ones.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Prepared } from "../timing/protocol.js";
import { type Case, callsBeforeCheck, type Sizes, type Work } from "./cases.js";
import { uniform } from "./data.js";
import { type ModelFile, readModelFile, writeModelFile } from "./model_file.js";

/** nx: embedding; m lines, or streams, of T characters (the mean length of lines that are scored). */
export interface LanguageCase extends Case {
  readonly layers: number;
  readonly classes: number;
}

const shakespeare = {
  data: "shakespeare",
  nx: 128,
  na: 128,
  layers: 2,
  classes: 65,
  m: 10_000,
  T: 40,
} as const;

/** The lengths of the lines are uniform, so that the longest of 32 is 1.9 times the mean, as in the play. */
export const scoreCase: LanguageCase = {
  ...shakespeare,
  name: "10,000 lines",
  work: "score-lines",
};

/** One token each in turn. */
export const streamCase: LanguageCase = {
  name: "1,000 streams",
  work: "stream-tokens",
  data: "usual",
  nx: 32,
  na: 64,
  layers: 1,
  classes: 65,
  m: 1000,
  T: 64,
};

/** From bytes in memory to a model that can score; the engine, or the runtime, exists already. */
export const openCase: LanguageCase = {
  ...shakespeare,
  name: "1.1 MB model",
  work: "open-model",
  m: 1,
};

/** The first model of a process: the engine, or the runtime, is made as well. */
export const firstModelCase: LanguageCase = { ...openCase, name: "first in a process" };

export const languageCases: readonly LanguageCase[] = [scoreCase, streamCase, openCase];

export const isLanguage = (one: Case): one is LanguageCase => "layers" in one;

/** Floating-point operations of a token's products; the lowest layer's input product is a row of a table. */
export function tokenOperations({ na, layers, classes }: LanguageCase): number {
  const recurrent = layers * 4 * na * na;
  const inputs = (layers - 1) * 4 * na * na;
  return 2 * (recurrent + inputs + classes * na);
}

export interface Reading {
  model: ModelFile;
  /** Character → class. */
  vocabulary: Readonly<Record<string, number>>;
  lines: readonly string[];
}

export const shakespeareFolder = "test/fixtures/shakespeare";

export function readShakespeare(): Reading & { text: string } {
  const read = (name: string): Uint8Array => readFileSync(join(shakespeareFolder, name));
  const text = String(read("text.txt"));
  const vocabulary = JSON.parse(String(read("vocab.json")));
  return {
    model: readModelFile(read("model.safetensors")),
    vocabulary,
    text,
    lines: text.split("\n"),
  };
}

function seededModel({ nx, na, layers, classes }: LanguageCase): ModelFile {
  const draw = uniform(nx * 31 + na * 7 + layers);
  const file = new Map();
  const add = (name: string, scale: number, ...shape: number[]): void => {
    const length = shape.reduce((a, b) => a * b, 1);
    file.set(name, { shape, data: Float32Array.from({ length }, () => draw() * scale) });
  };
  const scale = 1 / Math.sqrt(na);
  add("embedding.weight", Math.sqrt(3), classes, nx);
  for (let k = 0; k < layers; k++) {
    add(`lstm.weight_ih_l${k}`, scale, 4 * na, k === 0 ? nx : na);
    add(`lstm.weight_hh_l${k}`, scale, 4 * na, na);
    add(`lstm.bias_ih_l${k}`, scale, 4 * na);
    add(`lstm.bias_hh_l${k}`, scale, 4 * na);
  }
  add("decoder.weight", 2 * scale, classes, na);
  add("decoder.bias", scale, classes);
  return file;
}

function seededText(classes: number): Pick<Reading, "vocabulary"> & { text: string } {
  const letters = Array.from({ length: classes }, (_, i) => String.fromCharCode(32 + i));
  const draw = uniform(classes);
  const letter = (): string => letters[Math.floor(((draw() + 1) / 2) * classes)] as string;
  return {
    vocabulary: Object.fromEntries(letters.map((each, i) => [each, i])),
    text: Array.from({ length: 20_000 }, letter).join(""),
  };
}

/** Pieces of the text, no two from the same place. Fewer lines are the first of more. */
function cut(text: string, { m, T, work }: Sizes & { work: Work }): string[] {
  const draw = uniform(T);
  const longest = 2 * T - 2;
  const places = text.length - longest;
  if (m > places)
    throw new Error(`${m} lines are too many for a text of ${text.length} characters`);
  let stride = 7919; // a prime: every place comes once
  if (places % stride === 0) stride = 7907;
  return Array.from({ length: m }, (_, i) => {
    const length = 2 + Math.floor(((draw() + 1) / 2) * (longest - 1));
    const start = (i * stride) % places;
    return text.slice(start, start + (work === "score-lines" ? length : T));
  });
}

export function makeReading(one: LanguageCase): Reading {
  const real = one.data === "shakespeare" ? readShakespeare() : undefined;
  const { vocabulary, text } = real ?? seededText(one.classes);
  const flowing = text.replace(/\s+/g, " "); // a line has no line break in it
  const model = real?.model ?? seededModel(one);
  return { model, vocabulary, lines: cut(flowing, one) };
}

/** The part of the lines that one call scores. */
interface Part {
  /** Index of the first line. */
  first: number;
  lines: readonly string[];
}

/** The lines in as many parts as there are calls, or lines. */
function partsOf(lines: readonly string[], calls: number): Part[] {
  const size = Math.ceil(lines.length / calls);
  const count = Math.ceil(lines.length / size);
  return Array.from({ length: count }, (_, i) => {
    const first = i * size;
    return { first, lines: lines.slice(first, first + size) };
  });
}

/** Tokens whose probability one call gives, on the mean; the first token of a line has none. */
export function tokensOf({ work, m }: LanguageCase, { lines }: Reading): number {
  if (work === "stream-tokens") return m;
  if (work === "open-model") return 0;
  const tokens = lines.reduce((sum, { length }) => sum + length - 1, 0);
  return tokens / partsOf(lines, callsBeforeCheck(work)).length;
}

const names = { model: "model.safetensors", vocabulary: "vocabulary.json", lines: "lines.json" };

/** Writes the files of a model into a folder. */
export function writeReading(folder: string, { model, vocabulary, lines }: Reading): void {
  writeFileSync(join(folder, names.model), writeModelFile(model));
  writeFileSync(join(folder, names.vocabulary), JSON.stringify(vocabulary));
  writeFileSync(join(folder, names.lines), JSON.stringify(lines));
}

/** What the files hold, with the model as bytes. */
export interface LanguageFiles extends Pick<Reading, "vocabulary" | "lines"> {
  bytes: Uint8Array;
}

export function readLanguageFiles(folder: string): LanguageFiles {
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  return {
    bytes: new Uint8Array(read(names.model)),
    vocabulary: JSON.parse(String(read(names.vocabulary))),
    lines: JSON.parse(String(read(names.lines))),
  };
}

/** Scores some lines: sets one log-probability for each. */
type ScoreLines = (lines: readonly string[], scores: Float64Array) => void | Promise<void>;

/** The job of scoring all lines, a part in each call. */
export function scoringJob(
  { lines: all }: LanguageFiles,
  calls: number,
  score: ScoreLines,
): Prepared {
  const parts = partsOf(all, calls);
  const scores = new Float64Array(all.length);
  let next = 0;
  const call = (): number | Promise<number> => {
    const { first, lines } = parts[next++ % parts.length] as Part;
    const done = score(lines, scores.subarray(first));
    const result = (): number => scores[first] as number;
    return done === undefined ? result() : done.then(result);
  };
  return { call, result: () => scores };
}
