import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Score } from "recurra";
import type { AtomicFile } from "./atomic_file.js";
import type { OutputFormat } from "./plan.js";

/** A score and its place. */
export interface Result {
  readonly file: string;
  readonly line: number;
  readonly score: Score;
}

/** The results of a shard on their way to a file. */
export interface ResultWriter {
  add(result: Result): Promise<void>;
  end(): Promise<void>;
}

/** Characters, and rows of Parquet, that are written at a time. */
const [MOST_CHARACTERS, MOST_ROWS] = [2 ** 16, 100_000];

export function resultWriter(
  file: AtomicFile,
  format: OutputFormat,
  perToken: boolean,
): ResultWriter {
  return format === "parquet"
    ? new ParquetResults(file, perToken)
    : new JsonResults(file, perToken);
}

/** Lines of JSON. */
export class JsonLines {
  readonly #file: AtomicFile;
  #text = "";

  constructor(file: AtomicFile) {
    this.#file = file;
  }

  async add(value: object): Promise<void> {
    this.#text += `${JSON.stringify(value)}\n`;
    if (this.#text.length > MOST_CHARACTERS) await this.end();
  }

  async end(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    await this.#file.write(Buffer.from(text));
  }
}

class JsonResults implements ResultWriter {
  readonly #lines: JsonLines;
  readonly #perToken: boolean;

  constructor(file: AtomicFile, perToken: boolean) {
    this.#lines = new JsonLines(file);
    this.#perToken = perToken;
  }

  add({ file, line, score }: Result): Promise<void> {
    const { logProb, perplexity, bitsPerToken, tokens, tokenLogProbs } = score;
    const each = this.#perToken ? { tokenLogProbs: [...tokenLogProbs] } : {};
    // NaN is null in JSON: nothing was scored.
    return this.#lines.add({ file, line, logProb, perplexity, bitsPerToken, tokens, ...each });
  }

  end(): Promise<void> {
    return this.#lines.end();
  }
}

const REQUIRED = { repetition_type: "REQUIRED" } as const;

/** The columns of results in a Parquet file. A perplexity of nothing is null. */
function schemaOf(perToken: boolean): SchemaElement[] {
  const list: SchemaElement[] = [
    { name: "tokenLogProbs", ...REQUIRED, num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "DOUBLE", ...REQUIRED },
  ];
  return [
    { name: "root", num_children: perToken ? 7 : 6 },
    { name: "file", type: "BYTE_ARRAY", converted_type: "UTF8", ...REQUIRED },
    { name: "line", type: "INT64", ...REQUIRED },
    { name: "logProb", type: "DOUBLE", repetition_type: "OPTIONAL" },
    { name: "perplexity", type: "DOUBLE", repetition_type: "OPTIONAL" },
    { name: "bitsPerToken", type: "DOUBLE", repetition_type: "OPTIONAL" },
    { name: "tokens", type: "INT64", ...REQUIRED },
    ...(perToken ? list : []),
  ];
}

/** Rows of results, column by column. */
export interface ResultColumns {
  file: string[];
  line: bigint[];
  logProb: (number | null)[];
  perplexity: (number | null)[];
  bitsPerToken: (number | null)[];
  tokens: bigint[];
  tokenLogProbs: number[][];
}

const noRows = (): ResultColumns => ({
  file: [],
  line: [],
  logProb: [],
  perplexity: [],
  bitsPerToken: [],
  tokens: [],
  tokenLogProbs: [],
});

/** A Parquet file of results that grows by row groups. */
export class ParquetResultFile {
  readonly #file: AtomicFile;
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #names: readonly (keyof ResultColumns)[];

  constructor(file: AtomicFile, perToken: boolean) {
    this.#file = file;
    const schema = schemaOf(perToken);
    this.#names = ["file", "line", "logProb", "perplexity", "bitsPerToken", "tokens"];
    if (perToken) this.#names = [...this.#names, "tokenLogProbs"];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, createdBy: "recurra-server" });
  }

  async write(columns: ResultColumns): Promise<void> {
    const rows = columns.line.length;
    if (rows === 0) return;
    const columnData = this.#names.map((name) => ({ name, data: columns[name] }));
    await this.#writer.write({ columnData, rowGroupSize: rows });
    await this.#flush();
  }

  async end(): Promise<void> {
    await this.#writer.finish();
    await this.#flush();
  }

  /** Passes on what was encoded. The writer goes on counting from where it is. */
  async #flush(): Promise<void> {
    const bytes = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    await this.#file.write(bytes);
  }
}

class ParquetResults implements ResultWriter {
  readonly #file: ParquetResultFile;
  #rows = noRows();

  constructor(file: AtomicFile, perToken: boolean) {
    this.#file = new ParquetResultFile(file, perToken);
  }

  async add({ file, line, score }: Result): Promise<void> {
    const rows = this.#rows;
    rows.file.push(file);
    rows.line.push(BigInt(line));
    rows.logProb.push(numberOrNull(score.logProb));
    rows.perplexity.push(numberOrNull(score.perplexity));
    rows.bitsPerToken.push(numberOrNull(score.bitsPerToken));
    rows.tokens.push(BigInt(score.tokens));
    rows.tokenLogProbs.push([...score.tokenLogProbs]);
    if (rows.line.length >= MOST_ROWS) await this.#write();
  }

  async end(): Promise<void> {
    await this.#write();
    await this.#file.end();
  }

  async #write(): Promise<void> {
    const rows = this.#rows;
    this.#rows = noRows();
    await this.#file.write(rows);
  }
}

const numberOrNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
