import type { GraphInputs, GraphOutputs } from "../graph/graph.js";
import type { AbortSignalLike } from "../host.js";
import type { PushedInputs, RunReply, ScoreMessage, ScoresReply, TagsReply } from "./protocol.js";

/** A live stream of any kind. */
export interface ServedStream {
  readonly state: { toBytes(): Uint8Array<ArrayBuffer>; fromBytes(bytes: Uint8Array): void };
  reset(): void;
  fork(): ServedStream;
  dispose(): void;
}

/** Where a push of many streams puts what it gives: a row for each stream. */
export interface PushTarget {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly classes: Int32Array<ArrayBuffer> | undefined;
  readonly outputs: GraphOutputs[] | undefined;
  /** Says that a row has an error, and that its stream did not move. */
  fail(row: number, error: unknown): void;
}

/** A model as a worker serves it. */
export interface Served<S extends ServedStream = ServedStream> {
  /** What the pool has to know. */
  readonly facts: object;
  /** Numbers that a push gives for each stream. */
  readonly width: number;
  readonly givesClasses: boolean;
  readonly givesOutputs: boolean;
  newStream(): S;
  /** Pushes to each of different streams the input of its row, and puts the results in that row. If it throws, none has moved. */
  push(streams: readonly S[], inputs: PushedInputs, rows: Int32Array, into: PushTarget): void;
  /** Only a language model has it. */
  next?(stream: S): Float64Array<ArrayBuffer>;
  /** Scores or tags sequences, each of which may have an error. Pauses from time to time. */
  work?(message: ScoreMessage, signal: AbortSignalLike): Promise<ScoresReply | TagsReply>;
  run?(id: number, inputs: GraphInputs): RunReply;
}
