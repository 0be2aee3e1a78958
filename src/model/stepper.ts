import { gateElements } from "../cells/cell.js";
import { Layout } from "../sequence/layout.js";
import { forwardStep, type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import type { Block } from "../wasm/arena.js";
import type { Network } from "./network.js";
import { States } from "./states.js";

/**
 * Live steps of single sequences through a network of tokens. Whatever a step needs beside the state of its stream is here
 * once, for all streams. Allocates nothing after it is made.
 */
export class Stepper {
  /** Bytes of a stream's state. */
  readonly stateBytes: number;
  readonly #network: Network;
  readonly #block: Block;
  readonly #states: States;
  readonly #scratch: readonly StepScratch[];
  readonly #turns: readonly [number, number];
  readonly #logits: number;
  readonly #token: number;
  readonly #result: number;
  // Views of the token and of the result. Growth detaches them: they are renewed when the arena has grown.
  #growth = -1;
  #tokenView: Int32Array | undefined;
  #resultView: Float64Array | undefined;

  constructor(network: Network) {
    this.#network = network;
    const { engine, dtype, dense } = network;
    const shapes = network.groups.map(({ stack }) => stack.shape);
    const state = new Layout(dtype);
    this.#states = new States(state, shapes, 1);
    this.stateBytes = state.bytes;
    const layout = new Layout(dtype);
    const scratch = shapes.map((shape) => takeStepScratch(layout, shape, 1));
    const turns = [layout.take(dense.widest), layout.take(dense.widest)] as const;
    const logits = layout.take(dense.outputSize, Float64Array.BYTES_PER_ELEMENT);
    const token = layout.take(1, Int32Array.BYTES_PER_ELEMENT);
    const result = layout.take(dense.outputSize, Float64Array.BYTES_PER_ELEMENT);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.#scratch = scratch.map((offsets, g) =>
      stepScratchAt(pointer, offsets, { fed: g === 0 && network.tables.length > 0 }),
    );
    this.#turns = [pointer + turns[0], pointer + turns[1]];
    this.#logits = pointer + logits;
    this.#token = pointer + token;
    this.#result = pointer + result;
  }

  /** Pointers to h and c of each stack in the state at `pointer`. */
  statesAt(pointer: number): { h: number; c: number }[] {
    this.#states.pointer = pointer;
    return this.#network.groups.map((_, g) => this.#states.at(g));
  }

  /** Takes a token in. */
  advance(pointer: number, token: number): void {
    const { groups, dtype, tables, embedding } = this.#network;
    const { kernels } = dtype;
    this.#setToken(token);
    this.#states.pointer = pointer;
    for (let g = 0; g < groups.length; g++) {
      const { stack } = groups[g] as (typeof groups)[number];
      const { nx, na } = stack.shape;
      const scratch = this.#scratch[g] as StepScratch;
      if (scratch.fed) {
        const { cell } = stack.layerDirections[0] as (typeof stack.layerDirections)[number];
        const n = cell.bias.length * na;
        const ldz = gateElements(cell, na);
        kernels.gather_rows(1, n, n, ldz, tables[0] as number, this.#token, scratch.gates);
      } else if (g === 0) {
        kernels.gather_rows(1, nx, nx, nx, embedding, this.#token, scratch.x);
      } else kernels.gather_rows(1, nx, nx, nx, this.#top(g - 1), 0, scratch.x);
      forwardStep(stack, 1, this.#states.at(g), scratch);
    }
  }

  /** The log-probability of a token that comes next. */
  logProb(pointer: number, token: number): number {
    const logits = this.#wideLogits(pointer);
    this.#setToken(token);
    const { outputSize } = this.#network.dense;
    this.#network.engine.kernels.score_rows(1, outputSize, logits, this.#token, this.#result);
    return (this.#resultView as Float64Array)[0] as number;
  }

  /** The log-probabilities of all tokens that may come next. */
  logProbs(pointer: number): Float64Array {
    const logits = this.#wideLogits(pointer);
    const { outputSize } = this.#network.dense;
    this.#network.engine.kernels.log_softmax_rows(1, outputSize, logits, this.#result);
    this.#renew();
    return (this.#resultView as Float64Array).slice();
  }

  release(): void {
    this.#block.release();
  }

  /** The highest layer's h of stack g. */
  #top(g: number): number {
    const { stack } = this.#network.groups[g] as Network["groups"][number];
    const { dtype, layers, nh } = stack.shape;
    return this.#states.at(g).h + (layers - 1) * nh * dtype.item;
  }

  /** The logits of what comes next, in f64. */
  #wideLogits(pointer: number): number {
    const { engine, dtype, groups, dense } = this.#network;
    this.#states.pointer = pointer;
    const logits = dense.apply(1, this.#top(groups.length - 1), this.#turns);
    if (dtype.precision === "f64") return logits;
    engine.kernels.promote(dense.outputSize, logits, this.#logits);
    return this.#logits;
  }

  #setToken(token: number): void {
    this.#renew();
    (this.#tokenView as Int32Array)[0] = token;
  }

  #renew(): void {
    const { arena } = this.#network.engine;
    if (this.#growth === arena.growth) return;
    this.#tokenView = arena.i32(this.#token, 1);
    this.#resultView = arena.f64(this.#result, this.#network.dense.outputSize);
    this.#growth = arena.growth;
  }
}
