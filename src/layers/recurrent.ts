import type { Cell } from "../cells/cell.js";
import { lstmCell } from "../cells/lstm.js";
import { rnnCell } from "../cells/rnn.js";
import { StateError } from "../errors.js";
import { runBackward } from "../sequence/backward.js";
import { runChunks } from "../sequence/chunks.js";
import { chunkSteps } from "../sequence/plan.js";
import { Tape } from "../sequence/tape.js";
import { Weights } from "../sequence/weights.js";
import { checkInstance, checkObject, checkShape, type Numbers, type Tensor } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { checkEngine, type Engine, Owned, unwatch, watch } from "../wasm/engine.js";
import { type LayerKind, RecurrentState, type StateTensors } from "./state.js";
import { RecurrentTape } from "./tape.js";
import { checkWeights, type LayerGradients, type LayerWeights, splitGradients } from "./weights.js";

const CELLS = { rnn: rnnCell, lstm: lstmCell };

export interface RecurrentOptions<P extends Precision = Precision> {
  cell: keyof typeof CELLS;
  /** nx, at least 1. */
  inputSize: number;
  /** na, at least 1. */
  hiddenSize: number;
  /** The numbers of weights, tensors and state. `"f32"` halves the memory and cannot be trained. Default `"f64"`. */
  precision?: P;
}

type Data<P extends Precision> = P extends "f32" ? Float32Array : Float64Array;

export interface ForwardOptions<D extends Float64Array | Float32Array> {
  /** (T, m, na): written and returned as `y`, in place of a new tensor. */
  out?: Tensor<D>;
  /** Keeps what `backward` needs. f64 only. */
  keepTape?: boolean;
}

export interface ForwardResult<D extends Float64Array | Float32Array> {
  /** Every step's hidden state, (T, m, na). */
  y: Tensor<D>;
  /** The state after the last step: the given one, or a new one. To be disposed of. */
  state: RecurrentState<D>;
  /** With `keepTape`. To be disposed of. */
  tape?: RecurrentTape;
}

/**
 * A recurrent layer whose weights are packed once. Time-major: no tensor is turned on its way.
 * Made by {@link createRecurrent}.
 */
export class Recurrent<D extends Float64Array | Float32Array = Float64Array> extends Owned {
  readonly #engine: Engine;
  readonly #kind: LayerKind;
  readonly #numbers: Numbers;
  #weights: Weights | undefined;
  #disposed = false;

  /** @internal */
  constructor(engine: Engine, kind: LayerKind) {
    super();
    this.#engine = engine;
    this.#kind = kind;
    this.#numbers = kind.width.precision === "f64" ? Float64Array : Float32Array;
  }

