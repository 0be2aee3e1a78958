import type { ModelDescription } from "../description/description.js";
import type { LanguageModelOptions } from "../model/loading.js";
import type { EngineOptions } from "../wasm/engine.js";
import type { WireError } from "./wire_error.js";

// What a pool and its workers say to each other. Everything here can be cloned by `postMessage`.

/** The first message: the model that the worker serves. */
export interface OpenMessage {
  readonly kind: "open";
  readonly model: Uint8Array | ModelDescription;
  readonly options: LanguageModelOptions;
  readonly engine: EngineOptions;
  /** A name of a lock that the worker holds as long as it lives, for hosts that do not tell when a worker ends. */
  readonly lock: string | undefined;
}

/** Sequences to score; the worker takes these messages one after the other. */
export interface ScoreMessage {
  readonly kind: "score";
  readonly id: number;
  readonly sequences: readonly (string | Int32Array)[];
  /** The state of a stream that has read the start of every sequence. */
  readonly from: Uint8Array | undefined;
}

/** Ends the work on a message of `score`, which is answered all the same. */
export interface AbortMessage {
  readonly kind: "abort";
  readonly id: number;
}

/** What is asked of a stream, by its number in the pool. */
export type StreamCommand =
  | { readonly name: "open"; readonly from: number | undefined }
  | { readonly name: "push"; readonly token: number | string }
  | { readonly name: "next" | "reset" | "toBytes" | "dispose" }
  | { readonly name: "fromBytes"; readonly bytes: Uint8Array };

/** A command for a stream. The worker obeys it between two slices of other work. */
export interface StreamMessage {
  readonly kind: "stream";
  readonly id: number;
  readonly stream: number;
  readonly command: StreamCommand;
  /** Whether the state after the command comes with the answer. */
  readonly isCheckpoint: boolean;
}

export type ToWorker = OpenMessage | ScoreMessage | AbortMessage | StreamMessage;

/** What a pool has to know of its model. */
export interface ModelFacts {
  readonly size: number;
  readonly start: number | undefined;
  /** The tokens by their ids. */
  readonly vocabulary: readonly (string | undefined)[] | undefined;
  readonly unknown: number | undefined;
  readonly assumptions: readonly string[];
}

export interface ReadyReply {
  readonly kind: "ready";
  readonly facts: ModelFacts;
  /** Whether the lock is held. */
  readonly isLocked: boolean;
}

/** The model cannot be served. */
export interface RefusedReply {
  readonly kind: "refused";
  readonly error: WireError;
}

/** The scores of a message, in one array: for each sequence logProb, perplexity, bitsPerToken, tokenLogProbs. */
export interface ScoresReply {
  readonly kind: "scores";
  readonly id: number;
  readonly numbers: Float64Array<ArrayBuffer>;
  /** For each sequence the length of tokenLogProbs, or -1 for one that has an error and no numbers. */
  readonly lengths: Int32Array<ArrayBuffer>;
  /** The errors, in order. */
  readonly errors: readonly WireError[];
}

/** The answer of a stream. */
export interface ValueReply {
  readonly kind: "value";
  readonly id: number;
  readonly value: number | Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | undefined;
  readonly checkpoint: Uint8Array<ArrayBuffer> | undefined;
}

/** A message of `score` that was aborted, or a message that failed as a whole. */
export interface FailedReply {
  readonly kind: "failed";
  readonly id: number;
  /** Undefined if it was aborted. */
  readonly error: WireError | undefined;
}

/** The answer to one message. */
export type Reply = ScoresReply | ValueReply | FailedReply;

export type FromWorker = ReadyReply | RefusedReply | Reply;
