import { StateError } from "../errors.js";
import { Layout } from "../sequence/layout.js";
import type { StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { type StackState, takeState } from "../sequence/state.js";
import { forwardStep, type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import { checkObject, checkShape, type Tensor } from "../tensor.js";
import type { Floats } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";

/** What a state holds, as tensors in PyTorch's order: h (layers·D, m, nh); for an LSTM c (layers·D, m, na). */
export interface StateTensors<D extends Float64Array | Float32Array> {
  h: Tensor<D>;
  c?: Tensor<D>;
}

/** A part of a state: its tensor's shape, and where it stands. */
interface Part {
  readonly name: "h" | "c";
  readonly shape: readonly number[];
  readonly pointer: number;
}

/** The parts that the state of a network has, for m sequences. */
export function statePartsOf({ cells, layers, na, nh }: StackShape, m: number) {
  const passes = layers * cells.length;
  const h = { name: "h", shape: [passes, m, nh] } as const;
  return cells[0]?.hasCellState ? [h, { name: "c", shape: [passes, m, na] } as const] : [h];
}

/** The live state of `m` sequences, in linear memory until `dispose`. Made by `createState`. */
export class RecurrentState<
  D extends Float64Array | Float32Array = Float64Array,
> extends Disposable {
  /** Sequences: the batch. */
  readonly m: number;
  /** @internal */
  readonly shape: StackShape;
  /** The output of `step`: one tensor, written anew by every step. @internal */
  readonly output: Tensor<D>;
  readonly #engine: Engine;
  /** The state's place, and that of what a step needs. */
  readonly #at: StackState;
  readonly #scratch: StepScratch;
  #block: Block | undefined;
  // Views for `step`, which makes none. Growth detaches them: they are renewed when the arena has grown.
  #growth = -1;
  #x: Floats | undefined;
  #h: Floats | undefined;

  /** @internal */
  constructor(engine: Engine, shape: StackShape, m: number) {
    super();
    const { dtype, nh } = shape;
    this.#engine = engine;
    this.shape = shape;
    this.m = m;
    const layout = new Layout(dtype);
    const { h, c } = takeState(layout, shape, m);
    const scratch = takeStepScratch(layout, shape, m);
    this.#block = engine.arena.allocate(layout.bytes);
    watch(this, this.#block);
    const { pointer } = this.#block;
    this.#at = { h: pointer + h, c: pointer + c };
    this.#scratch = stepScratchAt(pointer, scratch, { fed: false });
    // h and c stand before x.
    engine.arena.view(dtype.precision, pointer, scratch.x / dtype.item).fill(0);
    const data = dtype.precision === "f64" ? new Float64Array(m * nh) : new Float32Array(m * nh);
    this.output = { shape: [m, nh], data: data as unknown as D };
  }

  /** Copies of h (layers·D, m, nh) and, for an LSTM, c (layers·D, m, na). @throws {StateError} after `dispose` */
  read(): StateTensors<D> {
    const copies = this.#parts().map((part) => [
      part.name,
      { shape: part.shape, data: this.#view(part).slice() },
    ]);
    return Object.fromEntries(copies) as StateTensors<D>;
  }

  /** Sets h and, for an LSTM, c (a cell without memory ignores it); a part that is not given stays. @throws {ShapeError} unless shaped as `read` gives them */
  write(tensors: Partial<StateTensors<D>>): void {
    checkObject("write", "state", tensors);
    const numbers = this.shape.dtype.precision === "f64" ? Float64Array : Float32Array;
    const parts = this.#parts();
    for (const { name, shape } of parts) {
      const given = tensors[name];
      if (given !== undefined) checkPart("write", name, given, shape, " (from the state)", numbers);
    }
    for (const part of parts) {
      const given = tensors[part.name];
      if (given !== undefined) this.#view(part).set(given.data);
    }
  }

  /** Another state with the same content. */
  clone(): RecurrentState<D> {
    const { pointer } = this;
    const copy = new RecurrentState<D>(this.#engine, this.shape, this.m);
    // All that stands before x.
    this.#engine.arena.copy(pointer, copy.pointer, this.#scratch.x - pointer);
    return copy;
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#block === undefined) return;
    unwatch(this);
    this.#block.release();
    this.#block = undefined;
  }

  /** Where the state stands. @internal */
  pointers(): StackState {
    void this.pointer;
    return this.#at;
  }

  /** Start of the state's block. @internal */
  get pointer(): number {
    if (this.#block === undefined) throw new StateError("state: disposed");
    return this.#block.pointer;
  }

  /** One step in place; every sequence's next h is in `output`. @internal */
  advance(stack: Stack, x: D): void {
    const { m } = this;
    const { dtype, nx, nh } = this.shape;
    const { growth } = this.#engine.arena;
    if (this.#growth !== growth) {
      const { arena } = this.#engine;
      const top = (stack.layerDirections.length - 1) * m * nh * dtype.item;
      this.#x = arena.view(dtype.precision, this.#scratch.x, m * nx);
      this.#h = arena.view(dtype.precision, this.#at.h + top, m * nh);
      this.#growth = growth;
    }
    (this.#x as Floats).set(x);
    forwardStep(stack, m, this.#at, this.#scratch);
    this.output.data.set(this.#h as Floats);
  }

  #parts(): Part[] {
    void this.pointer;
    return statePartsOf(this.shape, this.m).map((part) => ({
      ...part,
      pointer: this.#at[part.name],
    }));
  }

  #view({ shape, pointer }: Part): Floats {
    const elements = shape.reduce((product, extent) => product * extent, 1);
    return this.#engine.arena.view(this.shape.dtype.precision, pointer, elements);
  }
}

/** Throws unless a tensor is that part of a state. */
export function checkPart(
  where: string,
  name: string,
  value: Tensor<Float64Array | Float32Array>,
  shape: readonly number[],
  origin: string,
  numbers: typeof Float64Array | typeof Float32Array,
): void {
  const letters = [shape[0] === 1 ? "1" : "layers·D", "m", "na"];
  checkShape(where, name, value, letters, shape, origin, numbers);
}
