import type { ModelDescription } from "recurra";
import type { Generated, GeneratedToken } from "recurra/generate";

// What the server and its generation worker say to each other. Everything here can be cloned by `postMessage`.

/** What is generated: options of `generate` that can be sent. */
export interface GenerationOptions {
  readonly prompt?: string | readonly number[] | undefined;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly seed?: number | undefined;
}

/** The model, given to the worker when it is started. */
export interface GenerationModel {
  readonly description: ModelDescription;
  readonly precision: "f64" | "f32" | undefined;
  readonly unknown: string | number | undefined;
}

export type ToGeneration =
  | { readonly kind: "generate"; readonly id: number; readonly options: GenerationOptions }
  | { readonly kind: "cancel"; readonly id: number };

export type FromGeneration =
  | { readonly kind: "tokens"; readonly id: number; readonly tokens: readonly GeneratedToken[] }
  | { readonly kind: "end"; readonly id: number; readonly generated: Generated }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly name: string;
      readonly message: string;
    };
