import type { Cell } from "../cells/cell.js";
import { StateError } from "../errors.js";
import { planState } from "../sequence/plan.js";
import type { Weights } from "../sequence/weights.js";
import { checkObject, checkShape, type Tensor } from "../tensor.js";
import type { Floats, Width } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { type Engine, Owned, unwatch, watch } from "../wasm/engine.js";

/** What kind of layer a state belongs to. */
export interface LayerKind {
  readonly cell: Cell;
  readonly width: Width;
  readonly nx: number;
  readonly na: number;
}

/** What a state holds, as tensors: (layers × directions, m, na), here (1, m, na); `c` for an LSTM. */
export interface StateTensors<D extends Float64Array | Float32Array> {
  h: Tensor<D>;
  c?: Tensor<D>;
}

/** The live state of `m` sequences, in linear memory until `dispose`. Made by `createState`. */
export class RecurrentState<D extends Float64Array | Float32Array = Float64Array> extends Owned {
  /** Sequences: the batch. */
  readonly m: number;
  /** @internal */
  readonly kind: LayerKind;
  /** The output of `step`: one tensor, written anew by every step. @internal */
  readonly output: Tensor<D>;
  readonly #engine: Engine;
  readonly #at: ReturnType<typeof planState>;
  #block: Block | undefined;
  // Views for `step`, which makes none. Growth detaches them: they are renewed when the arena has grown.
  #growth = -1;
  #x: Floats | undefined;
  #h: Floats | undefined;

  /** @internal */
  constructor(engine: Engine, kind: LayerKind, m: number) {
    super();
    const { width, cell, nx, na } = kind;
    this.#engine = engine;
    this.kind = kind;
    this.m = m;
    this.#at = planState(cell, { nx, na, m, T: 1 }, width);
    this.#block = engine.arena.allocate(this.#at.bytes);
    watch(this, this.#block);
    for (const { pointer } of this.#parts()) this.#view(pointer).fill(0);
    const data = width.precision === "f64" ? new Float64Array(m * na) : new Float32Array(m * na);
    this.output = { shape: [m, na], data: data as unknown as D };
  }

  /** Copies of h (1, m, na) and, for an LSTM, c. @throws {StateError} after `dispose` */
  read(): StateTensors<D> {
    const shape = [1, this.m, this.kind.na];
    const copies = this.#parts().map(({ name, pointer }) => [
      name,
      { shape, data: this.#view(pointer).slice() },
    ]);
    return Object.fromEntries(copies) as StateTensors<D>;
  }

  /** Sets h and, for an LSTM, c (a cell without memory ignores it); a part that is not given stays. @throws {ShapeError} unless (1, m, na) */
  write(tensors: Partial<StateTensors<D>>): void {
    checkObject("write", "state", tensors);
    const { m } = this;
    const { na, width } = this.kind;
    const numbers = width.precision === "f64" ? Float64Array : Float32Array;
    const parts = this.#parts();
    for (const { name } of parts) {
      const given = tensors[name];
      if (given === undefined) continue;
      checkShape("write", name, given, ["1", "m", "na"], [1, m, na], " (from the state)", numbers);
    }
    for (const { name, pointer } of parts) {
      const given = tensors[name];
      if (given !== undefined) this.#view(pointer).set(given.data);
    }
  }

  /** Another state with the same content. */
  clone(): RecurrentState<D> {
    const content = this.read();
    const copy = new RecurrentState<D>(this.#engine, this.kind, this.m);
    copy.write(content);
    return copy;
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#block === undefined) return;
    unwatch(this);
    this.#block.release();
    this.#block = undefined;
  }

  /** @internal */
  get h(): number {
    return this.pointer + this.#at.h;
  }

  /** For a cell without memory the same as h. @internal */
  get c(): number {
    return this.pointer + this.#at.c;
  }

  /** Start of the state's block. @internal */
  get pointer(): number {
    if (this.#block === undefined) throw new StateError("state: disposed");
    return this.#block.pointer;
  }

  /** One step in place; every sequence's next h is in `output`. @internal */
  advance({ cell, width, panelsX, panelsH, bias, nx, na }: Weights, x: D): void {
    const { m } = this;
    const { kernels } = width;
    const { pointer } = this;
    const rows = cell.gates * na;
    const h = pointer + this.#at.h;
    const c = pointer + this.#at.c;
    const z = pointer + this.#at.z;
    const { growth } = this.#engine.arena;
    if (this.#growth !== growth) {
      this.#x = this.#engine.arena.view(width.precision, pointer + this.#at.x, m * nx);
      this.#h = this.#view(h);
      this.#growth = growth;
    }
    (this.#x as Floats).set(x);
    kernels.gemm_packed(m, rows, nx, nx, 0, rows, pointer + this.#at.x, panelsX, bias, z);
    kernels.gemm_packed(m, rows, na, na, rows, rows, h, panelsH, z, z);
    cell.forward(kernels, m, na, c, z, c, h);
    this.output.data.set(this.#h as Floats);
  }

  #parts(): { name: "h" | "c"; pointer: number }[] {
    const h = { name: "h" as const, pointer: this.h };
    return this.kind.cell.hasMemory ? [h, { name: "c", pointer: this.c }] : [h];
  }

  #view(pointer: number): Floats {
    const { na, width } = this.kind;
    return this.#engine.arena.view(width.precision, pointer, this.m * na);
  }
}
