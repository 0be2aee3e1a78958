import { cellText, csvRows, WHOLE } from "./csv_rows.js";
import { JobError } from "./errors.js";
import { type InputRequest, inputsOf } from "./inputs.js";
import { ParquetFile } from "./parquet_file.js";
import type {
  CsvColumns,
  JobInput,
  JobModel,
  JobSpec,
  OutputFormat,
  PassedField,
  TableReading,
} from "./plan.js";

/** What a user asks for. */
export interface JobRequest extends InputRequest {
  readonly model: JobModel;
  readonly field?: string | undefined;
  /** Fields and columns that are passed through. */
  readonly with?: readonly string[] | undefined;
  /** The columns of a table with the numbers of a step. */
  readonly features?: readonly string[] | undefined;
  readonly group?: string | undefined;
  /** The most rows of a sequence. */
  readonly window?: number | "file" | undefined;
  readonly perToken: boolean;
  /** Default true. */
  readonly values?: boolean | undefined;
  readonly output: OutputFormat;
  readonly shardBytes?: number | undefined;
}

/** Shards of one input, when nobody says how large they are. */
const USUAL_SHARDS = 10_000;
export const [LEAST_BYTES, MOST_BYTES] = [2 ** 20, 2 ** 26];

/** What a job is, without the scan of its inputs that finds the shards. */
export type Outline = Omit<JobSpec, "shards">;

/** Names that results have themselves. */
const OWN = new Set(
  "file line reason logProb perplexity bitsPerToken tokens tokenLogProbs steps class classes label labels values".split(
    " ",
  ),
);

/** Finds the inputs and decides everything but the shards. */
export async function outlineOf(request: JobRequest): Promise<Outline> {
  checkOptions(request);
  const { model, perToken, values = true, output } = request;
  const width = model.tagger?.width;
  const field = request.field ?? (width === undefined ? "text" : "sequence");
  const found = await inputsOf(request);
  checkText(request, found);
  checkVocabulary(request, found);
  const files = await Promise.all(
    found.map(async (input) => ({ input, columns: await columnsOf(input) })),
  );
  const isTable = (columns: FileColumns): boolean =>
    width !== undefined &&
    (columns.kind === "csv" ||
      (columns.kind === "parquet" && isTableFile(request, columns, field)));
  const table = files.some(({ columns }) => isTable(columns)) ? tableOf(request, files) : undefined;
  const inputs = files.map(({ input, columns }) => {
    const places = { table: isTable(columns) ? table : undefined, field, request };
    return withColumns(input, columns, places);
  });
  const fields = passedFields(request, files);
  const total = inputs.reduce((sum, { size }) => sum + size, 0);
  const usual = Math.min(Math.max(Math.ceil(total / USUAL_SHARDS), LEAST_BYTES), MOST_BYTES);
  const { shardBytes = usual } = request;
  const known = { model, inputs, field, ...(table === undefined ? {} : { table }), fields };
  return { ...known, perToken, values, output, shardBytes };
}

const usage = (message: string): JobError => new JobError("usage", message);

/** Options that do not go together, or not with the model. */
function checkOptions(request: JobRequest): void {
  const { model, perToken, values = true, features, group, window } = request;
  const { tagger } = model;
  if (perToken && tagger !== undefined) {
    throw usage("--per-token: the model is a tagger, whose results are there for each step");
  }
  if (!values && tagger === undefined) {
    throw usage("--no-values: the model is a language model, whose results have no values");
  }
  if (tagger?.width === undefined && (features ?? group ?? window) !== undefined) {
    const option = features ? "--features" : group === undefined ? "--window" : "--group";
    throw usage(`${option}: the model takes texts or ids, not rows of numbers`);
  }
  for (const name of request.with ?? []) {
    if (name === "") throw usage("--with: expected names, separated by commas");
    if (OWN.has(name)) throw usage(`--with: "${name}" is a field of the results already`);
  }
}

/** What lines of text cannot do. */
function checkText(request: JobRequest, inputs: readonly JobInput[]): void {
  const { name } = inputs.find(({ format }) => format === "text") ?? {};
  if (name === undefined) return;
  const hint = "pass --format jsonl, csv or parquet if it is such a file";
  if (request.model.tagger?.width !== undefined) {
    throw usage(`${name}: lines of text hold no rows of numbers: ${hint}`);
  }
  if (request.with !== undefined) {
    throw usage(`--with: ${name}: lines of text have no fields: ${hint}`);
  }
}

/** Texts need a vocabulary. JSON lines and Parquet may hold ids. */
function checkVocabulary({ model }: JobRequest, inputs: readonly JobInput[]): void {
  if (model.takesTexts || model.tagger?.width !== undefined) return;
  const { name } = inputs.find(({ format }) => format === "text" || format === "csv") ?? {};
  if (name === undefined) return;
  const what = "the model names no tokens, so that texts have no ids";
  throw usage(`--vocabulary: ${name}: ${what}: pass the file that has them, or ids in JSON lines`);
}