  /**
   * Loads and packs the weights, in place of earlier ones; states stay valid.
   *
   * @param weights PyTorch's names, shapes and gate order (LSTM: i, f, g, o), as `nn.RNN` and `nn.LSTM` have them
   * @throws {TypeError | ShapeError} for a weight that is missing or of the wrong kind or size: nothing is changed then
   */
  load(weights: LayerWeights): void {
    this.#open("load");
    const { cell, width, nx, na } = this.#kind;
    const fill = checkWeights(cell, nx, na, weights);
    const packed = new Weights(this.#engine, width, cell, nx, na, fill);
    this.#release();
    this.#weights = packed;
    watch(this, packed);
  }

  /** A state of zeros for `m` sequences. */
  createState(m: number): RecurrentState<D> {
    this.#open("createState");
    if (!Number.isSafeInteger(m) || m < 0) {
      throw new TypeError(`createState: m: expected an integer ≥ 0, got ${String(m)}`);
    }
    return new RecurrentState<D>(this.#engine, this.#kind, m);
  }

  /**
   * Runs over a sequence.
   *
   * @param x (T, m, nx)
   * @param state where to begin, advanced in place; zeros where absent
   * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape
   * @throws {StateError} if no weights are loaded, or for a state of another layer
   */
  forward(
    x: Tensor<D>,
    state?: RecurrentState<D>,
    options: ForwardOptions<D> = {},
  ): ForwardResult<D> {
    const weights = this.#loaded("forward");
    checkObject("forward", "options", options);
    const { out, keepTape = false } = options;
    const { nx, na, width } = this.#kind;
    if (state !== undefined) this.#checkState("forward", state);
    const origin = state === undefined ? " (from the layer)" : " (from state and layer)";
    const sizes = [undefined, state?.m, nx];
    checkShape("forward", "x", x, ["T", "m", "nx"], sizes, origin, this.#numbers);
    const [T = 0, m = 0] = x.shape;
    if (out !== undefined) {
      checkShape("forward", "out", out, ["T", "m", "na"], [T, m, na], " (from x)", this.#numbers);
    }
    if (keepTape && width.precision === "f32") {
      throw new TypeError(
        'forward: keepTape: training is f64; make the layer with precision "f64"',
      );
    }

    const own = state ?? this.createState(m);
    let tape: Tape | undefined;
    try {
      tape = new Tape(this.#engine, weights, m, keepTape ? T : chunkSteps(this.#kind, m, T));
      const y = out ?? { shape: [T, m, na], data: new this.#numbers(T * m * na) as D };
      runChunks(this.#engine.arena, tape, x.data as Floats, y.data as Floats, T, own);
      if (!keepTape) return { y, state: own };
      return { y, state: own, tape: new RecurrentTape(this.#engine, tape.retain()) };
    } catch (error) {
      if (state === undefined) own.dispose();
      throw error;
    } finally {
      tape?.release();
    }
  }

  /**
   * One live step: every sequence of the state takes one input.
   *
   * @param x (m, nx)
   * @param state advanced in place
   * @returns the hidden state (m, na): one tensor per state, written anew by each step. Nothing is allocated.
   */
  step(x: Tensor<D>, state: RecurrentState<D>): Tensor<D> {
    const weights = this.#loaded("step");
    this.#checkState("step", state);
    const { m } = state;
    const { nx } = this.#kind;
    const { shape, data } = x ?? {};
    const fits = shape?.length === 2 && shape[0] === m && shape[1] === nx;
    if (!fits || data?.length !== m * nx || !(data instanceof this.#numbers)) {
      checkShape("step", "x", x, ["m", "nx"], [m, nx], " (from state and layer)", this.#numbers);
    }
    state.advance(weights, data);
    return state.output;
  }

  /**
   * Back-propagation through time over what a tape recorded.
   *
   * @param dy gradient of every step's hidden state, (T, m, na)
   * @param dState gradient of the state after the last step, (1, m, na); zeros where absent
   * @returns `dx` (T, m, nx), `dState` of the initial state, and the gradients under the weights' names
   * @throws {StateError} for a disposed tape
   */
  backward(
    dy: Tensor,
    tape: RecurrentTape,
    dState: Partial<StateTensors<Float64Array>> = {},
  ): { dx: Tensor; dState: StateTensors<Float64Array>; gradients: LayerGradients } {
    this.#open("backward");
    checkInstance("backward", "tape", RecurrentTape, "RecurrentTape", tape);
    const held = tape.held(this.#engine, "backward");
    checkObject("backward", "dState", dState);
    const { nx, na, m, T } = held.sizes;
    const { hasMemory, gates } = held.weights.cell;
    checkShape("backward", "dy", dy, ["T", "m", "na"], [T, m, na], " (from the tape)");
    const parts = hasMemory ? (["h", "c"] as const) : (["h"] as const);
    for (const part of parts) {
      const given = dState[part];
      if (given === undefined) continue;
      const name = `dState.${part}`;
      checkShape("backward", name, given, ["1", "m", "na"], [1, m, na], " (from the tape)");
    }
    const { arena } = this.#engine;
    const span = { first: 0, steps: T, throughTime: true, joined: false };
    return runBackward(
      this.#engine,
      held,
      span,
      0,
      (at) => {
        arena.f64(at.dy, T * m * na).set(dy.data);
        if (dState.h !== undefined) arena.f64(at.dh, m * na).set(dState.h.data);
        if (hasMemory && dState.c !== undefined) arena.f64(at.dc, m * na).set(dState.c.data);
      },
      (at) => {
        const copy = (pointer: number, steps: number, width: number): Tensor => ({
          shape: [steps, m, width],
          data: arena.f64(pointer, steps * m * width).slice(),
        });
        const h = copy(at.dh, 1, na);
        const rows = gates * na;
        const W = arena.f64(at.dW, rows * (na + nx));
        return {
          dx: copy(at.dx, T, nx),
          dState: hasMemory ? { h, c: copy(at.dc, 1, na) } : { h },
          gradients: splitGradients(W, arena.f64(at.db, rows), rows, nx, na),
        };
      },
    );
  }

  /** Gives the weights' memory back. States and tapes keep their own. A second call does nothing. */
  dispose(): void {
    this.#release();
    this.#disposed = true;
  }

  #open(where: string): void {
    if (this.#disposed) throw new StateError(`${where}: the layer is disposed`);
    void this.#engine.kernels;
  }

  #loaded(where: string): Weights {
    this.#open(where);
    if (this.#weights === undefined) {
      throw new StateError(`${where}: no weights: call load first`);
    }
    return this.#weights;
  }

  #checkState(where: string, state: RecurrentState<D>): void {
    checkInstance(where, "state", RecurrentState, "RecurrentState", state);
    if (state.kind !== this.#kind) throw new StateError(`${where}: state: made by another layer`);
    void state.pointer;
  }

  #release(): void {
    if (this.#weights === undefined) return;
    unwatch(this);
    this.#weights.release();
    this.#weights = undefined;
  }
}

/**
 * Makes a recurrent layer: `load` gives it weights, `forward` runs over sequences, `step` over live streams.
 *
 * @throws {TypeError} for an unknown cell or precision
 * @throws {RangeError} for a size that is no integer ≥ 1
 */
export function createRecurrent<P extends Precision = "f64">(
  engine: Engine,
  options: RecurrentOptions<P>,
): Recurrent<Data<P>> {
  const where = "createRecurrent";
  checkEngine(where, engine);
  checkObject(where, "options", options);
  const { cell, inputSize: nx, hiddenSize: na } = options;
  const precision: Precision = options.precision ?? "f64";
  if (!Object.hasOwn(CELLS, cell)) {
    throw new TypeError(`${where}: cell: expected "rnn" or "lstm", got ${String(cell)}`);
  }
  if (precision !== "f64" && precision !== "f32") {
    throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
  }
  for (const [name, size] of [
    ["inputSize", nx],
    ["hiddenSize", na],
  ] as const) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`${where}: ${name}: expected an integer ≥ 1, got ${String(size)}`);
    }
  }
  const descriptor: Cell = CELLS[cell];
  return new Recurrent(engine, { cell: descriptor, width: engine.width(precision), nx, na });
}
