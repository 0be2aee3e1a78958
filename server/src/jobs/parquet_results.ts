import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { AtomicFile } from "./atomic_file.js";
import { type FieldValue, plainTextOf } from "./fields.js";
import type { ParquetRow } from "./parquet_file.js";
import type { Cell, ResultColumn } from "./result_columns.js";

/** Rows of a row group, and numbers in their lists. */
const [MOST_ROWS, MOST_NUMBERS] = [100_000, 2 ** 20];

/** A Parquet file of results that grows by row groups. */
export class ParquetResultFile {
  readonly #file: AtomicFile;
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #columns: readonly ResultColumn[];

  constructor(file: AtomicFile, columns: readonly ResultColumn[]) {
    this.#file = file;
    this.#columns = columns;
    const root = { name: "root", num_children: columns.length };
    const schema = [root, ...columns.flatMap((column) => column.schema)];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, createdBy: "recurra-server" });
  }

  /** Writes a row group; nothing without rows. @param data the values of each column */
  async write(data: readonly unknown[][]): Promise<void> {
    const rows = data[0]?.length ?? 0;
    if (rows === 0) return;
    const columnData = this.#columns.map(({ name }, i) => ({ name, data: data[i] as unknown[] }));
    await this.#writer.write({ columnData, rowGroupSize: rows });
    await this.#flush();
  }

  /** Writes rows as they were read from a file with the same columns. */
  async copy(rows: readonly ParquetRow[]): Promise<void> {
    const plain = (value: unknown): unknown =>
      ArrayBuffer.isView(value) ? Array.from(value as unknown as Iterable<unknown>) : value;
    await this.write(this.#columns.map(({ name }) => rows.map((row) => plain(row[name]))));
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

/** Results on their way to a Parquet file. Holds a row group. */
export class ParquetResults {
  readonly #file: ParquetResultFile;
  readonly #columns: readonly ResultColumn[];
  #data: unknown[][];
  #numbers = 0;

  constructor(file: AtomicFile, columns: readonly ResultColumn[]) {
    this.#file = new ParquetResultFile(file, columns);
    this.#columns = columns;
    this.#data = columns.map(() => []);
  }

  async add(cells: readonly Cell[]): Promise<void> {
    for (const [i, cell] of cells.entries()) {
      this.#data[i]?.push(parquetValue(cell, this.#columns[i] as ResultColumn));
      if (typeof cell === "object" && cell !== null && "length" in cell)
        this.#numbers += cell.length;
      else if (typeof cell === "object" && cell !== null && "shape" in cell) {
        this.#numbers += cell.data.length;
      }
    }
    const rows = this.#data[0]?.length ?? 0;
    if (rows >= MOST_ROWS || this.#numbers >= MOST_NUMBERS) await this.#write();
  }

  async end(): Promise<void> {
    await this.#write();
    await this.#file.end();
  }

  async #write(): Promise<void> {
    const data = this.#data;
    this.#data = data.map(() => []);
    this.#numbers = 0;
    await this.#file.write(data);
  }
}

/** A cell as the writer takes it for a column. */
function parquetValue(cell: Cell, { schema: [element] }: ResultColumn): unknown {
  if (typeof cell === "object" && cell !== null && "shape" in cell) {
    const [rows = 0, width = 0] = cell.shape;
    return Array.from({ length: rows }, (_, t) =>
      Array.from(cell.data.subarray(t * width, (t + 1) * width)),
    );
  }
  if (typeof cell === "object" && cell !== null && "length" in cell) {
    return Array.from(cell as ArrayLike<unknown>);
  }
  if (element?.type === "INT64") return cell === null ? null : BigInt(cell as number | bigint);
  return element?.type === "BYTE_ARRAY" ? plainTextOf(cell as FieldValue) : cell;
}