/** The columns of a file. JSON lines have no list of them. */
type FileColumns =
  | { readonly kind: "lines" }
  | { readonly kind: "csv"; readonly names: readonly string[] | undefined }
  | { readonly kind: "parquet"; readonly file: ParquetFile };

interface InputFile {
  readonly input: JobInput;
  readonly columns: FileColumns;
}

async function columnsOf(input: JobInput): Promise<FileColumns> {
  if (input.format === "parquet") {
    return { kind: "parquet", file: await ParquetFile.open(input.path) };
  }
  if (input.format !== "csv") return { kind: "lines" };
  for await (const { cells } of csvRows(input, WHOLE)) {
    return { kind: "csv", names: cells.map((cell) => cellText(cell) ?? "") };
  }
  // An empty file has no records.
  return { kind: "csv", names: undefined };
}

/** The names of the columns of a file; undefined if it has no list of them. */
function namesOf(columns: FileColumns): readonly string[] | undefined {
  if (columns.kind === "lines") return undefined;
  return columns.kind === "csv" ? columns.names : columns.file.columns.map(({ name }) => name);
}

/** Whether a row of a Parquet file is a step. */
function isTableFile(
  { features, group, window }: JobRequest,
  { file }: FileColumns & { kind: "parquet" },
  field: string,
): boolean {
  return (features ?? group ?? window) !== undefined || !file.has(field);
}

/** How tables are read: as the options say, else as the model's metadata do. */
function tableOf(request: JobRequest, files: readonly InputFile[]): TableReading {
  const { model, group, window } = request;
  const { width = 0, table: known } = model.tagger ?? {};
  const features = request.features ?? known?.features;
  const columns = files.map((file) => namesOf(file.columns)).find((names) => names !== undefined);
  if (features === undefined) {
    const what = `name the ${width} columns that the model reads, in the order of training`;
    throw usage(`--features: ${what}; the columns are ${quoted(columns ?? [])}`);
  }
  if (features.length !== width) {
    throw usage(
      `--features: expected ${width} columns, as many as the model's inputs, got ${features.length}`,
    );
  }
  const most = window === undefined && group === undefined ? known?.window : window;
  return {
    features,
    ...(group === undefined ? {} : { group }),
    ...(typeof most === "number" ? { window: most } : {}),
  };
}

const quoted = (names: readonly string[]): string => {
  const known = names.slice(0, 10).map((name) => JSON.stringify(name));
  return names.length > 10 ? `${known.join(", ")} …` : known.join(", ");
};

interface Wanted {
  readonly table: TableReading | undefined;
  readonly field: string;
  readonly request: JobRequest;
}

/** An input with the places of its columns, which are checked. */
function withColumns(input: JobInput, columns: FileColumns, wanted: Wanted): JobInput {
  const { table, field, request } = wanted;
  const names = namesOf(columns);
  if (names === undefined) return input;
  const place = (name: string, option: string): number => {
    const index = names.indexOf(name);
    if (index >= 0) return index;
    const what = `there is no column "${name}"; the columns are ${quoted(names)}`;
    throw new JobError("input", `${input.name}: ${what}: choose with ${option}`);
  };
  const only = request.field === undefined && names.length === 1 ? names[0] : undefined;
  const sequence = columns.kind === "csv" ? (only ?? field) : field;
  const values =
    table === undefined
      ? [place(sequence, "--field")]
      : table.features.map((name) => place(name, "--features"));
  const group = table?.group === undefined ? {} : { group: place(table.group, "--group") };
  const fields = (request.with ?? []).map((name) => place(name, "--with"));
  if (columns.kind === "parquet") return { ...input, isTable: table !== undefined };
  const csv: CsvColumns = { count: names.length, values, ...group, fields };
  return { ...input, csv };
}

/** The fields that are passed through. A column of one plain type in all files keeps it. */
function passedFields(request: JobRequest, files: readonly InputFile[]): PassedField[] {
  return [...new Set(request.with)].map((name) => {
    const types = new Set(files.map(({ columns }) => typeOf(columns, name)));
    const [type = "text"] = types;
    return { name, type: types.size === 1 ? type : "text" };
  });
}

const PLAIN = ["BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE"] as const;

function typeOf(columns: FileColumns, wanted: string): PassedField["type"] {
  if (columns.kind !== "parquet") return "text";
  const column = columns.file.columns.find(({ name }) => name === wanted);
  const isPlain = column?.converted_type === undefined && column?.logical_type === undefined;
  const type = PLAIN.find((each) => each === column?.type);
  return isPlain && column?.repetition_type !== "REPEATED" && type !== undefined ? type : "text";
}
