import { type FileHandle, open, stat } from "node:fs/promises";
import { fileFault, InputError } from "./faults.js";
import { BLOCK_BYTES, blockLength, HEADER, unzipBlock } from "./gzip_block.js";
import { FileSink, GzipSink, type Sink } from "./sink.js";

/** What a run continues. */
export interface Kept {
  /** Bytes of the file that stay. */
  readonly bytes: number;
  /** Compressed: the text of a last block that is not full, to be continued. */
  readonly start: string;
  /** The last line, which is computed once more and compared; undefined if there is none. */
  readonly last: { readonly line: number; readonly text: string } | undefined;
}

const NOTHING: Kept = { bytes: 0, start: "", last: undefined };
/** Bytes that are read at a time. */
const PIECE = 65_536;

export const isGzipName = (path: string): boolean => /\.gz$/i.test(path);

/** The whole lines of a file that an earlier run of `score --json` has written. */
export async function keptOf(path: string): Promise<Kept> {
  let file: FileHandle;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new InputError(`${path}: --resume needs a file that can be read`);
    file = await open(path, "r");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return NOTHING;
    throw fileFault(path, error);
  }
  try {
    const kept = isGzipName(path) ? await keptBlocks(path, file) : await keptLines(file);
    if (kept === undefined) return NOTHING;
    const { text } = kept;
    return { ...kept, last: { line: lineOf(path, text), text } };
  } catch (error) {
    throw fileFault(path, error);
  } finally {
    await file.close();
  }
}

/** A file that goes on after what is kept. */
export async function openSink(path: string, { bytes, start }: Kept = NOTHING): Promise<Sink> {
  const file = await FileSink.open(path, bytes);
  return isGzipName(path) ? new GzipSink(file, { start, isEmpty: bytes === 0 }) : file;
}

/** The number of the input line that a line of output is for. */
function lineOf(path: string, text: string): number {
  try {
    const { line } = JSON.parse(text) as { line?: unknown };
    if (Number.isSafeInteger(line) && (line as number) >= 1) return line as number;
  } catch {
    // Other text.
  }
  throw new InputError(`${path}: --resume: its last line was not written by score --json`);
}

type KeptText = Pick<Kept, "bytes" | "start"> & { readonly text: string };

/** The end of the last whole line, and that line. Reads no more than it, from the end. */
async function keptLines(file: FileHandle): Promise<KeptText | undefined> {
  const { size } = await file.stat();
  let bytes = 0;
  const pieces: Buffer[] = [];
  for (let from = size; from > 0; ) {
    const to = from;
    from = Math.max(to - PIECE, 0);
    let piece = await read(file, from, to - from);
    if (bytes === 0) {
      const end = piece.lastIndexOf(10);
      if (end < 0) continue;
      bytes = from + end + 1;
      piece = piece.subarray(0, end);
    }
    const before = piece.lastIndexOf(10);
    pieces.unshift(piece.subarray(before + 1));
    if (before >= 0) break;
  }
  if (bytes === 0) return undefined;
  return { bytes, start: "", text: Buffer.concat(pieces).toString() };
}

/** The whole blocks of a compressed file, and their last line. A last block that is not full is opened again. */
async function keptBlocks(path: string, file: FileHandle): Promise<KeptText | undefined> {
  const { size } = await file.stat();
  let [last, end] = [0, 0];
  for (let at = 0; at + HEADER <= size; ) {
    const length = blockLength(await read(file, at, HEADER));
    if (length === undefined || length <= HEADER) {
      throw new InputError(`${path}: --resume: it was not written by score --out`);
    }
    if (at + length > size) break;
    last = at;
    at += length;
    end = at;
  }
  if (end === 0) return undefined;
  const text = unzipBlock(await read(file, last, end - last));
  if (text === "") return undefined;
  const line = text.slice(text.lastIndexOf("\n", text.length - 2) + 1, -1);
  const isFull = Buffer.byteLength(text) >= BLOCK_BYTES;
  return isFull ? { bytes: end, start: "", text: line } : { bytes: last, start: text, text: line };
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
