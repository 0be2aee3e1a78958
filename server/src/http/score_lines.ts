import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { Score } from "recurra";
import Type from "typebox";
import { Compile } from "typebox/compile";
import { Problem } from "../problem.js";
import type { TokenSequence } from "../serving/batcher.js";
import type { ModelVersion } from "../serving/version.js";
import type { WorkSignal } from "../serving/work_signal.js";
import type { Settings } from "../settings.js";
import { parseJson } from "./bodies.js";
import { sequenceProblem } from "./errors.js";
import { inGroups, inOrder, readLines } from "./lines.js";
import { SEQUENCE } from "./schemas.js";
import { scoreMembers, sequenceError } from "./score_text.js";

/** Lines that are scored by one call. */
const GROUP = 32;
/** Milliseconds after which a group is offered again to a queue that was full. */
const AGAIN = 25;

/** A line: a sequence, or an object with one and an id that comes back with its result. */
const LINE = Compile(
  Type.Union([
    SEQUENCE,
    Type.Object(
      { sequence: SEQUENCE, id: Type.Optional(Type.Unknown()) },
      { additionalProperties: false },
    ),
  ]),
);

/** A line that was read, or the reason why it cannot be used. */
interface Line {
  readonly id: unknown;
  readonly sequence: TokenSequence | Problem;
}

function readLine(text: string | Problem, maxDepth: number): Line {
  if (text instanceof Problem) return { id: undefined, sequence: text };
  try {
    const value = parseJson(text, maxDepth);
    if (!LINE.Check(value))
      throw new Problem("invalid-request", "expected a text, a list of ids, or { sequence, id }");
    if (typeof value === "string" || Array.isArray(value))
      return { id: undefined, sequence: value };
    return value as unknown as Line;
  } catch (error) {
    return { id: undefined, sequence: sequenceProblem(error) };
  }
}

/** How lines are scored. */
export interface LineOptions {
  readonly version: ModelVersion;
  readonly settings: Settings;
  readonly isLong: boolean;
  readonly signal: WorkSignal;
}

/** The results of lines of NDJSON, as lines, in order. An error that ends the work is the last line. */
export function scoreLines(body: Readable, options: LineOptions): AsyncGenerator<string> {
  // At once: the work begins when the first line of the answer is asked for.
  options.version.retain();
  return linesOf(body, options);
}

async function* linesOf(
  body: Readable,
  { version, settings, isLong, signal }: LineOptions,
): AsyncGenerator<string> {
  const { maxBody, bodyTimeout, maxDepth, workers } = settings;
  let index = 0;
  const groups = async function* (): AsyncGenerator<{ first: number; lines: Line[] }> {
    for await (const texts of readLines(body, { maxLine: maxBody, patience: bodyTimeout })) {
      for (const group of inGroups(texts, GROUP)) {
        yield { first: index, lines: group.map((text) => readLine(text, maxDepth)) };
        index += group.length;
      }
    }
  };
  try {
    yield* inOrder(groups(), 8 * workers, async ({ first, lines }) => {
      const usable = lines
        .map(({ sequence }) => sequence)
        .filter((each) => !(each instanceof Problem)) as TokenSequence[];
      const scores = (await scoreWhenFree(version, usable, signal)).values();
      const results = lines.map(({ sequence }) =>
        sequence instanceof Problem ? sequence : (scores.next().value as Score | Error),
      );
      return results
        .map((result, i) => lineText(first + i, lines[i] as Line, result, isLong))
        .join("");
    });
  } catch (error) {
    yield `${JSON.stringify({ error: sequenceError(error as Error) })}\n`;
  } finally {
    version.release();
  }
}

function lineText(index: number, { id }: Line, result: Score | Error, isLong: boolean): string {
  const named = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
  return `{"index":${index},${named}${scoreMembers(result, isLong)}}\n`;
}

/** Scores a group; where the queue is full it waits: the client is held by what is not read of its body. */
async function scoreWhenFree(
  version: ModelVersion,
  sequences: TokenSequence[],
  signal: WorkSignal,
): Promise<(Score | Error)[]> {
  for (;;) {
    try {
      return await version.batcher.score(sequences, signal);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "overloaded") throw error;
      await wait(AGAIN);
      signal.throwIfAborted();
    }
  }
}
