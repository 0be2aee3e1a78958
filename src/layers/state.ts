import { StateError } from "../errors.js";
import { Layout } from "../sequence/layout.js";
import { hasCellState, layerDirectionCount, type StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { type StackState, takeState } from "../sequence/state.js";
import { forwardStep, type StepScratch, stepScratchAt, takeStepScratch } from "../sequence/step.js";
import { checkInstance, checkShape, type Tensor } from "../tensor.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { KeptView } from "../wasm/kept_view.js";
import { checkParts, isCube, numbersOf } from "./operands.js";

/** A state as tensors, in PyTorch's order: h (layers·D, m, nh); for an LSTM c (layers·D, m, na). */
export interface StateTensors<D extends Float64Array | Float32Array> {
  h: Tensor<D>;
  c?: Tensor<D>;
}

/** The tensors of the state of m sequences: h and, for a cell with a cell state, c. */
export function statePartsOf(shape: StackShape, m: number) {
  const count = layerDirectionCount(shape);
  const h = { name: "h", shape: [count, m, shape.nh] } as const;
  return hasCellState(shape) ? [h, { name: "c", shape: [count, m, shape.na] } as const] : [h];
}

/** The content of a `RecurrentState`: the state of `m` sequences, and the buffers of a step. */
class StateContent<D extends Float64Array | Float32Array> extends Shared {
  readonly engine: EngineCore;
  readonly shape: StackShape;
  readonly m: number;
  readonly at: StackState;
  readonly #block: Block;
  readonly #scratch: StepScratch;
  readonly #views = {
    h: new KeptView(),
    c: new KeptView(),
    x: new KeptView(),
    top: new KeptView(),
  };
  /** The tensor that `step` returns. */
  #output: Tensor<D> | undefined;

  constructor(engine: EngineCore, shape: StackShape, m: number) {
    super();
    this.engine = engine;
    this.shape = shape;
    this.m = m;
    const layout = new Layout(shape.dtype);
    const { h, c } = takeState(layout, shape, m);
    const stateBytes = layout.bytes;
    const scratch = takeStepScratch(layout, shape, m);
    this.#block = engine.arena.allocate(layout.bytes);
    const { pointer } = this.#block;
    this.at = { h: pointer + h, c: pointer + c };
    this.#scratch = stepScratchAt(pointer, scratch, { fed: false });
    const { precision, item } = shape.dtype;
    engine.arena.view(precision, pointer, stateBytes / item).fill(0);
  }

  read(): StateTensors<D> {
    const copies = statePartsOf(this.shape, this.m).map(({ name, shape }) => [
      name,
      { shape, data: this.#view(name).slice() },
    ]);
    return Object.fromEntries(copies) as StateTensors<D>;
  }

  write(tensors: Partial<StateTensors<D>>): void {
    const where = "write";
    checkParts(where, "state", tensors);
    const { h, c } = tensors;
    const given = hasCellState(this.shape) ? c : undefined;
    if (h !== undefined) this.#check("h", h);
    if (given !== undefined) this.#check("c", given);
    if (h !== undefined) this.#view("h").set(h.data);
    if (given !== undefined) this.#view("c").set(given.data);
  }

  clone(): StateContent<D> {
    const copy = new StateContent<D>(this.engine, this.shape, this.m);
    // h and c precede the buffers of a step.
    this.engine.arena.copy(this.at.h, copy.at.h, this.#scratch.x - this.at.h);
    return copy;
  }

  /** Advances the state by one step. */
  step(stack: Stack, x: D): Tensor<D> {
    const { m, at } = this;
    const { dtype, layers, nx, nh } = this.shape;
    const { arena } = this.engine;
    const scratch = this.#scratch;
    this.#views.x.at(arena, dtype.precision, scratch.x, m * nx).set(x);
    forwardStep(stack, m, at, scratch);
    this.#output ??= { shape: [m, nh], data: new (numbersOf(this.shape))(m * nh) as D };
    const top = at.h + (layers - 1) * m * nh * dtype.item;
    this.#output.data.set(this.#views.top.at(arena, dtype.precision, top, m * nh));
    return this.#output;
  }

  protected free(): void {
    this.#block.release();
  }

  #view(name: "h" | "c") {
    const { na, nh, dtype } = this.shape;
    const n = layerDirectionCount(this.shape) * this.m * (name === "h" ? nh : na);
    return this.#views[name].at(this.engine.arena, dtype.precision, this.at[name], n);
  }

  #check(name: "h" | "c", given: Tensor<D>): void {
    const { shape, m } = this;
    const n = name === "h" ? shape.nh : shape.na;
    const count = layerDirectionCount(shape);
    if (isCube(given, numbersOf(shape), m, n) && given.shape[0] === count) return;
    checkPart("write", name, given, shape, { m, origin: " (from the state)" });
  }
}

/** The live state of `m` sequences, in linear memory until `dispose`. `createState` makes it. */
export class RecurrentState<D extends Float64Array | Float32Array = Float64Array> extends Handle {
  /** The number of sequences. */
  readonly m: number;

  /** @internal */
  constructor(content: StateContent<D>) {
    super("state", content);
    this.m = content.m;
  }

  /** Copies h (layers·D, m, nh) and, for an LSTM, c (layers·D, m, na). @throws {StateError} after `dispose` */
  read(): StateTensors<D> {
    return contentOf<StateContent<D>>("read", this).read();
  }

  /**
   * Sets h and, for an LSTM, c; other cells ignore c. An absent part keeps its numbers.
   *
   * @throws {TypeError | ShapeError} for a part that is not shaped as in the result of `read`; nothing is changed then
   */
  write(tensors: Partial<StateTensors<D>>): void {
    contentOf<StateContent<D>>("write", this).write(tensors);
  }

  /** Makes another state with the same content. */
  clone(): RecurrentState<D> {
    return new RecurrentState(contentOf<StateContent<D>>("clone", this).clone());
  }
}

/** Makes a state of zeros. */
export const createState = <D extends Float64Array | Float32Array>(
  engine: EngineCore,
  shape: StackShape,
  m: number,
): RecurrentState<D> => new RecurrentState(new StateContent<D>(engine, shape, m));

/** The content of a state. @throws {TypeError | StateError} unless it is a live state of this network */
export function stateOf<D extends Float64Array | Float32Array>(
  where: string,
  state: RecurrentState<D>,
  shape: StackShape,
): StateContent<D> {
  if (!(state instanceof RecurrentState)) {
    checkInstance(where, "state", RecurrentState, "RecurrentState", state);
  }
  const content = contentOf<StateContent<D>>(where, state);
  if (content.shape !== shape) throw new StateError(`${where}: state: made by another layer`);
  return content;
}

/** Checks a part of the state of m sequences; its name ends in h or c. */
export function checkPart(
  where: string,
  name: string,
  value: Tensor<Float64Array | Float32Array>,
  shape: StackShape,
  { m, origin }: { readonly m: number; readonly origin: string },
): void {
  const count = layerDirectionCount(shape);
  const letters = [count === 1 ? "1" : "layers·D", "m", "na"];
  const sizes = [count, m, name.endsWith("h") ? shape.nh : shape.na];
  checkShape(where, name, value, letters, sizes, origin, numbersOf(shape));
}
