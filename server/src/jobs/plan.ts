import { createHash } from "node:crypto";

export const INPUT_FORMATS = ["text", "jsonl", "csv", "parquet"] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];
export const OUTPUT_FORMATS = ["jsonl", "parquet"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

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
  /** CSV: the place of the column, and the number of columns. */
  readonly column?: readonly [index: number, count: number];
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

/** Everything that decides the bytes of the output. */
export interface JobSpec {
  readonly model: JobModel;
  readonly inputs: readonly JobInput[];
  /** The field of a JSON object, or the column. */
  readonly field: string;
  readonly perToken: boolean;
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
