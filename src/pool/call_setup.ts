import type { GraphInputs } from "../graph/graph.js";
import type { RunOptions } from "../model/time_slices.js";
import type { Tokenizer } from "../model/vocabulary.js";
import { describe } from "../tensor.js";
import type { PostedSequence, Reply, RunMessage, ScoreMessage } from "./protocol.js";
import type { PoolBatch } from "./settings.js";
import type { WireError } from "./wire_error.js";

/** What a worker is given: a sequence, or the inputs of a graph. */
export type Posted = PostedSequence | { readonly inputs: GraphInputs };

/** A sequence or inputs that were checked, or the reason why they cannot be used. */
export type Given = Posted | Error;

/** How the work differs by what a pool serves. */
export interface CallKind<R extends object> {
  /** The method of the worker's model: its errors begin with its name. */
  readonly method: "score" | "tag" | "run";
  /** What `onBatch` is told. */
  readonly batch: PoolBatch["kind"];
  /** What a worker is asked for a portion. */
  message(id: number, given: readonly Posted[], from?: Uint8Array): ScoreMessage | RunMessage;
  /** The results in a reply, in order, or errors. */
  unpack(reply: Reply): Iterable<R | WireError> | undefined;
}

/** What differs between two calls of one pool. */
export interface CallPlan<R extends object>
  extends Pick<RunOptions<"throw" | "return">, "signal" | "onProgress"> {
  readonly kind: CallKind<R>;
  readonly where: string;
  readonly given: readonly Given[];
  /** The index of the first sequence in the names of errors. */
  readonly first: number;
  /** Whether an error ends the call or takes the place of a result. */
  readonly onError: "throw" | "return";
  /** The state of a stream that has read the start of every sequence. */
  readonly from?: Uint8Array | undefined;
  /** Undefined where no texts go in. */
  readonly tokenizer: Tokenizer | undefined;
}

/** What is to be computed, and how. */
export interface CallSetup<R extends object> extends CallPlan<R> {
  /** Told of every portion that a worker has answered. */
  readonly onBatch: ((batch: PoolBatch) => void) | undefined;
  readonly workers: number;
  /** The most workers that may end with a sequence. */
  readonly tries: number;
}

/** The rows of a sequence. A run of a graph is not divided. */
export function rowsOf(posted: Posted): number {
  if (typeof posted === "string" || "length" in posted) return posted.length;
  return "inputs" in posted ? 0 : (posted.shape[0] as number);
}

/** Throws unless sequences are given as an array. */
export function checkList(where: string, sequences: unknown): void {
  if (Array.isArray(sequences)) return;
  throw new TypeError(`${where}: sequences: expected an array, got ${describe(sequences)}`);
}

/** What is read, or the reason why it cannot be used. */
export function readOne(read: () => Given): Given {
  try {
    return read();
  } catch (error) {
    return error as Error;
  }
}
