import { type Block, Shared } from "../wasm/arena.js";
import type { Batch } from "./batch.js";
import { type ForwardBuffers, moveTo } from "./forward_plan.js";
import type { StackTape } from "./pass.js";
import type { Stack } from "./stack.js";

/** The record of a forward pass in linear memory, for the backward pass. */
export class Tape extends Shared implements StackTape {
  readonly stack: Stack;
  readonly batch: Batch;
  readonly buffers: ForwardBuffers;
  readonly #block: Block;

  constructor(stack: Stack, batch: Batch) {
    super();
    this.buffers = stack.plan(batch, "rows", true);
    this.#block = stack.engine.arena.allocate(this.buffers.bytes);
    moveTo(this.#block.pointer, this.buffers);
    this.stack = stack.retain();
    this.batch = batch;
  }

  protected free(): void {
    this.#block.release();
    this.stack.giveBack(this.buffers);
    this.stack.release();
  }
}
