import type { Score } from "recurra";
import type { Generated, GeneratedToken } from "recurra/generate";
import type { GenerationOptions } from "./generation_protocol.js";
import type { WorkSignal } from "./work_signal.js";

/** A tensor in C order. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** An input or output of a model, in the names of the Open Inference Protocol. */
export interface TensorInfo {
  readonly name: string;
  readonly datatype: "FP64" | "FP32" | "INT64" | "INT32" | "UINT8" | "BOOL" | "BYTES";
  /** -1 stands for an extent that is open. */
  readonly shape: readonly number[];
}

export type ModelKind = "language" | "tagger" | "graph";

/** What is known of a loaded model. */
export interface ModelInfo {
  readonly kind: ModelKind;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly precision: "f64" | "f32";
  /** What the file does not say and was assumed, a sentence each. */
  readonly assumptions: readonly string[];
  /** The tokens by their ids, if the model has a vocabulary. */
  readonly vocabulary: readonly (string | undefined)[] | undefined;
  /** The number of tokens of a language model. */
  readonly tokens: number | undefined;
  /** The names of a tagger's classes. */
  readonly labels?: readonly string[] | undefined;
}

/** What a model does at the moment. */
export interface BackendStats {
  readonly workers: number;
  readonly ready: number;
  readonly streams: number;
  readonly waiting: number;
  readonly running: number;
  readonly finished: number;
  readonly restarts: number;
}

/** Options of one call. */
export interface CallOptions {
  readonly signal?: WorkSignal | undefined;
}

/** One step of a stream: a token (its id or text), the numbers of a row, or the inputs of a graph by name. */
export type Step =
  | number
  | string
  | Float32Array
  | Float64Array
  | Readonly<Record<string, HostTensor>>;

/** Steps as a client gives them: one of the fields, by the kind of the model. */
export interface StepsGiven {
  readonly text?: string | undefined;
  readonly tokens?: readonly (number | string)[] | undefined;
  /** Rows of numbers. */
  readonly rows?: readonly (readonly number[])[] | undefined;
  /** For each step the inputs of a graph, each a list of numbers. */
  readonly inputs?: readonly Readonly<Record<string, readonly number[]>>[] | undefined;
}

/** The answer to one step: a log-probability, the values of a row, or the outputs of a graph by name. */
export type StepResult = number | Float64Array | Readonly<Record<string, HostTensor>>;

/** A live stream at one worker. */
export interface BackendStream {
  /** Settles when the stream has taken the state that it was opened in. */
  readonly opened: Promise<void>;
  /** Log-probabilities of the next token, by id. @throws a `Problem` `not-supported` for a model without them */
  next(): Promise<Float64Array>;
  fork(): BackendStream;
  /** The state as bytes. */
  state(): Promise<Uint8Array>;
  close(): void;
}

/** One push of a stream: steps that it reads in order. */
export interface Push {
  readonly stream: BackendStream;
  readonly steps: readonly Step[];
}

/** The answers to a push, or the reason why it failed. `state` is there if it was asked for. */
export type PushResult =
  | { readonly results: readonly StepResult[]; readonly state: Uint8Array | undefined }
  | Error;

/** The workers of one loaded model. */
export interface Backend {
  readonly info: ModelInfo;
  /** Scores texts or lists of ids. An error takes the place of a sequence's result. Language models only. */
  score(
    sequences: readonly (string | readonly number[])[],
    options: CallOptions,
  ): Promise<(Score | Error)[]>;
  /** Tags texts, lists of ids, or tensors (T, nx). Taggers only. */
  tag(
    sequences: readonly (string | readonly number[] | HostTensor)[],
    options: CallOptions,
  ): Promise<(TagResult | Error)[]>;
  /** Runs a graph once. Graphs only. */
  run(
    inputs: Readonly<Record<string, HostTensor>>,
    options: CallOptions,
  ): Promise<Readonly<Record<string, HostTensor>>>;
  /** Continues a text, token by token. Only there for models that do. */
  readonly generate?:
    | ((
        options: GenerationOptions,
        signal: WorkSignal,
      ) => AsyncGenerator<GeneratedToken, Generated, void>)
    | undefined;
  /** Checks what a stream is to read, before anything is sent. @throws a `Problem`: nothing is read then */
  readSteps(given: StepsGiven): readonly Step[];
  /** Checks the inputs of one step of a graph. Graphs only. @throws a `Problem` */
  checkInputs?(inputs: Readonly<Record<string, HostTensor>>): void;
  /** Step i of a frame, checked. @throws a `Problem` */
  readStep(
    frame: { readonly width: number; readonly data: Int32Array | Float32Array },
    i: number,
  ): readonly Step[];
  /** Opens a stream, at the beginning or in a state. */
  openStream(from?: Uint8Array): BackendStream;
  /** Pushes many streams: one message for each worker. Each stream occurs once. */
  pushAll(pushes: readonly Push[], options: { readonly states: boolean }): Promise<PushResult[]>;
  stats(): BackendStats;
  /** Ends the workers: after the open calls, or at once. */
  close(options: { readonly drain: boolean }): Promise<void>;
}

/** The answer of a tagger to one sequence. */
export interface TagResult {
  /** (T, ny), row by row. */
  readonly values: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
  readonly classes: ArrayLike<number>;
  readonly labels?: readonly string[] | undefined;
}
