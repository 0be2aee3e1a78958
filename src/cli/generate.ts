import type { Generated, GenerateOptions } from "../generate.js";
import { AbortedError } from "../index.js";
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

/** Text with its control characters made visible, but for those that lay it out. */
const laidOut = (text: string): string => text.replace(/[^\n\t]+/g, (part) => printable(part));

/** Samples are drawn by the library, which is loaded when it is needed. */
const library = () => import("../generate.js");

function optionsOf(command: GenerateCommand, signal: AbortSignal): GenerateOptions {
  const { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop } = command;
  return { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop, signal };
}

/** The ids of the prompt. @throws {InputError} if the model does not know it, or needs one */
function promptOf({ prompt, stop }: GenerateCommand, opened: ScoreModel): Int32Array {
  const fail = (_: number, what: string): never => {
    throw new InputError(`--prompt: ${what}`);
  };
  const { model } = opened;
  if (stop !== undefined && model.vocabulary === undefined) {
    throw new InputError("--stop: needs a model with a vocabulary: --vocabulary FILE");
  }
  const ids = opened.encode({ fail }, 0, prompt);
  if (ids.length > 0 || model.start !== undefined) return ids;
  return fail(0, "expected a text: the model has no start token to begin with");
}

/** The texts of tokens as they come. A tokenizer's text of a token may depend on those beside it, or need more of them. */
class TextStream {
  readonly #opened: ScoreModel;
  readonly #ids: number[] = [];
  /** The tokens before `#shown` are printed; those from `#first` on are decoded with what follows. */
  #first = 0;
  #shown = 0;

  constructor(opened: ScoreModel) {
    this.#opened = opened;
  }

  /** The text that a token adds. @param text its own, if the model has a vocabulary */
  next(token: number, text: string): string {
    if (this.#opened.model.vocabulary !== undefined) return text;
    this.#ids.push(token);
    const before = this.#opened.decode(this.#ids.slice(this.#first, this.#shown)) ?? "";
    const after = this.#opened.decode(this.#ids.slice(this.#first)) ?? "";
    if (after.length <= before.length || after.endsWith("\ufffd")) return "";
    this.#first = this.#shown;
    this.#shown = this.#ids.length;
    return after.slice(before.length);
  }
}

/** Prints one sample as it comes. */
async function printStream(
  opened: ScoreModel,
  command: GenerateCommand,
  options: GenerateOptions,
): Promise<void> {
  const { generate } = await library();
  const tokens = generate(opened.model, { ...options, prompt: promptOf(command, opened) });
  const stream = new TextStream(opened);
  await print(laidOut(command.prompt));
  try {
    for await (const { token, text } of tokens) await print(laidOut(stream.next(token, text)));
  } finally {
    await print("\n");
  }
}

function jsonLine({ prompt, seed }: GenerateCommand, sample: number, made: Generated): string {
  const { text, tokens, logProb, reason, stop } = made;
  const numbers = { tokens: tokens.length, logProb, reason };
  const line = { sample, seed: seed + sample, prompt, text, ...numbers };
  return `${JSON.stringify(stop === undefined ? line : { ...line, stop })}\n`;
}

/** Prints samples when all are there: they run side by side. */
async function printSamples(
  opened: ScoreModel,
  command: GenerateCommand,
  options: GenerateOptions,
): Promise<void> {
  const { samples, prompt, json = false } = command;
  const { generateMany } = await library();
  const prompts = [promptOf(command, opened)];
  const all = await generateMany(opened.model, { ...options, prompts, samples });
  for (const [i, made] of all.entries()) {
    const text = opened.decode([...made.tokens]) ?? made.text;
    const plain = `${i === 0 ? "" : "\n"}${laidOut(prompt + text)}\n`;
    await print(json ? jsonLine(command, i, { ...made, text }) : plain);
  }
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
