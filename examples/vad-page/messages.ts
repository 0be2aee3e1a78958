import type { Segment } from "../vad/voice_activity.js";

/** What the worklet is made with. */
export interface WorkletOptions {
  /** The bytes of the model. */
  readonly model: Uint8Array;
  readonly options: VoiceOptions;
  /** Chunks after which the stream ends; absent for a microphone, which ends when it is told so. */
  readonly chunks?: number | undefined;
}

/** Options of `createVoiceActivity` that the page offers. */
export interface VoiceOptions {
  readonly start: number;
  readonly end: number;
  readonly minimumSilence: number;
  readonly minimumSpeech: number;
}

/** What the worklet says. */
export type WorkletMessage =
  | {
      readonly kind: "chunk";
      readonly samples: Float32Array<ArrayBuffer>;
      readonly probability: number;
      /** Seconds at which the speech began that goes on. */
      readonly since: number | undefined;
    }
  | { readonly kind: "segment"; readonly segment: Segment }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly message: string };

/** What the page says to the worklet: the microphone was switched off. */
export type PageMessage = "finish";
