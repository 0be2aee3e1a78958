import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type SchemaElement,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { JobError, withFile } from "./errors.js";

export type ParquetRow = Readonly<Record<string, unknown>>;

/** A Parquet file that is read by row groups. */
export class ParquetFile {
  readonly path: string;
  /** The columns, without those that are nested in others. */
  readonly columns: readonly SchemaElement[];
  /** The numbers of rows in the row groups. */
  readonly groups: readonly number[];
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.path = path;
    this.#file = file;
    this.#metadata = metadata;
    this.columns = topLevel(metadata.schema);
    this.groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  }

  static async open(path: string): Promise<ParquetFile> {
    return withFile(path, async () => {
      const file = await asyncBufferFromFile(path);
      try {
        return new ParquetFile(path, file, await parquetMetadataAsync(file));
      } catch (error) {
        throw unreadable(path, error);
      }
    });
  }

  has(column: string): boolean {
    return this.columns.some(({ name }) => name === column);
  }

  /**
   * Some columns of rows `from` … `to` − 1, row group by row group.
   *
   * @throws {JobError} if the file is damaged
   */
  async *rows(
    columns: readonly string[],
    from = 0,
    to = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<ParquetRow[], void, void> {
    let first = 0;
    for (const count of this.groups) {
      const [rowStart, rowEnd] = [Math.max(first, from), Math.min(first + count, to)];
      first += count;
      if (rowEnd > rowStart) yield await this.#read(columns, rowStart, rowEnd);
    }
  }

  async #read(columns: readonly string[], rowStart: number, rowEnd: number): Promise<ParquetRow[]> {
    const [file, metadata] = [this.#file, this.#metadata];
    const range = { columns: [...columns], rowStart, rowEnd };
    try {
      return await parquetReadObjects({ file, metadata, compressors, ...range });
    } catch (error) {
      throw unreadable(`${this.path}: rows ${rowStart + 1} … ${rowEnd}`, error);
    }
  }
}

/** An error of the system as it is; any other one is the file's. */
function unreadable(where: string, error: unknown): unknown {
  if ((error as { syscall?: string }).syscall !== undefined) return error;
  return new JobError("input", `${where}: expected a Parquet file: ${(error as Error).message}`);
}

function topLevel([root, ...schema]: readonly SchemaElement[]): SchemaElement[] {
  const columns: SchemaElement[] = [];
  let at = 0;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let i = 0; i < children; i++) skip();
  };
  for (let i = 0; i < (root?.num_children ?? 0) && at < schema.length; i++) {
    columns.push(schema[at] as SchemaElement);
    skip();
  }
  return columns;
}
