import { ShapeError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { Ids } from "../train/batch.js";
import { checkInteger } from "../train/checks.js";
import type { TrainingSource } from "../train/data.js";
import { drawnAt } from "./random.js";

/** Options of {@link textPassages}. */
export interface PassagesOptions {
  /** The token that passages begin with: that of a line's end, for texts of lines. */
  readonly start: number;
  /** Passages that are read side by side. Default 16. */
  readonly passages?: number | undefined;
  /** Steps of each passage in a batch: gradients flow no further back. Default 64. */
  readonly steps?: number | undefined;
  /** Batches that a passage goes on for; its state is carried from one to the next. Default 8. */
  readonly batches?: number | undefined;
  /** The seed of the draw, an integer in 0 … 2^53 − 1. Default 0. */
  readonly seed?: number | undefined;
}

const NAMES: OptionNames<PassagesOptions> = {
  start: true,
  passages: true,
  steps: true,
  batches: true,
  seed: true,
};

/** Where a token stands that so many others follow. */
function startsOf(ids: Int32Array, start: number, length: number): Int32Array {
  const found: number[] = [];
  for (let at = 0; at + length < ids.length; at++) if (ids[at] === start) found.push(at);
  return Int32Array.from(found);
}

/**
 * Batches of random passages of a text, each of which begins with a start token in a zero state, as a text that is scored or
 * continued does. An epoch reads about as many tokens as the text has.
 *
 * @param ids the tokens of the text
 * @throws {ShapeError} if no start token is followed by a whole passage
 */
export function textPassages(ids: Ids, options: PassagesOptions): TrainingSource {
  const where = "textPassages";
  checkOptions(where, options, NAMES);
  const { start, passages = 16, steps = 64, batches = 8, seed = 0 } = options;
  checkInteger(`${where}: start`, start, 0);
  checkInteger(`${where}: passages`, passages, 1);
  checkInteger(`${where}: steps`, steps, 1);
  checkInteger(`${where}: batches`, batches, 1);
  checkInteger(`${where}: seed`, seed, 0);
  if (!Array.isArray(ids) && !ArrayBuffer.isView(ids)) {
    throw new TypeError(`${where}: ids: expected numbers, got ${describe(ids)}`);
  }
  const own = Int32Array.from(ids);
  const starts = startsOf(own, start, steps * batches);
  if (starts.length === 0) {
    throw new ShapeError(
      `${where}: ids: expected token ${start} with ${steps * batches} tokens after it, got none`,
    );
  }
  const groups = Math.max(1, Math.round(own.length / (passages * steps * batches)));
  return {
    length: groups * batches,
    batch(index, epoch) {
      const group = epoch * groups + Math.floor(index / batches);
      const part = index % batches;
      const cut = (by: number) =>
        Array.from({ length: passages }, (_, b) => {
          const drawn = drawnAt(seed, group * passages + b, starts.length);
          const first = (starts[drawn] as number) + part * steps + by;
          return own.subarray(first, first + steps);
        });
      return { inputs: cut(0), targets: cut(1), carry: part > 0 };
    },
  };
}
