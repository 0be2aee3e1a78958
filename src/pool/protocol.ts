import type { ModelDescription, OutputKind } from "../description/description.js";
import type { GraphInputs, GraphOutputs, GraphPort, StreamStates } from "../graph/graph.js";
import type { Normalisation } from "../model/normalisation.js";
import type { Features } from "../model/tagger_content.js";
import type { Precision } from "../wasm/abi.js";
import type { EngineOptions } from "../wasm/engine.js";
import type { WireError } from "./wire_error.js";

// What a pool and its workers say to each other. Everything here can be cloned by `postMessage`.

/** The first message: the model that the worker serves. */
export interface OpenMessage {
  readonly kind: "open";
  /** What is made of the model. */
  readonly serves: "language" | "tagger" | "graph";
  readonly model: Uint8Array | ModelDescription;
  /** Those of the function that opens it. */
  readonly options: object;
  readonly engine: EngineOptions;
  /** A name of a lock that the worker holds as long as it lives, for hosts that do not tell when a worker ends. */
  readonly lock: string | undefined;
}

/** A sequence, as it is posted. */
export type PostedSequence = string | Int32Array | Features;

/** Sequences to score or to tag. The worker takes these messages one after the other, a short one beside a long one. */
export interface ScoreMessage {
  readonly kind: "score";
  readonly id: number;
  readonly sequences: readonly PostedSequence[];
  /** The state of a stream that has read the start of every sequence. */
  readonly from: Uint8Array | undefined;
}

/** A run of a graph. */
export interface RunMessage {
  readonly kind: "run";
  readonly id: number;
  readonly inputs: GraphInputs;
}

/** Ends the work on a message of `score` or `run`, which is answered all the same. */
export interface AbortMessage {
  readonly kind: "abort";
  readonly id: number;
}

/** What streams are pushed: the ids of tokens; rows of numbers, one after the other; or the inputs of a graph. */
export type PushedInputs = Int32Array | Float64Array | readonly GraphInputs[];

/** An input for each of some streams, by their numbers in the pool. One that occurs several times takes them in their order. */
export interface PushMessage {
  readonly kind: "push";
  readonly id: number;
  readonly streams: Int32Array;
  readonly inputs: PushedInputs;
  /** The places in the list after whose inputs the state of the stream comes with the answer, ascending. */
  readonly kept: Int32Array;
}

/** What is asked of a stream, by its number in the pool. */
export type StreamCommand =
  | { readonly name: "open"; readonly from: number | Uint8Array | undefined }
  | { readonly name: "next" | "reset" | "toBytes" | "dispose" }
  | { readonly name: "fromBytes"; readonly bytes: Uint8Array };

/** A command for a stream. The worker obeys it between two slices of other work. */
export interface StreamMessage {
  readonly kind: "stream";
  readonly id: number;
  readonly stream: number;
  readonly command: StreamCommand;
}

/** What is answered by a `Reply`. */
export type Asked = ScoreMessage | RunMessage | PushMessage | StreamMessage;

export type ToWorker = OpenMessage | AbortMessage | Asked;

/** What a pool has to know of its language model. */
export interface LanguageFacts {
  readonly size: number;
  readonly start: number | undefined;
  /** The tokens by their ids. */
  readonly vocabulary: readonly (string | undefined)[] | undefined;
  readonly unknown: number | undefined;
  readonly assumptions: readonly string[];
}

/** What a pool has to know of its tagger. */
export interface TaggerFacts {
  /** The number of different tokens, 0 if rows of numbers go in. */
  readonly tokenCount: number;
  /** The number of different tokens, or of features. */
  readonly inputSize: number;
  readonly outputSize: number;
  readonly output: OutputKind;
  readonly classes: readonly string[] | undefined;
  readonly normalisation: Normalisation | undefined;
  readonly targetNormalisation: Normalisation | undefined;
  readonly vocabulary: readonly (string | undefined)[] | undefined;
  readonly unknown: number | undefined;
  /** The end of an error if the kind of input was a guess. */
  readonly hint: string;
  readonly assumptions: readonly string[];
}

export interface ReadyReply {
  readonly kind: "ready";
  /** What the pool has to know: `LanguageFacts` and the like, as the message that opened the model says. */
  readonly facts: object;
  /** Bytes of linear memory. */
  readonly memory: number;
  /** Whether the lock is held. */
  readonly isLocked: boolean;
}

/** The model cannot be served. */
export interface RefusedReply {
  readonly kind: "refused";
  readonly error: WireError;
}

/** What every answer says of the worker. */
export interface WorkerNews {
  /** Bytes of linear memory after it. */
  readonly memory: number;
  /** Milliseconds that the worker took for it. */
  readonly worked: number;
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

/** The tags of a message. */
export interface TagsReply {
  readonly kind: "tags";
  readonly id: number;
  /** The values of all sequences, row by row. */
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly classes: Int32Array<ArrayBuffer>;
  /** For each sequence its rows, or -1 for one that has an error and no rows. */
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly errors: readonly WireError[];
}

/** What is known of the graph of a pool, as a `Graph` has it. */
export interface PoolGraph {
  /** The graph's inputs, those fixed at opening left out. */
  readonly inputs: Readonly<Record<string, GraphPort>>;
  readonly outputs: Readonly<Record<string, GraphPort>>;
  /** The outputs that feed inputs of a stream's next push, by the inputs' names. */
  readonly states: StreamStates;
  readonly precision: Precision;
}

/** The outputs of a graph. */
export interface RunReply {
  readonly kind: "outputs";
  readonly id: number;
  readonly outputs: GraphOutputs;
}

/** What a push of many streams gives. */
export interface PushedReply {
  readonly kind: "pushed";
  readonly id: number;
  /** For each stream a log-probability or a row of values; empty for a graph. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** For each stream of a tagger its class. */
  readonly classes: Int32Array<ArrayBuffer> | undefined;
  /** For each stream of a graph its outputs. */
  readonly outputs: readonly GraphOutputs[] | undefined;
  /** What went wrong, by the place in the list. */
  readonly errors: readonly { readonly row: number; readonly error: WireError }[];
  /** The states that were asked for, one after the other: all of one size. Zeros for a stream with an error. */
  readonly states: Uint8Array<ArrayBuffer>;
}

/** The answer of a stream. */
export interface ValueReply {
  readonly kind: "value";
  readonly id: number;
  readonly value: Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | undefined;
}

/** A message of `score` or `run` that was aborted, or a message that failed as a whole. */
export interface FailedReply {
  readonly kind: "failed";
  readonly id: number;
  /** Undefined if it was aborted. */
  readonly error: WireError | undefined;
}

/** The answer to one message. */
export type Reply = ScoresReply | TagsReply | RunReply | PushedReply | ValueReply | FailedReply;

export type FromWorker = ReadyReply | RefusedReply | (Reply & WorkerNews);
