import type { HostTensor } from "./backend.js";

// What the server and a worker that serves a graph say to each other. Everything can be cloned by `postMessage`.

/** The model, given to the worker when it is started. */
export type ThreadModel = {
  readonly kind: "graph";
  readonly bytes: Uint8Array;
  readonly precision: "f64" | "f32" | undefined;
  /** Values that are fixed, and shapes. */
  readonly inputs: Readonly<Record<string, number | readonly number[]>> | undefined;
  /** The output that feeds an input of the next step, by the input's name; found by their names if absent. */
  readonly states: Readonly<Record<string, string>> | undefined;
};

/** An input or output of a graph: -1 stands for an extent that is open. */
export interface PortFacts {
  readonly name: string;
  readonly type: "float" | "int64" | "bool";
  readonly shape: readonly number[];
}

/** What the server has to know of the model. */
export interface ThreadFacts {
  readonly assumptions: readonly string[];
  readonly precision: "f64" | "f32";
  /** Of a graph: inputs without those that are fixed, outputs, and which output feeds which input. */
  readonly inputs?: readonly PortFacts[];
  readonly outputs?: readonly PortFacts[];
  readonly states?: Readonly<Record<string, string>>;
}

export type Tensors = Readonly<Record<string, HostTensor>>;

/** A step as it is sent: a token's id, a row, or the inputs of a graph. */
export type SentStep = number | Float64Array | Tensors;

/** What a worker is asked. */
export type Request =
  | { readonly name: "run"; readonly inputs: Tensors }
  | { readonly name: "open"; readonly stream: number; readonly from: Uint8Array | undefined }
  | { readonly name: "fork"; readonly stream: number; readonly to: number }
  | { readonly name: "state" | "close"; readonly stream: number }
  | {
      readonly name: "push";
      readonly streams: readonly number[];
      readonly steps: readonly (readonly SentStep[])[];
      readonly wantsStates: boolean;
    };

/** An error as plain data. */
export interface SentError {
  readonly error: { readonly name: string; readonly message: string };
}

/** What a stream says to its steps. */
export type SentPush =
  | {
      readonly results: readonly (Float64Array | Tensors)[];
      readonly state: Uint8Array | undefined;
    }
  | SentError;

/** The answer to each request by its name. */
export interface Answers {
  run: Tensors;
  open: undefined;
  fork: undefined;
  close: undefined;
  state: Uint8Array;
  push: SentPush[];
}

export type ToThread =
  | { readonly id: number; readonly request: Request }
  | { readonly cancel: number };
export type FromThread =
  | { readonly facts: ThreadFacts }
  | { readonly refused: string }
  | { readonly id: number; readonly answer: unknown }
  | ({ readonly id: number } & SentError);
