import { type Command, InvalidArgumentError, Option } from "commander";
import type { ModelRequest } from "./job_model.js";
import { LEAST_BYTES, MOST_BYTES } from "./outline.js";
import {
  INPUT_FORMATS,
  type InputFormat,
  MODEL_KINDS,
  OUTPUT_FORMATS,
  type OutputFormat,
  POOLINGS,
} from "./plan.js";

/** Options of a plan. */
export interface PlanOptions extends Pick<ModelRequest, "kind" | "pooling" | "precision"> {
  readonly model: string;
  readonly vocabulary?: string;
  readonly unknown?: string;
  readonly input: readonly string[];
  readonly output: string;
  readonly format?: InputFormat;
  readonly field?: string;
  readonly with?: readonly string[];
  readonly features?: readonly string[];
  readonly group?: string;
  readonly window?: number | "file";
  readonly perToken?: boolean;
  readonly values: boolean;
  readonly to: OutputFormat;
  readonly shardBytes?: number;
  readonly merge: boolean;
}

export interface RedisOptions {
  readonly redis?: string;
  readonly prefix: string;
}

export interface WorkOptions extends RedisOptions {
  readonly threads?: number;
  readonly lostAfter: number;
}

export interface RunOptions extends PlanOptions, WorkOptions {
  readonly quiet?: boolean;
}

export interface StatusOptions extends RedisOptions {
  readonly output?: string;
  readonly json?: boolean;
}

export const withPlan = (command: Command): Command => withReading(withModel(command));

const withModel = (command: Command): Command =>
  command
    .requiredOption("-m, --model <FILE>", "a language model or a tagger")
    .addOption(
      new Option("--kind <KIND>", "of the model; default: by what it holds").choices(MODEL_KINDS),
    )
    .option("--vocabulary <FILE>", "JSON, { token: id } or a list; default: that in the model")
    .option("--unknown <TOKEN>", "the token or id for characters outside the vocabulary")
    .addOption(
      new Option(
        "--pooling <KIND>",
        "what a tagger's output is taken from, if its file does not say",
      ).choices(POOLINGS),
    )
    .addOption(
      new Option("--precision <TYPE>", "number type of the computation")
        .choices(["f64", "f32"])
        .default("f64"),
    );

const withReading = (command: Command): Command =>
  command
    .requiredOption("-i, --input <PATTERN...>", "files, or patterns such as 'data/**/*.jsonl.gz'")
    .requiredOption(
      "-o, --output <DIR>",
      "the folder for results; all machines reach it by this path",
    )
    .addOption(
      new Option("--format <FORMAT>", "of the input; default: by name").choices(INPUT_FORMATS),
    )
    .option(
      "--field <NAME>",
      "the field or column of the sequence; default: text, of a tagger of numbers sequence",
    )
    .option(
      "--with <NAMES>",
      "fields or columns, separated by commas, that stand in the results, too",
      namesOf,
    )
    .option(
      "--features <NAMES>",
      "tables: the columns that the model reads; default: those in the model",
      namesOf,
    )
    .option(
      "--group <NAME>",
      "tables: the column whose value is the same in all rows of a sequence",
    )
    .option(
      "--window <ROWS>",
      "tables: the most rows of a sequence, or file; default: the window in the model, else file",
      windowOf,
    )
    .option("--per-token", "language models: adds the log-probability of each token")
    .option("--no-values", "taggers: leaves out the values, so that classes and labels remain")
    .addOption(
      new Option("--to <FORMAT>", "of the results").choices(OUTPUT_FORMATS).default("jsonl"),
    )
    .option(
      "--shard-bytes <N>",
      `input of one shard; default: 1/10000 of all, from ${LEAST_BYTES} to ${MOST_BYTES}`,
      countOf,
    )
    .option("--no-merge", "leaves the results in parts");

export const withRedis = (command: Command): Command =>
  command
    .addOption(new Option("--redis <URL>", "redis://… or rediss://…").env("RECURRA_REDIS"))
    .option("--prefix <TEXT>", "begins the names of all keys in Redis", "recurra");

export const withWork = (command: Command): Command =>
  command
    .option("--threads <N>", "worker threads; default: all cores", countOf)
    .option(
      "--lost-after <S>",
      "seconds of silence after which a worker's shards go to others",
      countOf,
      30,
    );

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("Expected an integer ≥ 1.");
}

const windowOf = (text: string): number | "file" => (text === "file" ? text : countOf(text));

const namesOf = (text: string): string[] => text.split(",").map((name) => name.trim());
