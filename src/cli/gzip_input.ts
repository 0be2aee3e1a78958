import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError } from "./faults.js";

/** The bytes of a source, decompressed if they are gzip's: by content, as a name is not always there. */
export async function* unzipped(
  name: string,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => chunks };
  // The first two bytes may come one by one.
  let start: Buffer = Buffer.alloc(0);
  for (let step = await chunks.next(); !step.done; step = await chunks.next()) {
    start = start.length === 0 ? step.value : Buffer.concat([start, step.value]);
    if (start.length > 1) break;
  }
  if (start[0] !== 0x1f || start[1] !== 0x8b) {
    if (start.length > 0) yield start;
    yield* rest;
    return;
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield start;
    yield* rest;
  }
  // The pipeline passes the errors of the source on to the reader.
  const bytes = pipeline(Readable.from(all()), createGunzip(), () => {});
  try {
    yield* bytes as AsyncIterable<Buffer>;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("Z_")) throw error;
    throw new InputError(`${name}: its gzip data is damaged or incomplete`);
  }
}
