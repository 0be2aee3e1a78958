import { StateError } from "../errors.js";
import type { StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { checkInstance, checkObject, checkShape, type Numbers, type Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { checkEngine, type Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";
import { type BackwardResult, backward, type ListBackwardResult } from "./backward.js";
import {
  type ForwardOptions,
  type ForwardResult,
  forwardList,
  forwardTensor,
  type ListForwardResult,
} from "./forward.js";
import type { RecurrentOptions } from "./options.js";
import { shapeOf } from "./shape.js";
import { RecurrentState, type StateTensors } from "./state.js";
import { RecurrentTape } from "./tape.js";
import { type LayerWeights, packStack } from "./weights.js";

type Data<P extends Precision> = P extends "f32" ? Float32Array : Float64Array;

/**
 * A recurrent network: layers on top of each other, of one or two directions, whose weights are packed once.
 * Time-major: no tensor is turned on its way. Made by {@link createRecurrent}.
 */
export class Recurrent<D extends Float64Array | Float32Array = Float64Array> extends Disposable {
  /** What it was made with. */
  readonly options: RecurrentOptions;
  readonly #engine: Engine;
  readonly #shape: StackShape;
  readonly #numbers: Numbers;
  #stack: Stack | undefined;
  #disposed = false;

  /** @internal */
  constructor(engine: Engine, shape: StackShape, options: RecurrentOptions) {
    super();
    this.options = options;
    this.#engine = engine;
    this.#shape = shape;
    this.#numbers = shape.dtype.precision === "f64" ? Float64Array : Float32Array;
  }

  /**
   * Loads and packs the weights, in place of earlier ones; states stay valid.
   *
   * @param weights PyTorch's names, shapes and gate order, as `nn.RNN`, `nn.LSTM` and `nn.GRU` have them
   * @throws {TypeError | ShapeError} for a weight that is missing or of the wrong kind or size: nothing is changed then
   */
  load(weights: LayerWeights): void {
    this.#open("load");
    const stack = packStack(this.#engine, this.#shape, weights);
    this.#release();
    this.#stack = stack;
    watch(this, this.#stack);
  }

  /** A state of zeros for `m` sequences. */
  createState(m: number): RecurrentState<D> {
    this.#open("createState");
    if (!Number.isSafeInteger(m) || m < 0) {
      throw new TypeError(`createState: m: expected an integer ≥ 0, got ${String(m)}`);
    }
    return new RecurrentState<D>(this.#engine, this.#shape, m);
  }

  /**
   * Runs over sequences.
   *
   * @param x (T, m, nx), or a list of sequences (T_b, nx) of any lengths, 0 too, which costs the sum of the lengths
   * @param state where to begin, advanced in place; zeros where absent
   * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape
   * @throws {StateError} if no weights are loaded, or for a state of another network
   */
  forward(
    x: readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options?: { readonly keepTape?: boolean },
  ): ListForwardResult<D>;
  forward(x: Tensor<D>, state?: RecurrentState<D>, options?: ForwardOptions<D>): ForwardResult<D>;
  forward(
    x: Tensor<D> | readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options: ForwardOptions<D> = {},
  ): ForwardResult<D> | ListForwardResult<D> {
    const stack = this.loaded("forward");
    checkObject("forward", "options", options);
    if (state !== undefined) this.#checkState("forward", state);
    const { precision } = this.#shape.dtype;
    if (options.keepTape && precision === "f32") {
      throw new TypeError(
        'forward: keepTape: training is f64; make the layer with precision "f64"',
      );
    }
    return Array.isArray(x)
      ? forwardList(this.#engine, stack, x, state, options)
      : forwardTensor(this.#engine, stack, x as Tensor<D>, state, options);
  }

  /**
   * One live step: every sequence of the state takes one input.
   *
   * @param x (m, nx)
   * @param state advanced in place
   * @returns the hidden state of the highest layer (m, nh): one tensor per state, written anew by each step. Nothing is
   *   allocated.
   * @throws {StateError} for a network with a direction that reads from the end: it has no live step
   */
  step(x: Tensor<D>, state: RecurrentState<D>): Tensor<D> {
    const stack = this.loaded("step");
    const { nx, reverse, cells } = this.#shape;
    if (reverse || cells.length > 1) {
      throw new StateError("step: a direction that reads from the end has no live step");
    }
    this.#checkState("step", state);
    const { m } = state;
    const { shape, data } = x ?? {};
    const fits = shape?.length === 2 && shape[0] === m && shape[1] === nx;
    if (!fits || data?.length !== m * nx || !(data instanceof this.#numbers)) {
      checkShape("step", "x", x, ["m", "nx"], [m, nx], " (from state and layer)", this.#numbers);
    }
    state.advance(stack, data);
    return state.output;
  }

  /**
   * Back-propagation through time over what a tape recorded, in the form in which it went in.
   *
   * @param dy gradient of every step's output, (T, m, D·nh), or a list of (T_b, D·nh)
   * @param dState gradient of the state at each sequence's end, shaped as `state.read()`; zeros where absent
   * @returns `dx` (T, m, nx) or `dInputs`, `dState` of the initial state, and the gradients under the weights' names
   * @throws {StateError} for a disposed tape
   */
  backward(
    dy: readonly Tensor[],
    tape: RecurrentTape,
    dState?: Partial<StateTensors<Float64Array>>,
  ): ListBackwardResult;
  backward(
    dy: Tensor,
    tape: RecurrentTape,
    dState?: Partial<StateTensors<Float64Array>>,
  ): BackwardResult;
  backward(
    dy: Tensor | readonly Tensor[],
    tape: RecurrentTape,
    dState: Partial<StateTensors<Float64Array>> = {},
  ): BackwardResult | ListBackwardResult {
    this.#open("backward");
    checkInstance("backward", "tape", RecurrentTape, "RecurrentTape", tape);
    checkObject("backward", "dState", dState);
    const held = tape.held(this.#engine, "backward");
    if (held.stack.shape !== this.#shape) {
      throw new StateError("backward: tape: made by another layer");
    }
    return backward(this.#engine, held, tape.listed, dy, dState);
  }

  /** Gives the weights' memory back. States and tapes keep their own. A second call does nothing. */
  dispose(): void {
    this.#release();
    this.#disposed = true;
  }

  /** The packed weights. @internal */
  loaded(where: string): Stack {
    this.#open(where);
    if (this.#stack === undefined) {
      throw new StateError(`${where}: no weights: call load first`);
    }
    return this.#stack;
  }

  #open(where: string): void {
    if (this.#disposed) throw new StateError(`${where}: the layer is disposed`);
    void this.#engine.kernels;
  }

  #checkState(where: string, state: RecurrentState<D>): void {
    checkInstance(where, "state", RecurrentState, "RecurrentState", state);
    if (state.shape !== this.#shape) throw new StateError(`${where}: state: made by another layer`);
    void state.pointer;
  }

  #release(): void {
    if (this.#stack === undefined) return;
    unwatch(this);
    this.#stack.release();
    this.#stack = undefined;
  }
}

/**
 * Makes a recurrent network: `load` gives it weights, `forward` runs over sequences, `step` over live streams.
 *
 * @throws {TypeError} for an unknown cell, function or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, or a number out of range
 */
export function createRecurrent<P extends Precision = "f64">(
  engine: Engine,
  options: RecurrentOptions<P>,
): Recurrent<Data<P>> {
  checkEngine("createRecurrent", engine);
  const shape = shapeOf(engine, options);
  return new Recurrent(engine, shape, { ...options });
}
