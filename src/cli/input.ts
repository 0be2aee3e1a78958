import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { type CsvRecord, csvRecords, type Line } from "./csv.js";
import { fileFault, InputError, printable, withFile } from "./faults.js";
import { unzipped } from "./gzip_input.js";
import { rawFields } from "./json_fields.js";

export const FORMATS = ["text", "jsonl", "csv"] as const;
export type InputFormat = (typeof FORMATS)[number];

export type Sequence = string | readonly number[];

/** A sequence to be scored, and its place. */
export interface Item {
  /** From 1: the line, or the first line of a CSV record. */
  readonly line: number;
  /** @throws {InputError} if the line holds no sequence */
  sequence(): Sequence;
  /** The other fields that were asked for, as JSON. Those that the line lacks are null. */
  fields(): string;
}

/** How a line is read. */
export interface Reading {
  readonly format: InputFormat;
  /** The field or column of the sequence. */
  readonly field: string | undefined;
  /** The fields or columns that are passed through. */
  readonly others: readonly string[];
}

/** Fields in front of others in a JSON object. `jsonOf` gives JSON. */
const fieldsOf = (names: readonly string[], jsonOf: (name: string) => string | undefined) =>
  names.map((name) => `${JSON.stringify(name)}:${jsonOf(name) ?? "null"},`).join("");

/** A line, or a CSV record, longer than this is no sequence but a mistake. */
const MOST_CHARACTERS = 2 ** 24;

export class Input {
  /** Its name in messages. */
  readonly name: string;
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  readonly #stream: Readable;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Bytes that have been read. */
  read = 0;

  private constructor(name: string, stream: Readable, size?: number) {
    this.name = name;
    this.#stream = stream;
    this.size = size;
  }

  static async open(path = "-"): Promise<Input> {
    if (path === "-") return new Input("stdin", process.stdin);
    const { size } = await withFile(path, async () => {
      const found = await stat(path);
      if (found.isDirectory()) throw new InputError(`${path}: expected a file, got a folder`);
      return found;
    });
    return new Input(path, createReadStream(path), size);
  }

  get closed(): boolean {
    return this.#stream.destroyed;
  }

  /** Ends the reading. */
  close(): void {
    this.#stream.destroy();
  }

  /** The sequences, as they come. */
  async *items(reading: Reading): AsyncGenerator<Item> {
    try {
      if (reading.format === "csv") yield* this.#csv(reading);
      else if (reading.format === "jsonl") yield* this.#jsonl(reading);
      else yield* this.#text();
    } catch (error) {
      throw fileFault(this.name, error);
    }
  }

