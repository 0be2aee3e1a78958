import type { Batch } from "../sequence/batch.js";
import type { Layout } from "../sequence/layout.js";
import type { Seed } from "./random.js";
import type { CarriedStates } from "./states.js";

/** The sizes of a pass. */
export interface PassForm {
  /** Sequences. */
  readonly m: number;
  /** N, the rows of all steps. */
  readonly rows: number;
}

/** What the layers of one pass share. */
export interface PassContext {
  readonly batch: Batch;
  /** The token of every row, N, i32; unused by features. */
  readonly tokens: number;
  /** For each place in the batch the caller's index of the sequence, and the reverse, m, i32; 0 if both are the same. */
  readonly order: number;
  readonly places: number;
  /** For each row the row that a direction from the end reads in its place, N, i32. */
  readonly mirror: number;
  /** For each row the row of the h before it, N, i32; unused unless the batch is ragged. */
  readonly previous: number;
  /** Whether sequences start from `states`, which the pass before left. */
  readonly carry: boolean;
  /** Where `keepState` keeps the states at the end; undefined to keep none. */
  readonly states: CarriedStates | undefined;
  /** Dropout acts if it is given: its seed, and the number of the next mask's first random number. */
  readonly dropout: { readonly seed: Seed; next: number } | undefined;
}

/** The buffers of one layer in a pass: pointers. */
export interface LayerPass {
  /** Bytes of scratch memory, which the layers share. */
  readonly scratchBytes: number;
  /** Computes the output from x, (rows, inputs). Returns its pointer. */
  forward(context: PassContext, x: number): number;
  /**
   * Adds to the gradients of the parameters. Reads `x` and `dy`, the gradient of the output, which it may overwrite.
   *
   * @param scratch memory of `scratchBytes`
   * @returns the gradient of x
   */
  backward(context: PassContext, x: number, dy: number, scratch: number): number;
  /** Keeps the states at the end of the pass for the next one. */
  keepState?(context: PassContext): void;
}

/** One layer of a network that is trained. */
export interface Layer {
  /** The number of columns of its output. */
  readonly outputs: number;
  /** Lays out a pass. */
  plan(layout: Layout, form: PassForm): LayerPass;
  /** Packs the parameters anew, after they were changed. */
  pack?(): void;
  release?(): void;
}

/** Passes one after the other, as one. */
export function joined(passes: readonly LayerPass[]): LayerPass {
  const inputs: number[] = [];
  return {
    scratchBytes: passes.reduce((most, { scratchBytes }) => Math.max(most, scratchBytes), 0),
    forward(context, x) {
      let at = x;
      passes.forEach((pass, i) => {
        inputs[i] = at;
        at = pass.forward(context, at);
      });
      return at;
    },
    backward(context, _, dy, scratch) {
      let at = dy;
      for (let i = passes.length - 1; i >= 0; i--) {
        at = (passes[i] as LayerPass).backward(context, inputs[i] as number, at, scratch);
      }
      return at;
    },
    keepState(context) {
      for (const pass of passes) pass.keepState?.(context);
    },
  };
}
