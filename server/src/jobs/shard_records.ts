import { csvRecords } from "./csv_records.js";
import { lineRecords } from "./line_records.js";
import { parquetRecords } from "./parquet_records.js";
import type { JobInput, JobSpec, Shard } from "./plan.js";
import type { InputRecord } from "./records.js";

/** What decides how records are read. */
export type ReadSpec = Pick<JobSpec, "inputs" | "field" | "fields" | "model" | "table">;

/** The records in a shard, in order. Holds a piece of the input, a row group or a sequence at a time. */
export function recordsOf(spec: ReadSpec, shard: Shard): AsyncGenerator<InputRecord, void, void> {
  const input = spec.inputs[shard.input] as JobInput;
  if (input.format === "parquet") return parquetRecords(spec, input, shard);
  return input.format === "csv" ? csvRecords(spec, input, shard) : lineRecords(spec, input, shard);
}
