import { type FileHandle, open } from "node:fs/promises";
import { fileFault } from "./faults.js";
import { BLOCK_BYTES, gzipBlock } from "./gzip_block.js";
import { print } from "./output.js";

/** Where results go. Texts are whole lines. */
export interface Sink {
  /** Resolves when more may come. */
  write(text: string): Promise<void>;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

/** Standard output. */
export const standardOutput: Sink = { write: print, end: async () => {} };

/** Bytes that wait for the disk. */
const MOST_WAITING = 1_048_576;

/** A file that grows: what comes is written at once; what comes meanwhile is written together. */
export class FileSink implements Sink {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Where the next bytes go; null where only the end is writable. */
  #position: number | null;
  #waiting: (string | Uint8Array)[] = [];
  #size = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  private constructor(path: string, file: FileHandle, position: number | null) {
    this.#path = path;
    this.#file = file;
    this.#position = position;
  }

  /** @param keep the bytes that stay; whatever follows them is cut off */
  static async open(path: string, keep: number): Promise<FileSink> {
    try {
      const file = await open(path, keep > 0 ? "r+" : "w");
      if (!(await file.stat()).isFile()) return new FileSink(path, file, null);
      await file.truncate(keep);
      return new FileSink(path, file, keep);
    } catch (error) {
      throw fileFault(path, error);
    }
  }

  async write(text: string | Uint8Array): Promise<void> {
    this.#waiting.push(text);
    this.#size += text.length;
    this.#writing ??= this.#writeAll();
    if (this.#size > MOST_WAITING) await this.#writing;
    this.#check();
  }

  async end(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw fileFault(this.#path, this.#failure.error);
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = Buffer.concat(this.#waiting.map((each) => Buffer.from(each as string)));
        this.#waiting = [];
        this.#size = 0;
        for (let at = 0; at < bytes.length; ) {
          const left = bytes.length - at;
          const { bytesWritten } = await this.#file.write(bytes, at, left, this.#position);
          at += bytesWritten;
          if (this.#position !== null) this.#position += bytesWritten;
        }
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#writing = undefined;
  }
}

/** A sink that compresses. Lines reach the file block by block. */
export class GzipSink implements Sink {
  readonly #file: FileSink;
  #text: string[] = [];
  #bytes = 0;
  #isEmpty: boolean;

  /**
   * @param start the beginning of the first block
   * @param isEmpty whether the file has no block
   */
  constructor(file: FileSink, { start, isEmpty }: { start: string; isEmpty: boolean }) {
    this.#file = file;
    this.#isEmpty = isEmpty;
    this.#add(start);
  }

  async write(text: string): Promise<void> {
    this.#add(text);
    if (this.#bytes >= BLOCK_BYTES) await this.#writeBlock();
  }

  async end(): Promise<void> {
    // A file of no bytes would not be gzip's.
    if (this.#bytes > 0 || this.#isEmpty) await this.#writeBlock();
    await this.#file.end();
  }

  #add(text: string): void {
    this.#text.push(text);
    this.#bytes += Buffer.byteLength(text);
  }

  async #writeBlock(): Promise<void> {
    const member = gzipBlock(this.#text.join(""));
    this.#text = [];
    this.#bytes = 0;
    this.#isEmpty = false;
    await this.#file.write(member);
  }
}
