import type { Batch } from "../../sequence/batch.js";
import type { StepRange } from "../../sequence/direction.js";
import type { Layout } from "../../sequence/layout.js";
import type { Seed } from "../random.js";
import type { CarriedStates } from "../states.js";

/** Some rows of a segment: `base` counts from its first row. */
export interface RowRange {
  readonly base: number;
  readonly rows: number;
}

/**
 * Steps that a backward pass takes at once. Gradients of weights are sums over chunks, from the last one to the first: chunks
 * begin at steps that m alone decides, so that the sums are the same however a batch is cut into segments.
 */
export interface Chunk extends StepRange, RowRange {}

/** Steps whose buffers are in memory together: the whole batch, or a part of it if earlier steps are computed again. */
export interface Segment extends StepRange {
  readonly index: number;
  /** Its first row in the batch. */
  readonly base: number;
  readonly rows: number;
  /** From the first to the last. */
  readonly chunks: readonly Chunk[];
}

/** The sizes of a pass. */
export interface PassForm {
  /** Sequences. */
  readonly m: number;
  /** N, the rows of all steps. */
  readonly total: number;
  /** Rows of the largest segment, and of the largest chunk. */
  readonly rows: number;
  readonly chunkRows: number;
  readonly segments: number;
  /** Reserves random numbers of the pass; returns the first one's place. */
  draw(count: number): number;
}

/** What the layers of one pass share. */
export interface PassContext {
  readonly batch: Batch;
  /** The segment at hand. */
  segment: Segment;
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
  /** Dropout acts if it is given: its seed, and the number of the pass's first random number. */
  readonly dropout: { readonly seed: Seed; readonly first: number } | undefined;
}

/** The buffers of one layer in a pass: pointers. Rows are those of the segment at hand. */
export interface LayerPass {
  /** Bytes of scratch memory, which the layers share. */
  readonly scratchBytes: number;
  /** Prepares a pass, before its first segment. */
  begin?(context: PassContext): void;
  /** Computes the output from x, (rows, inputs). Returns its pointer. */
  forward(context: PassContext, x: number): number;
  /**
   * Adds to the gradients of the parameters. Reads `x` and `dy`, the gradient of the output, which it may overwrite. Segments
   * come from the last to the first.
   *
   * @param scratch memory of `scratchBytes`
   * @returns the gradient of x; 0 if nothing below needs it
   */
  backward(context: PassContext, x: number, dy: number, scratch: number): number;
  /** Adds the gradients that are complete after the backward pass of all segments. */
  end?(context: PassContext, scratch: number): void;
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
