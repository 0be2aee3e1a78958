import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline, Readable } from "node:stream";
import { parse } from "csv-parse";
import { fileFault, InputError, printable, withFile } from "./faults.js";

export const FORMATS = ["text", "jsonl", "csv"] as const;
export type InputFormat = (typeof FORMATS)[number];

/** A sequence to be scored, and where it stands. */
export interface Item {
  /** From 1. */
  readonly line: number;
  readonly sequence: string | readonly number[];
}

/** A line, or a field of one, longer than this is no sequence but a mistake. */
const MOST_CHARACTERS = 2 ** 24;

export class Input {
  /** What messages call it. */
  readonly name: string;
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  readonly #stream: Readable;
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

  /** Nothing more is read. */
  close(): void {
    this.#stream.destroy();
  }

  /** The sequences, as they come. */
  async *items(format: InputFormat, field: string | undefined): AsyncGenerator<Item> {
    try {
      if (format === "csv") yield* this.#records(field);
      else if (format === "jsonl") yield* this.#objects(field);
      else for await (const { line, text } of this.#lines()) yield { line, sequence: text };
    } catch (error) {
      throw fileFault(this.name, error);
    }
  }

  /** Throws, with the place. */
  fail(line: number, what: string): never {
    throw new InputError(`${this.name}:${line}: ${what}`);
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#stream) {
      this.read += chunk.length;
      yield chunk;
    }
  }

  async *#lines(): AsyncGenerator<{ line: number; text: string }> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let line = 0;
    let pieces: Buffer[] = [];
    let held = 0;
    const take = (end: Buffer): string => {
      line++;
      const bytes = Buffer.concat([...pieces, end]);
      pieces = [];
      held = 0;
      let text: string;
      try {
        text = decoder.decode(bytes);
      } catch {
        return this.fail(line, "expected text in UTF-8, got other bytes");
      }
      if (line === 1) text = text.replace(/^\ufeff/, "");
      return text.endsWith("\r") ? text.slice(0, -1) : text;
    };
    for await (const chunk of this.#chunks()) {
      let from = 0;
      for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
        yield { text: take(chunk.subarray(from, to)), line };
        from = to + 1;
      }
      const rest = chunk.subarray(from);
      held += rest.length;
      if (held > MOST_CHARACTERS) {
        this.fail(line + 1, `expected a line of at most ${MOST_CHARACTERS} bytes`);
      }
      if (rest.length > 0) pieces.push(rest);
    }
    if (held > 0) yield { text: take(Buffer.of()), line };
  }

  async *#objects(field: string | undefined): AsyncGenerator<Item> {
    for await (const { line, text } of this.#lines()) {
      if (text.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        this.fail(line, `expected JSON, got ${printable(text, 40)}`);
      }
      yield { line, sequence: this.#sequence(line, value, field) };
    }
  }

  #sequence(line: number, value: unknown, field = "text"): Item["sequence"] {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && !Object.hasOwn(value, field)) {
      const known = Object.keys(value).map((key) => printable(key, 40));
      const has = known.length === 0 ? "nothing" : known.slice(0, 10).join(", ");
      this.fail(line, `there is no field "${field}", but ${has}: --field NAME says which to score`);
    }
    const found: unknown = isObject ? (value as Record<string, unknown>)[field] : value;
    if (typeof found === "string") return found;
    if (Array.isArray(found) && found.every(Number.isSafeInteger)) return found;
    const place = isObject ? `field "${field}": ` : "";
    const kind = found === null ? "null" : Array.isArray(found) ? "another list" : typeof found;
    return this.fail(line, `${place}expected a text or a list of ids, got ${kind}`);
  }

  async *#text(): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const decode = (chunk?: Buffer): string => {
      try {
        return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
      } catch {
        throw new InputError(`${this.name}: expected text in UTF-8, got other bytes`);
      }
    };
    for await (const chunk of this.#chunks()) yield decode(chunk);
    yield decode();
  }

  async *#records(field: string | undefined): AsyncGenerator<Item> {
    const options = {
      bom: true,
      info: true,
      skip_empty_lines: true,
      max_record_size: MOST_CHARACTERS,
    };
    const parser = parse(options);
    // A fault of either reaches the loop below; closing the parser closes what it reads.
    pipeline(Readable.from(this.#text()), parser, () => {});
    let column = -1;
    for await (const { record, info } of parser) {
      const fields = record as string[];
      const { lines } = info as { lines: number };
      if (column < 0) column = this.#column(fields, field);
      else yield { line: lines, sequence: fields[column] as string };
    }
  }

  #column(names: readonly string[], field: string | undefined): number {
    const wanted = field ?? (names.length === 1 ? (names[0] as string) : "text");
    const column = names.indexOf(wanted);
    if (column >= 0) return column;
    const known = names.slice(0, 10).map((name) => printable(name, 40));
    const columns = `the first line has ${known.join(", ")}`;
    return this.fail(
      1,
      `there is no column "${wanted}", ${columns}: --field NAME says which to score`,
    );
  }
}

/** What a file holds, by its name. */
export function formatOf(path: string | undefined): InputFormat {
  const [, extension = ""] = /\.(\w+)$/.exec(basename(path ?? "").toLowerCase()) ?? [];
  if (extension === "jsonl" || extension === "ndjson") return "jsonl";
  return extension === "csv" ? "csv" : "text";
}
