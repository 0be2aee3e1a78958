import { type Block, Shared } from "../wasm/arena.js";
import type { Batch } from "./batch.js";
import { type ForwardBuffers, planForward } from "./plan.js";
import type { Stack, StackTape } from "./stack.js";

/** What a forward pass leaves in linear memory for the backward pass. */
export class Tape extends Shared implements StackTape {
  readonly stack: Stack;
  readonly batch: Batch;
  readonly buffers: ForwardBuffers;
  readonly #block: Block;

  constructor(stack: Stack, batch: Batch) {
    super();
    const form = { batch, feed: "rows", keep: true } as const;
    const { bytes } = planForward(stack, form, 0);
    this.#block = stack.engine.arena.allocate(bytes);
    this.buffers = planForward(stack, form, this.#block.pointer).buffers;
    this.stack = stack.retain();
    this.batch = batch;
  }

  protected free(): void {
    this.#block.release();
    this.stack.release();
  }
}