  /** Throws, with the place. */
  fail(line: number, what: string): never {
    throw new InputError(`${this.name}:${line}: ${what}`);
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      this.read += chunk.length;
      yield chunk;
    }
  }

  /** The lines as bytes, without their newlines. */
  async *#lines(): AsyncGenerator<{ line: number; bytes: Buffer }> {
    let line = 1;
    let pieces: Buffer[] = [];
    let held = 0;
    for await (const chunk of unzipped(this.name, this.#chunks())) {
      let from = 0;
      for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
        yield { line: line++, bytes: Buffer.concat([...pieces, chunk.subarray(from, to)]) };
        pieces = [];
        held = 0;
        from = to + 1;
      }
      const rest = chunk.subarray(from);
      held += rest.length;
      if (held > MOST_CHARACTERS) {
        this.fail(line, `expected a line of at most ${MOST_CHARACTERS} bytes`);
      }
      if (rest.length > 0) pieces.push(rest);
    }
    if (held > 0) yield { line, bytes: Buffer.concat(pieces) };
  }

  /** Decodes a line, without the byte order mark of a file. */
  #decode(line: number, bytes: Buffer): string {
    try {
      const text = this.#decoder.decode(bytes);
      return line === 1 ? text.replace(/^\ufeff/, "") : text;
    } catch {
      return this.fail(line, "expected text in UTF-8, got other bytes");
    }
  }

  async *#text(): AsyncGenerator<Item> {
    for await (const { line, bytes } of this.#lines()) {
      yield {
        line,
        sequence: () => this.#decode(line, bytes).replace(/\r$/, ""),
        fields: () => "",
      };
    }
  }

  async *#jsonl({ field, others }: Reading): AsyncGenerator<Item> {
    for await (const { line, bytes } of this.#lines()) {
      // Spaces, tabs and carriage returns only.
      if (bytes.every((byte) => byte === 32 || byte === 9 || byte === 13)) continue;
      let text: string | undefined;
      const decoded = (): string => {
        text ??= this.#decode(line, bytes);
        return text;
      };
      yield {
        line,
        sequence: () => this.#fromJson(line, decoded(), field),
        fields: () => this.#jsonFields(others, decoded),
      };
    }
  }

  /** The fields of a line, if it holds an object. */
  #jsonFields(names: readonly string[], text: () => string): string {
    if (names.length === 0) return "";
    let fields: ReadonlyMap<string, string> | undefined;
    try {
      const value: unknown = JSON.parse(text());
      if (typeof value === "object" && !Array.isArray(value)) fields = rawFields(text());
    } catch {
      // Its sequence has the error.
    }
    return fieldsOf(names, (name) => fields?.get(name));
  }

  #fromJson(line: number, text: string, field = "text"): Sequence {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.fail(line, `expected JSON, got ${printable(text.slice(0, 80).trimEnd(), 40)}`);
    }
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && !Object.hasOwn(value as object, field)) {
      const known = Object.keys(value as object).slice(0, 10);
      const has = known.length === 0 ? "none" : known.map((key) => printable(key, 40)).join(", ");
      this.fail(
        line,
        `there is no field "${field}"; the fields are ${has}: choose one with --field`,
      );
    }
    const found: unknown = isObject ? (value as Record<string, unknown>)[field] : value;
    if (typeof found === "string") return found;
    if (Array.isArray(found) && found.every(Number.isSafeInteger)) return found;
    const place = isObject ? `field "${field}": ` : "";
    const kind = found === null ? "null" : Array.isArray(found) ? "another list" : typeof found;
    return this.fail(line, `${place}expected a text or a list of ids, got ${kind}`);
  }

  async *#decoded(): AsyncGenerator<Line> {
    for await (const { line, bytes } of this.#lines()) {
      yield { line, text: this.#decode(line, bytes) };
    }
  }

  async *#csv({ field, others }: Reading): AsyncGenerator<Item> {
    const unclosed = (line: number): never =>
      this.fail(line, "the record that begins here has a quote that is never closed");
    let count = 0;
    let column = 0;
    let columns: number[] = [];
    for await (const record of csvRecords(this.#decoded(), MOST_CHARACTERS, unclosed)) {
      const { line, fields } = record;
      if (count > 0) {
        yield {
          line,
          sequence: () => this.#cell(record, count, column),
          fields: () => {
            const known = fields.length === count;
            return fieldsOf(others, (name) =>
              known ? JSON.stringify(fields[columns[others.indexOf(name)] as number]) : undefined,
            );
          },
        };
      } else {
        count = fields.length;
        const only = fields.length === 1 ? fields[0] : undefined;
        column = this.#column(record, field ?? only ?? "text", "--field");
        columns = others.map((name) => this.#column(record, name, "--with"));
      }
    }
  }

  #cell({ line, fields }: CsvRecord, count: number, column: number): string {
    if (fields.length === count) return fields[column] as string;
    const expected = `${count} ${count === 1 ? "field" : "fields"}, as many as the first line has`;
    return this.fail(line, `expected ${expected}, got ${fields.length}`);
  }

  /** @param option names the column */
  #column({ line, fields: names }: CsvRecord, wanted: string, option: string): number {
    const column = names.indexOf(wanted);
    if (column >= 0) return column;
    const known = names.slice(0, 10).map((name) => printable(name, 40));
    const columns = `the columns are ${known.join(", ")}`;
    return this.fail(line, `there is no column "${wanted}"; ${columns}: choose one with ${option}`);
  }
}

/** The format of an input file, by its name, which may end in .gz. */
export function formatOf(path: string | undefined): InputFormat {
  const [, extension = ""] =
    /\.(\w+)$/.exec(
      basename(path ?? "")
        .toLowerCase()
        .replace(/\.gz$/, ""),
    ) ?? [];
  if (extension === "jsonl" || extension === "ndjson") return "jsonl";
  return extension === "csv" ? "csv" : "text";
}
