import type { NumberType } from "../../wasm/abi.js";
import type { EngineCore } from "../../wasm/engine.js";
import { type GraphKernels, graphKernels } from "../../wasm/graph_kernels.js";
import { numberType } from "../../wasm/kernel_sets.js";
import type { Constants } from "../constants.js";
import { Spans } from "../spans.js";
import { itemOf, sizeOf, type Value } from "../value.js";
import {
  addressOf,
  fixedStorage,
  isDense,
  isPacked,
  loopOver,
  newStorage,
  rowMajor,
  type Storage,
  type View,
} from "./view.js";

/** One call or a few, ready to run. */
export type Run = () => void;

interface Step {
  readonly where: string;
  /** Makes the step's function, once every view has an address. */
  readonly bind: (at: (view: View) => number) => Run;
}

/**
 * Turns operations into kernel calls over views. A step names the views it touches, from which each buffer's lifetime
 * follows; only at the end do buffers get places.
 */
export class Lowering {
  readonly engine: EngineCore;
  readonly constants: Constants;
  readonly nn: GraphKernels;
  readonly #steps: Step[] = [];
  readonly #storages: Storage[] = [];
  readonly #views = new Map<Value, View>();
  readonly #uses: ReadonlyMap<Value, number>;

  /** @param uses how many operations read a value, the caller who wants it as a result counted too */
  constructor(engine: EngineCore, constants: Constants, uses: ReadonlyMap<Value, number>) {
    this.engine = engine;
    this.constants = constants;
    this.nn = graphKernels(engine);
    this.#uses = uses;
  }

  numberType({ precision }: Pick<Value, "precision">): NumberType {
    return numberType(this.engine, precision);
  }

  /** The steps so far. */
  get length(): number {
    return this.#steps.length;
  }

  /** A new buffer for a value, in C order unless told. */
  allocate(value: Pick<Value, "precision" | "shape">, strides = rowMajor(value.shape)): View {
    const item = itemOf(value.precision);
    const storage = newStorage(sizeOf(value.shape) * item);
    this.#storages.push(storage);
    return { storage, offset: 0, item, shape: value.shape, strides };
  }

  /** A buffer that keeps its contents from run to run, and begins as zeros. */
  allocateKept(value: Pick<Value, "precision" | "shape">): View {
    const view = this.allocate(value);
    this.keep(view);
    return view;
  }

  /** Gives the view's buffer a place of its own for the whole run. */
  keep({ storage }: View): void {
    storage.first = -1;
    storage.last = Number.POSITIVE_INFINITY;
  }

  /** Says where a value lies. */
  set(value: Value, view: View): void {
    this.#views.set(value, view);
    view.storage.pending += this.#uses.get(value) ?? 0;
  }

  /** Where a value lies; numbers known at compile time are placed now. */
  view(value: Value): View {
    const known = this.#views.get(value);
    if (known !== undefined) return known;
    const { data, precision, shape } = value;
    if (data === undefined) throw new Error(`graph: a value of shape ${shape} was not computed`);
    const storage = fixedStorage(this.constants.raw(data, precision), data.byteLength);
    const item = itemOf(precision);
    const view = { storage, offset: 0, item, shape, strides: rowMajor(shape) };
    this.#views.set(value, view);
    return view;
  }

  /** The same in C order without gaps: a copy where it does not lie so. */
  dense(value: Value): View {
    const view = this.view(value);
    return isDense(view) ? view : this.copied(value, view);
  }

  /** The same without gaps, in whatever order of axes. */
  packed(value: Value): View {
    const view = this.view(value);
    return isPacked(view) ? view : this.copied(value, view);
  }

  copied(value: Value, view: View): View {
    const copy = this.allocate(value);
    this.copy(view, copy);
    return copy;
  }

  /** Notes that an operation has read its inputs; their buffers may be free now. */
  consumed(values: readonly Value[]): void {
    for (const value of values) {
      const view = this.#views.get(value);
      if (view !== undefined) view.storage.pending--;
    }
  }

  /** Whether an operation that is about to be lowered may write over its input. Call after `consumed`. */
  isLast(view: View): boolean {
    const { storage } = view;
    return (
      !storage.fixed &&
      storage.pending === 0 &&
      storage.first >= 0 &&
      storage.bytes === sizeOf(view.shape) * view.item
    );
  }

  /** Adds a step that touches these views. */
  step(where: string, views: readonly View[], bind: Step["bind"]): void {
    const index = this.#steps.length;
    for (const { storage } of views) {
      storage.first = Math.min(storage.first, index);
      storage.last = Math.max(storage.last, index);
    }
    this.#steps.push({ where, bind });
  }

  /** target = source, of one shape and precision and any strides. */
  copy(source: View, target: View): void {
    if (sizeOf(source.shape) === 0) return;
    const { copy_strided } = this.nn;
    const { rank, descriptor } = loopOver(source.shape, [source.strides, target.strides]);
    const axes = this.constants.integers(descriptor);
    const { item } = source;
    this.step("copy", [source, target], (at) => {
      const [from, to] = [at(source), at(target)];
      return () => copy_strided(item, rank, axes, from, to);
    });
  }

  /** Gives every buffer a place; returns the bytes that the block must have. */
  plan(): number {
    const spans = new Spans();
    const starts: Storage[][] = [];
    const ends: Storage[][] = [];
    const add = (lists: Storage[][], index: number, storage: Storage): void => {
      lists[index] ??= [];
      lists[index].push(storage);
    };
    for (const storage of this.#storages) {
      if (storage.last < 0) continue;
      if (storage.first < 0 || storage.last === Number.POSITIVE_INFINITY) {
        // It never gives its place back, and may not have one that others had before.
        storage.pointer = spans.take(storage.bytes);
      } else {
        add(starts, storage.first, storage);
        add(ends, storage.last, storage);
      }
    }
    for (let i = 0; i < this.#steps.length; i++) {
      for (const storage of starts[i] ?? []) storage.pointer = spans.take(storage.bytes);
      for (const { pointer, bytes } of ends[i] ?? []) spans.give(pointer, bytes);
    }
    return spans.bytes;
  }

  /** What each step is for. */
  names(): string[] {
    return this.#steps.map(({ where }) => where);
  }

  /** The steps over a block at `base`. Call after `plan`. */
  bind(base: number): Run[] {
    const at = (view: View): number => addressOf(view, base);
    return this.#steps.map(({ bind }) => bind(at));
  }
}
