import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import { type ForwardBuffers, planForward } from "./run.js";
import type { Stack } from "./shape.js";

/** What a forward pass leaves in linear memory for the backward pass. */
export class Tape extends Shared {
  readonly stack: Stack;
  readonly batch: Batch;
  readonly buffers: ForwardBuffers;
  readonly #block: Block;

  constructor(engine: Engine, stack: Stack, batch: Batch) {
    super();
    const { bytes } = planForward(stack, batch, "rows", true, 0);
    this.#block = engine.arena.allocate(bytes);
    this.buffers = planForward(stack, batch, "rows", true, this.#block.pointer).buffers;
    this.stack = stack.retain();
    this.batch = batch;
  }

  protected free(): void {
    this.#block.release();
    this.stack.release();
  }
}
