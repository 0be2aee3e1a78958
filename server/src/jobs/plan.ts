import { createHash } from "node:crypto";
import type { ParquetType } from "hyparquet";

export const INPUT_FORMATS = ["text", "jsonl", "csv", "parquet"] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];
export const OUTPUT_FORMATS = ["jsonl", "parquet"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
export const MODEL_KINDS = ["language", "tagger"] as const;
export const POOLINGS = ["steps", "last", "mean", "max"] as const;

/** The model of a job, and how it is opened. */
export interface JobModel {
  readonly path: string;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
  readonly precision: "f64" | "f32";
  /** A file of JSON, `{ token: id }` or a list of tokens; without it: the vocabulary in the model's metadata. */
  readonly vocabulary?: { readonly path: string; readonly sha256: string };
  /** The token or id that stands for characters outside the vocabulary. */
  readonly unknown?: string | number;
  /** Whether it takes texts: its tokens have names. */
  readonly takesTexts: boolean;
  /** Of a tagger: whether each step has an output; without it: as the file says. */
  readonly pooling?: (typeof POOLINGS)[number];
  /** Absent of a language model. */
  readonly tagger?: JobTagger;
}

/** What is known of a tagger before its workers start. */
export interface JobTagger {
  /** The numbers of a step; absent if its steps are tokens. */
  readonly width?: number;
  /** Whether each step has values and a class, or the sequence. */
  readonly perStep: boolean;
  readonly hasLabels: boolean;
  /** What its metadata say of the table it was trained on. */
  readonly table?: Pick<TableReading, "features" | "window">;
}

/** How the rows of a table, CSV or Parquet, become sequences: a row is a step. */
export interface TableReading {
  /** The columns with the numbers of a step, in the order of the model's inputs. */
  readonly features: readonly string[];
  /** The column whose value is the same in all rows of a sequence. */
  readonly group?: string;
  /** The most rows of a sequence. */
  readonly window?: number;
}

/** A file of the input, as it was when the plan was made. */
export interface JobInput {
  readonly path: string;
  /** Its name in the output: the path as the pattern gave it. */
  readonly name: string;
  readonly format: InputFormat;
  readonly isGzip: boolean;
  /** Bytes of the file. */
  readonly size: number;
  /** When it was changed, in milliseconds. */
  readonly changed: number;
  readonly csv?: CsvColumns;
  /** Parquet: whether a row is a step, not a sequence. */
  readonly isTable?: boolean;
}

/** Places of columns in a CSV file. */
export interface CsvColumns {
  /** The number of columns. */
  readonly count: number;
  /** The column of the sequence; of a table those of the features. */
  readonly values: readonly number[];
  readonly group?: number;
  /** Those that are passed through. */
  readonly fields: readonly number[];
}

/**
 * A part of an input that one worker does at a time: its bytes (after decompression) from `from` to `to`; of a Parquet
 * file its rows.
 */
export interface Shard {
  /** The index of the input. */
  readonly input: number;
  readonly from: number;
  readonly to: number;
  /** The number of the first line, from 1; of a Parquet file of the first row. */
  readonly line: number;
  /** The number of lines or rows. */
  readonly lines: number;
}

/** A field or column that is passed through into the results. */
export interface PassedField {
  readonly name: string;
  /** Its type in a Parquet file of results. Texts hold JSON for what is neither a text nor of one type. */
  readonly type: ParquetType | "text";
}

/** Everything that decides the bytes of the output. */
export interface JobSpec {
  readonly model: JobModel;
  readonly inputs: readonly JobInput[];
  /** The field of a JSON object, or the column. */
  readonly field: string;
  /** Of a tagger of numbers: how tables are read. */
  readonly table?: TableReading;
  readonly fields: readonly PassedField[];
  readonly perToken: boolean;
  /** Of a tagger: whether results hold the values beside the classes. */
  readonly values: boolean;
  readonly output: OutputFormat;
  /** About how many bytes of input a shard has. */
  readonly shardBytes: number;
  readonly shards: readonly Shard[];
}

/** A job as it stands in the file `job.json` of its output folder. */
export interface Plan extends JobSpec {
  readonly version: 1;
  /** The first 16 hexadecimal digits of the SHA-256 of the rest: the same work has the same id. */
  readonly id: string;
  /** Whether the parts are joined at the end. */
  readonly merge: boolean;
}

/** The plan of a job with its id. */
export function planOf(spec: JobSpec, merge: boolean): Plan {
  const digest = createHash("sha256").update(JSON.stringify(spec)).digest("hex");
  return { version: 1, id: digest.slice(0, 16), merge, ...spec };
}

/** The number of a shard in names of files. */
export const shardName = (index: number): string => String(index).padStart(6, "0");
