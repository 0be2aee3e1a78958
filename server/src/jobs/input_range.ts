import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { fileFault, JobError } from "./errors.js";
import type { JobInput } from "./plan.js";

/** Bytes that are read at a time: the scan of a plan is twice as fast as with Node's 64 kB. */
const CHUNK = 2 ** 20;

/** Whether a file begins as gzip's do: its name may not say so. */
export async function isGzipFile(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/**
 * The bytes of an input after decompression from `from` to `to`. gzip has no places to begin at: what is before `from` is
 * decompressed and dropped.
 */
export async function* readRange(
  { path, isGzip }: Pick<JobInput, "path" | "isGzip">,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer, void, void> {
  if (to <= from) return;
  const part = { start: from, ...(to === Number.POSITIVE_INFINITY ? {} : { end: to - 1 }) };
  const source = createReadStream(path, { highWaterMark: CHUNK, ...(isGzip ? {} : part) });
  const stream = isGzip ? pipeline(source, createGunzip(), () => undefined) : source;
  let at = isGzip ? 0 : from;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const piece = chunk.subarray(Math.max(from - at, 0), to - at);
      at += chunk.length;
      if (piece.length > 0) yield piece;
      if (at >= to) break;
    }
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("Z_")) throw fileFault(path, error);
    throw new JobError("input", `${path}: its gzip data is damaged or incomplete`);
  } finally {
    source.destroy();
  }
}
