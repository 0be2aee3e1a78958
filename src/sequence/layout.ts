import { LAYOUTS, type NumberType } from "../wasm/abi.js";

/** Every buffer of a layout starts on a cache line. */
const LINE = 64;

/** Elements of an (n, k) matrix packed into panels of the given width. */
export const panelElements = (n: number, k: number, panel: number): number =>
  Math.ceil(n / panel) * panel * k;

/** Places buffers one after the other and returns their byte offsets; f64 by default, as in all of training. */
export class Layout {
  bytes = 0;
  readonly #dtype: Pick<NumberType, "item" | "panel">;

  constructor(dtype: Pick<NumberType, "item" | "panel"> = LAYOUTS.f64) {
    this.#dtype = dtype;
  }

  take(elements: number, item: number = this.#dtype.item): number {
    const offset = this.bytes;
    this.bytes += Math.ceil((elements * item) / LINE) * LINE;
    return offset;
  }

  takePanels(n: number, k: number): number {
    return this.take(panelElements(n, k, this.#dtype.panel));
  }
}
