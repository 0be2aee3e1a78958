import type { SchemaElement } from "hyparquet";
import type { Score, Tagged, Tensor } from "recurra";
import type { FieldValue } from "./fields.js";
import type { JobSpec, PassedField } from "./plan.js";
import type { InputRecord, Place } from "./records.js";
import type { Outcome } from "./scorer.js";

/** A value of a result: a field, numbers, names, or rows (T, ny). */
export type Cell = FieldValue | Float64Array | Int32Array | readonly string[] | Tensor;

/** A column of results: a member of a JSON object, or a column of a Parquet file with its schema. */
export interface ResultColumn {
  readonly name: string;
  readonly schema: readonly SchemaElement[];
}

/** What decides how results look. */
export type ResultSpec = Pick<JobSpec, "model" | "table" | "fields" | "perToken" | "values">;

const REQUIRED = { repetition_type: "REQUIRED" } as const;
const OPTIONAL = { repetition_type: "OPTIONAL" } as const;

type Type = Omit<SchemaElement, "name">;
const INTEGER: Type = { type: "INT64", ...REQUIRED };
const CLASS: Type = { type: "INT32", ...REQUIRED };
const NUMBER: Type = { type: "DOUBLE", ...REQUIRED };
/** NaN where nothing was scored is null. */
const SCORE: Type = { type: "DOUBLE", ...OPTIONAL };
const TEXT: Type = { type: "BYTE_ARRAY", converted_type: "UTF8", ...REQUIRED };

const flat = (name: string, type: Type): ResultColumn => ({ name, schema: [{ name, ...type }] });

function list(name: string, ...element: readonly SchemaElement[]): ResultColumn {
  const outer = { name, ...REQUIRED, num_children: 1, converted_type: "LIST" } as const;
  const repeated = { name: "list", repetition_type: "REPEATED", num_children: 1 } as const;
  return { name, schema: [outer, repeated, ...element] };
}

const listOf = (name: string, type: Type): ResultColumn => list(name, { name: "element", ...type });

/** Whether the rows of tables have a result each. */
const isByRow = ({ model, table }: ResultSpec): boolean =>
  table !== undefined && model.tagger?.perStep === true;

/** The columns of results in their order. */
export function columnsOf(spec: ResultSpec): ResultColumn[] {
  const { model, fields, perToken } = spec;
  const place = [flat("file", TEXT), flat("line", INTEGER), ...fields.map(passedColumn)];
  if (model.tagger !== undefined) return [...place, ...taggedColumns(spec)];
  const tokens = perToken ? [listOf("tokenLogProbs", NUMBER)] : [];
  return [
    ...place,
    flat("logProb", SCORE),
    flat("perplexity", SCORE),
    flat("bitsPerToken", SCORE),
    flat("tokens", INTEGER),
    ...tokens,
  ];
}

const passedColumn = ({ name, type }: PassedField): ResultColumn =>
  flat(name, type === "text" ? { ...TEXT, ...OPTIONAL } : { type, ...OPTIONAL });

function taggedColumns(spec: ResultSpec): ResultColumn[] {
  const { perStep = false, hasLabels = false } = spec.model.tagger ?? {};
  const isList = perStep && !isByRow(spec);
  const values = isList
    ? list("values", ...listOf("element", NUMBER).schema)
    : listOf("values", NUMBER);
  return [
    ...(isByRow(spec) ? [] : [flat("steps", INTEGER)]),
    isList ? listOf("classes", CLASS) : flat("class", CLASS),
    ...(hasLabels ? [isList ? listOf("labels", TEXT) : flat("label", TEXT)] : []),
    ...(spec.values ? [values] : []),
  ];
}

/** The results of a record, cell by cell in the order of the columns: one, or one for each row of a table. */
export function* resultsOf(
  spec: ResultSpec,
  file: string,
  outcome: Outcome,
): Generator<Cell[], void, void> {
  const { record } = outcome;
  const start = ({ line, fields = [] }: Place): Cell[] => [file, line, ...fields];
  if ("score" in outcome) yield [...start(record), ...scoreCells(spec, outcome.score)];
  else if ("tagged" in outcome) {
    const { tagged, steps } = outcome;
    if (isByRow(spec)) yield* rowCells(spec, record, tagged, start);
    else yield [...start(record), steps, ...taggedCells(spec, tagged)];
  }
}

function scoreCells({ perToken }: ResultSpec, score: Score): Cell[] {
  const { logProb, perplexity, bitsPerToken, tokens, tokenLogProbs } = score;
  const each = perToken ? [tokenLogProbs] : [];
  return [orNull(logProb), orNull(perplexity), orNull(bitsPerToken), tokens, ...each];
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

function taggedCells({ model, values: hasValues }: ResultSpec, tagged: Tagged): Cell[] {
  const { values, classes, labels = [] } = tagged;
  const { perStep = false, hasLabels = false } = model.tagger ?? {};
  if (perStep) {
    return [classes, ...(hasLabels ? [labels] : []), ...(hasValues ? [values] : [])];
  }
  const label = hasLabels ? [labels[0] ?? ""] : [];
  return [classes[0] as number, ...label, ...(hasValues ? [values.data] : [])];
}

function* rowCells(
  { model, values: hasValues }: ResultSpec,
  { rows = [] }: InputRecord,
  { values, classes, labels = [] }: Tagged,
  start: (place: Place) => Cell[],
): Generator<Cell[], void, void> {
  const ny = values.shape[1] as number;
  for (const [t, row] of rows.entries()) {
    const label = model.tagger?.hasLabels ? [labels[t] as string] : [];
    const own = hasValues ? [values.data.subarray(t * ny, (t + 1) * ny)] : [];
    yield [...start(row), classes[t] as number, ...label, ...own];
  }
}
