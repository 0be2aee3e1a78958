import { StateError } from "../errors.js";
import type { Batch } from "../sequence/batch.js";
import type { StackTape } from "../sequence/pass.js";
import type { StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { Tape } from "../sequence/tape.js";
import { checkInstance } from "../tensor.js";
import type { EngineCore } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";

/** A tape while its pass runs. */
export interface TapeInProgress extends StackTape {
  release(): void;
  /** The caller's handle, once the pass is done. */
  handle(): RecurrentTape;
}

/** The content of a `RecurrentTape`. */
export class LayerTape extends Tape implements TapeInProgress {
  /** Whether the input was a list of sequences. */
  readonly isList: boolean;

  constructor(stack: Stack, batch: Batch, { isList }: { isList: boolean }) {
    super(stack, batch);
    this.isList = isList;
  }

  handle(): RecurrentTape {
    return new RecurrentTape(this);
  }
}

/** The record of a forward pass for `backward`, in linear memory until `dispose`. It can be used several times. */
export class RecurrentTape extends Handle {
  /** Takes over the caller's ownership of `tape`. @internal */
  constructor(tape: LayerTape) {
    super("tape", tape);
  }
}

/** The content of a tape. @throws {TypeError | StateError} unless it is a live tape of this network */
export function tapeOf(
  where: string,
  tape: RecurrentTape,
  engine: EngineCore,
  shape: StackShape,
): LayerTape {
  checkInstance(where, "tape", RecurrentTape, "RecurrentTape", tape);
  const content = contentOf<LayerTape>(where, tape);
  const { stack } = content;
  if (stack.engine !== engine) throw new StateError(`${where}: tape: made by another engine`);
  if (stack.shape !== shape) throw new StateError(`${where}: tape: made by another layer`);
  return content;
}

/** Opens the tape of a pass. */
export const openTape = (stack: Stack, batch: Batch, form: { isList: boolean }): TapeInProgress =>
  new LayerTape(stack, batch, form);
