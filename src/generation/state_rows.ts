import { type ForwardStep, gateElements, inputProducts } from "../cells/cell.js";
import { type DenseScratch, denseScratchAt } from "../model/dense_layers.js";
import type { LanguageNetwork } from "../model/language_network.js";
import type { NetworkStack } from "../model/network.js";
import { Layout } from "../sequence/layout.js";
import { hasCellState } from "../sequence/shape.js";
import type { StackState } from "../sequence/state.js";
import { type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import type { Weights } from "../sequence/weights.js";
import { type Block, Shared } from "../wasm/arena.js";

/** Sees layer l of stack s right after its step: `gates`, h and c in linear memory. */
export type VisitLayer = (s: number, l: number, at: Readonly<ForwardStep>) => void;

/**
 * The states of several live sequences of one model, which read a token each in one pass. The first m rows are in use; a
 * state stays in its row, so that rows come and go without moving others. A step allocates nothing, and the bits of a row
 * depend on nothing but the row.
 */
export class StateRows extends Shared {
  readonly capacity: number;
  /** The token that each row reads next: (capacity) i32. */
  readonly tokens: number;
  readonly #language: LanguageNetwork;
  readonly #block: Block;
  /** Of each stack: h (layers, capacity, nh), and c (layers, capacity, na). */
  readonly #states: readonly StackState[];
  /** The output of the highest stack, (capacity, hiddenSize), if it is not h. */
  readonly #output: number;
  readonly #scratch: readonly StepScratch[];
  readonly #dense: DenseScratch;

  constructor(language: LanguageNetwork, capacity: number) {
    super();
    const { engine, dtype, dense, stacks, tables } = language.network;
    this.capacity = capacity;
    this.#language = language;
    const layout = new Layout(dtype);
    const states = language.network.takeStates(layout, capacity);
    const output = language.network.takeOutput(layout, capacity);
    const scratch = stacks.map(({ stack }) => takeStepScratch(layout, stack.shape, capacity));
    const outputs = dense.takeScratch(layout, capacity);
    const tokens = layout.take(capacity, Int32Array.BYTES_PER_ELEMENT);
    this.#block = engine.arena.allocate(layout.bytes);
    language.retain();
    const { pointer } = this.#block;
    this.tokens = pointer + tokens;
    this.#states = states.map(({ h, c }) => ({ h: pointer + h, c: pointer + c }));
    this.#output = pointer + output;
    this.#scratch = scratch.map((offsets, s) =>
      stepScratchAt(pointer, offsets, { fed: s === 0 && tables.length > 0 }),
    );
    this.#dense = denseScratchAt(pointer, outputs);
  }

  /** Copies the state of a stream, as `LanguageNetwork` has it, into a row. */
  load(row: number, from: number): void {
    this.#language.network.stacks.forEach((each, s) => {
      this.#copy(each, [this.#language.stateAt(from, s), 1, 0], [this.#at(s), this.capacity, row]);
    });
    this.#copyOutput(this.#language.step.top(1, from), this.#outputOf(row));
  }

  /** Copies a row into the state of a stream. */
  save(row: number, to: number): void {
    this.#language.network.stacks.forEach((each, s) => {
      this.#copy(each, [this.#at(s), this.capacity, row], [this.#language.stateAt(to, s), 1, 0]);
    });
    this.#copyOutput(this.#outputOf(row), this.#language.step.top(1, to));
  }

  /** Copies row `source` of rows of the same model into row `target`. */
  take(from: StateRows, source: number, target: number): void {
    this.#language.network.stacks.forEach((each, s) => {
      this.#copy(each, [from.#at(s), from.capacity, source], [this.#at(s), this.capacity, target]);
    });
    this.#copyOutput(from.#outputOf(source), this.#outputOf(target));
  }

  /** Lets the first m rows read their tokens. @param visit is called after each layer of each stack */
  advance(m: number, visit?: VisitLayer): void {
    const { stacks, dtype, tables, rows } = this.#language.network;
    const { gather_rows } = dtype.kernels;
    for (let s = 0; s < stacks.length; s++) {
      const { stack } = stacks[s] as NetworkStack;
      const { nx, na } = stack.shape;
      const { fed, gates, x } = this.#scratch[s] as StepScratch;
      if (fed) {
        const { cell } = stack.layerDirections[0] as Weights;
        const n = cell.bias.length * na;
        const ldz = gateElements(cell, na);
        gather_rows(m, n, n, ldz, tables[0] as number, this.tokens, gates);
      } else if (s === 0) {
        gather_rows(m, nx, nx, nx, (rows as Block).pointer, this.tokens, x);
      }
      this.#step(m, s, visit);
    }
  }

  /** The logits of the first m rows: a pointer to (m, ny), f64. */
  logits(m: number): number {
    const { dense, stacks } = this.#language.network;
    const { addNorm } = stacks.at(-1) as NetworkStack;
    const top = addNorm === undefined ? this.#hidden(stacks.length - 1) : this.#output;
    return dense.apply(m, top, this.#dense);
  }

  protected free(): void {
    this.#block.release();
    this.#language.release();
  }

  /** One step of the first m rows through stack s, layer by layer. */
  #step(m: number, s: number, visit?: VisitLayer): void {
    const { stacks } = this.#language.network;
    const { stack, addNorm } = stacks[s] as NetworkStack;
    const { layerDirections } = stack;
    const { h, c } = this.#at(s);
    const { x, gates, u, fed, at } = this.#scratch[s] as StepScratch;
    // An output that is not h stands where the next stack reads it.
    const from = s === 0 || stacks[s - 1]?.addNorm !== undefined ? x : this.#hidden(s - 1);
    let input = from;
    for (let l = 0; l < layerDirections.length; l++) {
      const weights = layerDirections[l] as Weights;
      const { cell, na, nh, dtype } = weights;
      at.h = h + l * this.capacity * nh * dtype.item;
      at.c = c + l * this.capacity * na * dtype.item;
      at.hPrev = at.h;
      at.cPrev = at.c;
      at.gates = gates;
      at.u = u;
      if (l > 0 || !fed) inputProducts(cell, weights, m, input, gates, gateElements(cell, na));
      cell.forward(weights, m, at);
      visit?.(s, l, at);
      input = at.h;
    }
    addNorm?.apply(m, from, input, this.#scratch[s + 1]?.x ?? this.#output);
  }

  #at(s: number): StackState {
    return this.#states[s] as StackState;
  }

  /** h of the highest layer of stack s, row after row. */
  #hidden(s: number): number {
    const { dtype, layers, nh } = (this.#language.network.stacks[s] as NetworkStack).stack.shape;
    return this.#at(s).h + (layers - 1) * this.capacity * nh * dtype.item;
  }

  /** The output of the highest stack in a row, if it is not h. */
  #outputOf(row: number): number {
    const { dtype, hiddenSize } = this.#language.network;
    return this.#output + row * hiddenSize * dtype.item;
  }

  /** Copies the output of the highest stack, if it is not h. */
  #copyOutput(from: number, to: number): void {
    const { dtype, hiddenSize: n, stacks } = this.#language.network;
    if (stacks.at(-1)?.addNorm === undefined) return;
    dtype.kernels.gather_rows(1, n, n, n, from, 0, to);
  }

  /** Copies one row of a stack's states to another: each side is a state, its capacity and the row. */
  #copy(
    { stack: { shape } }: NetworkStack,
    [from, many, source]: readonly [StackState, number, number],
    [to, most, target]: readonly [StackState, number, number],
  ): void {
    const { dtype, layers, na, nh } = shape;
    const { item, kernels } = dtype;
    const [h, c] = [nh * item, na * item];
    const { gather_rows } = kernels;
    gather_rows(layers, nh, many * nh, most * nh, from.h + source * h, 0, to.h + target * h);
    if (!hasCellState(shape)) return;
    gather_rows(layers, na, many * na, most * na, from.c + source * c, 0, to.c + target * c);
  }
}
