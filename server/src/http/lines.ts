import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import { Problem } from "../problem.js";

/** Bounds of the lines that a client sends. */
export interface LineLimits {
  /** Bytes of a line. */
  readonly maxLine: number;
  /** Milliseconds without a byte, while bytes are wanted. */
  readonly patience: number;
}

const NEWLINE = 0x0a;

/**
 * The lines of a body, those that one piece of it completes together. The body is read no faster than the lines are taken. A line
 * that is not UTF-8 is a `Problem` in its place.
 *
 * @throws a `Problem` of code `too-large` for a line that is too long, `timeout` if nothing comes
 */
export async function* readLines(
  body: Readable,
  { maxLine, patience }: LineLimits,
): AsyncGenerator<(string | Problem)[]> {
  let rest: Buffer[] = [];
  let length = 0;
  // Not `for await`: leaving it would destroy the socket, and with it the last line of the answer.
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await within(patience, pieces.next());
    if (done === true) break;
    const piece = value as Buffer;
    const end = piece.lastIndexOf(NEWLINE);
    if (end < 0) {
      rest.push(piece);
      length += piece.byteLength;
    } else {
      yield linesOf(Buffer.concat([...rest, piece.subarray(0, end)]), maxLine);
      rest = [piece.subarray(end + 1)];
      length = piece.byteLength - end - 1;
    }
    if (length > maxLine) throw tooLong(maxLine);
  }
  if (length > 0) yield linesOf(Buffer.concat(rest), maxLine);
}

function linesOf(bytes: Buffer, maxLine: number): (string | Problem)[] {
  const all = isUtf8(bytes) ? bytes.toString("utf8").split("\n") : [...piecesOf(bytes)];
  const lines = all.filter((line) => line instanceof Problem || line.trim() !== "");
  if (lines.some((line) => typeof line === "string" && line.length > maxLine))
    throw tooLong(maxLine);
  return lines;
}

/** The lines of bytes of which some are no UTF-8. No character of UTF-8 has the byte of a newline in it. */
function* piecesOf(bytes: Buffer): Generator<string | Problem> {
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    yield isUtf8(line) ? line.toString("utf8") : new Problem("invalid-json", "expected UTF-8");
    start = end + 1;
  }
}

const tooLong = (maxLine: number): Problem =>
  new Problem("too-large", `a line has more than ${maxLine} bytes`);

/** Waits for a promise, but not for ever. */
async function within<R>(milliseconds: number, promise: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Problem("timeout", `no byte came for ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Groups of at most `size`. */
export function* inGroups<V>(values: readonly V[], size: number): Generator<V[]> {
  for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size);
}

/**
 * Works on several values at a time and gives the results in order, each as soon as it and those before it are there. Values
 * are taken no faster than results are: at most `limit` are held.
 */
export async function* inOrder<V, R>(
  values: AsyncIterable<V>,
  limit: number,
  work: (value: V) => Promise<R>,
): AsyncGenerator<R> {
  const held: Promise<R>[] = [];
  let isEnded = false;
  let wakeReader = (): void => undefined;
  let wakeWriter = (): void => undefined;
  const hold = (result: Promise<R>): void => {
    // Its error is met when its turn comes.
    result.catch(() => undefined);
    held.push(result);
    wakeWriter();
  };
  const read = async (): Promise<void> => {
    try {
      for await (const value of values) {
        if (isEnded) return;
        hold(work(value));
        while (held.length >= limit && !isEnded) {
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
        }
      }
    } catch (error) {
      hold(Promise.reject(error));
    }
    isEnded = true;
    wakeWriter();
  };
  const reading = read();
  try {
    while (!isEnded || held.length > 0) {
      const [first] = held;
      if (first === undefined) {
        await new Promise<void>((resolve) => {
          wakeWriter = resolve;
        });
        continue;
      }
      const result = await first;
      held.shift();
      wakeReader();
      yield result;
    }
    await reading;
  } finally {
    isEnded = true;
    wakeReader();
  }
}
