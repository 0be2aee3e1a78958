import { type Generated, type GenerateOptions, generate, generateMany } from "../generate.js";
import { AbortedError, UnknownTokenError } from "../index.js";
import { InputError, printable, UsageError } from "./faults.js";
import { Interruption, print } from "./output.js";
import { type ModelCommand, ScoreModel } from "./score_model.js";

export interface GenerateCommand extends ModelCommand {
  readonly prompt: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
  readonly samples: number;
  readonly stop?: readonly string[];
  readonly json?: boolean;
}

/** A parser of an option's number. */
const numberOf =
  (flag: string, expected: string, holds: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && holds(value)) return value;
    throw new UsageError(`${flag}: expected ${expected}, got ${printable(text, 40)}`);
  };

const isShare = (value: number): boolean => value >= 0 && value <= 1;
const isBounded = (value: number): boolean => Math.abs(value) < Number.POSITIVE_INFINITY;
const from = (least: number, most: number) => (value: number) =>
  Number.isSafeInteger(value) && value >= least && value <= most;

/** The options with a number, in the order of the help: flag, what it says, how it is read. */
export const GENERATE_NUMBERS = [
  [
    "--max-tokens <number>",
    "the most tokens to generate (default: 256)",
    numberOf("--max-tokens", "an integer ≥ 1", from(1, 1e9)),
  ],
  [
    "--temperature <number>",
    "below 1 likelier tokens gain, 0 takes the likeliest (default: 1)",
    numberOf("--temperature", "a number ≥ 0", (value) => value >= 0 && isBounded(value)),
  ],
  [
    "--top-k <number>",
    "draw from the k likeliest tokens",
    numberOf("--top-k", "an integer ≥ 1", from(1, Number.MAX_SAFE_INTEGER)),
  ],
  [
    "--top-p <number>",
    "draw from the fewest tokens that have this share of the probability",
    numberOf("--top-p", "a number in 0 … 1", isShare),
  ],
  [
    "--min-p <number>",
    "draw from tokens at least this many times as likely as the likeliest",
    numberOf("--min-p", "a number in 0 … 1", isShare),
  ],
  [
    "--repetition-penalty <number>",
    "above 1 tokens that have occurred lose",
    numberOf("--repetition-penalty", "a number > 0", (value) => value > 0 && isBounded(value)),
  ],
] as const;

export const seedOf = numberOf(
  "--seed",
  "an integer in 0 … 2^53 − 1",
  from(0, Number.MAX_SAFE_INTEGER),
);
/** All samples are held until they are printed. */
export const samplesOf = numberOf("--samples", "an integer in 1 … 100000", from(1, 100_000));

/** Collects the texts of an option that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): string[] => {
  if (text === "") throw new UsageError("--stop: expected at least one character");
  return [...before, text];
};

/** Text with its control characters made visible, but for those that lay it out. */
const laidOut = (text: string): string => text.replace(/[^\n\t]+/g, (line) => printable(line));

function optionsOf(command: GenerateCommand, signal: AbortSignal): GenerateOptions {
  const { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop } = command;
  return { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop, signal };
}

/** The ids of the prompt. @throws {InputError} if the model does not know it, or needs one */
function promptOf({ prompt }: GenerateCommand, { model }: ScoreModel): Int32Array {
  if (prompt === "" && model.start === undefined) {
    throw new InputError("--prompt: expected a text: the model has no start token to begin with");
  }
  if (model.vocabulary === undefined) {
    throw new InputError("the model has no vocabulary, so it generates no text: --vocabulary FILE");
  }
  try {
    return model.vocabulary.encode(prompt);
  } catch (error) {
    if (!(error instanceof UnknownTokenError)) throw error;
    const { character, position } = error;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const place = [...prompt.slice(0, position)].length + 1;
    const what = `"${printable(character)}" (U+${code}), character ${place}, is not in the model's vocabulary`;
    throw new InputError(`--prompt: ${what}: map such characters to a token with --unknown TOKEN`);
  }
}

function jsonLine({ prompt, seed }: GenerateCommand, sample: number, made: Generated): string {
  const { text, tokens, logProb, reason, stop } = made;
  const numbers = { tokens: tokens.length, logProb, reason };
  const line = { sample, seed: seed + sample, prompt, text, ...numbers };
  return `${JSON.stringify(stop === undefined ? line : { ...line, stop })}\n`;
}

/** Prints one sample as it comes. */
async function printStream(
  opened: ScoreModel,
  command: GenerateCommand,
  options: GenerateOptions,
): Promise<void> {
  const { prompt } = command;
  const tokens = generate(opened.model, { ...options, prompt: promptOf(command, opened) });
  await print(laidOut(prompt));
  try {
    for await (const { text } of tokens) await print(laidOut(text));
  } finally {
    await print("\n");
  }
}

/** Prints samples when all are there: side by side they end together, more or less. */
async function printSamples(
  opened: ScoreModel,
  command: GenerateCommand,
  options: GenerateOptions,
): Promise<void> {
  const { samples, prompt, json = false } = command;
  const prompts = [promptOf(command, opened)];
  const all = await generateMany(opened.model, { ...options, prompts, samples });
  const texts = all.map((made, i) =>
    json ? jsonLine(command, i, made) : `${i === 0 ? "" : "\n"}${laidOut(prompt + made.text)}\n`,
  );
  for (const text of texts) await print(text);
}

/** Generates text with a model; returns the exit code. */
export async function generateText(command: GenerateCommand): Promise<number> {
  const { samples, seed, json = false } = command;
  if (seed + (samples - 1) > Number.MAX_SAFE_INTEGER) {
    throw new UsageError("--seed: the seeds of the samples go beyond 2^53 − 1");
  }
  const opened = await ScoreModel.open(command);
  const interruption = new Interruption(() => undefined);
  const options = optionsOf(command, interruption.signal);
  try {
    if (samples === 1 && !json) await printStream(opened, command, options);
    else await printSamples(opened, command, options);
  } catch (error) {
    if (interruption.code === undefined || !(error instanceof AbortedError)) throw error;
  }
  return interruption.code ?? 0;
}
