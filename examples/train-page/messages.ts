/** What the page asks of the worker. */
export type PageMessage =
  | {
      readonly kind: "start";
      readonly text: string;
      readonly settings: Settings;
      /** Goes on from here. */
      readonly checkpoint: Uint8Array | undefined;
    }
  | { readonly kind: "stop" };

export interface Settings {
  readonly steps: number;
  readonly hiddenSize: number;
  readonly rate: number;
  readonly seed: number;
}

/** What the worker says. */
export type WorkerMessage =
  | { readonly kind: "begin"; readonly tokens: number; readonly characters: number }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly tokens: number }
  | { readonly kind: "validation"; readonly step: number; readonly loss: number }
  | {
      readonly kind: "end";
      /** Whether all steps are done. */
      readonly isDone: boolean;
      readonly step: number;
      readonly checkpoint: Uint8Array;
      readonly model: Uint8Array;
      /** What the model writes. */
      readonly sample: string;
    }
  | { readonly kind: "error"; readonly message: string };
