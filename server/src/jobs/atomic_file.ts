import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileFault, JobError } from "./errors.js";

let count = 0;

/** Whether a name is that of a file that was not finished. */
export const isBegun = (name: string): boolean => /\.\d+-[\da-z]+-\d+\.tmp$/.test(name);

/** What was written. */
export interface Written {
  readonly bytes: number;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
}

/**
 * A file that appears whole or not at all: its bytes are written beside it and reach the disk, and then take its name. What had
 * the name before stays until then.
 */
export class AtomicFile {
  readonly path: string;
  readonly #beside: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  private constructor(path: string, beside: string, file: FileHandle) {
    this.path = path;
    this.#beside = beside;
    this.#file = file;
  }

  static async open(path: string): Promise<AtomicFile> {
    // Two workers of different machines may write the same file at a time.
    const beside = `${path}.${process.pid}-${Date.now().toString(36)}-${count++}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      return new AtomicFile(path, beside, await open(beside, "wx"));
    } catch (error) {
      throw fileFault(path, error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    } catch (error) {
      throw fileFault(this.path, error);
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  /** Gives the file its name. */
  async commit(): Promise<Written> {
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#beside, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      throw fileFault(this.path, error);
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  /** Leaves everything as it was. Does nothing after `commit`. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#beside, { force: true });
  }
}

/** Writes files together; none of them gets its name if `work` fails. */
export async function writeAtomic<T>(
  paths: readonly string[],
  work: (files: readonly AtomicFile[]) => Promise<T>,
): Promise<{ result: T; written: Written[] }> {
  const files: AtomicFile[] = [];
  try {
    for (const path of paths) files.push(await AtomicFile.open(path));
    const result = await work(files);
    const written: Written[] = [];
    for (const file of files) written.push(await file.commit());
    return { result, written };
  } finally {
    for (const file of files) await file.discard();
  }
}

/** Writes a file of JSON. */
export async function writeJson(path: string, value: object): Promise<void> {
  await writeAtomic([path], ([file]) =>
    (file as AtomicFile).write(Buffer.from(`${JSON.stringify(value)}\n`)),
  );
}

/** Reads a file of JSON that `writeJson` wrote; undefined if there is none. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    if (!(error instanceof SyntaxError)) throw fileFault(path, error);
    throw new JobError("output", `${path}: expected JSON, the file is damaged: delete it`);
  }
}

/** Makes a new name durable. Some systems cannot open a folder; there it does nothing. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle;
  try {
    folder = await open(path, "r");
  } catch {
    return;
  }
  try {
    await folder.sync();
  } catch {
    // A file system without it.
  } finally {
    await folder.close();
  }
}
