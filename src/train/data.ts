import { ShapeError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { Ids, TrainingBatch } from "./batch.js";
import { checkInteger } from "./checks.js";

/** Sequences to train on, in the form of a batch: they are drawn in random order. */
export type TrainingData = Omit<TrainingBatch, "carry">;

/** Batches to train on. An epoch reads each of them once, in their order. */
export interface TrainingSource {
  /** The number of batches of an epoch. */
  readonly length: number;
  /** Batch `index` of an epoch: the same for the same arguments, so that a run can be resumed. */
  batch(index: number, epoch: number): TrainingBatch;
}

export const isSource = (data: TrainingData | TrainingSource): data is TrainingSource =>
  typeof (data as Partial<TrainingSource>)?.batch === "function";

/** The sequences of these indices as a batch. */
export function pick(
  { inputs, targets, weights }: TrainingData,
  indices: ArrayLike<number>,
): TrainingBatch {
  const at = Array.from(indices);
  const lists = <E>(list: ArrayLike<E>): E[] => at.map((b) => list[b] as E);
  const batch = { inputs: lists(inputs), targets: pickTargets(targets, at) };
  return weights === undefined
    ? batch
    : { ...batch, weights: lists(weights as ArrayLike<never>) as ArrayLike<number>[] };
}

function pickTargets(
  targets: TrainingData["targets"],
  at: readonly number[],
): TrainingBatch["targets"] {
  if (!("data" in targets)) return at.map((b) => targets[b]) as Ids;
  const [, n = 0] = targets.shape;
  const data = new Float64Array(at.length * n);
  at.forEach((b, i) => {
    data.set(targets.data.subarray(b * n, (b + 1) * n), i * n);
  });
  return { shape: [at.length, n], data };
}

/** Options of {@link textStreams}. */
export interface StreamsOptions {
  /** Parts of the text that are read side by side. Default 32. */
  readonly streams?: number | undefined;
  /** Steps of each part in a batch: gradients flow no further back. Default 64. */
  readonly steps?: number | undefined;
}

const NAMES: OptionNames<StreamsOptions> = { streams: true, steps: true };

/**
 * Batches of one long text for truncated back-propagation through time: the text is cut into equal parts, which are read side
 * by side, some steps at a time; each batch goes on from the state in which the one before ended. The target of a step is
 * the next token. Tokens that do not fill the parts are left out at the end.
 *
 * @param ids the tokens of the text
 * @throws {ShapeError} if the text is too short for a batch of one step
 */
export function textStreams(ids: Ids, options: StreamsOptions = {}): TrainingSource {
  const where = "textStreams";
  checkOptions(where, options, NAMES);
  const { streams = 32, steps = 64 } = options;
  checkInteger(`${where}: streams`, streams, 1);
  checkInteger(`${where}: steps`, steps, 1);
  if (!Array.isArray(ids) && !ArrayBuffer.isView(ids)) {
    throw new TypeError(`${where}: ids: expected numbers, got ${describe(ids)}`);
  }
  const own = Int32Array.from(ids);
  const part = Math.floor((own.length - 1) / streams);
  if (part < 1) {
    throw new ShapeError(
      `${where}: ids: expected at least ${streams + 1}, one a stream, got ${own.length}`,
    );
  }
  return {
    length: Math.ceil(part / steps),
    batch(index) {
      const first = index * steps;
      const T = Math.min(steps, part - first);
      const cut = (by: number) =>
        Array.from({ length: streams }, (_, b) => {
          const start = b * part + first + by;
          return own.subarray(start, start + T);
        });
      return { inputs: cut(0), targets: cut(1), carry: index > 0 };
    },
  };
}
