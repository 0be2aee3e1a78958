import { LAYOUTS, type NumberType } from "../wasm/abi.js";

/** Every buffer of a layout starts on a cache line. */
const LINE = 64;

/** Elements of an (n, k) matrix packed into panels of the given width. */
export const panelElements = (n: number, k: number, panel: number): number =>
  Math.ceil(n / panel) * panel * k;

/** Places buffers one after the other, f64 by default, as in all of training. Their offsets count from `origin`. */
export class Layout {
  bytes = 0;
  readonly #dtype: Pick<NumberType, "item" | "panel">;
  readonly #origin: number;

  constructor(dtype: Pick<NumberType, "item" | "panel"> = LAYOUTS.f64, origin = 0) {
    this.#dtype = dtype;
    this.#origin = origin;
  }

  take(elements: number, item: number = this.#dtype.item): number {
    const offset = this.bytes;
    this.bytes += Math.ceil((elements * item) / LINE) * LINE;
    return this.#origin + offset;
  }

  takePanels(n: number, k: number): number {
    return this.take(panelElements(n, k, this.#dtype.panel));
  }
}
