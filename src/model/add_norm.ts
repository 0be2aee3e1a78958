import { LAYER_NORM_EPSILON, type LayerNormDescription } from "../description/description.js";
import { ITEM, type NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { normKernels } from "../wasm/kernel_sets.js";

/** What follows a recurrent layer: y = x + norm(f(x)), each part only if there is one. */
export class AddNorm extends Shared {
  /** Whether the layer's input is added. */
  readonly adds: boolean;
  readonly epsilon: number;
  /** n, of its input and of its output. */
  readonly columns: number;
  readonly #engine: EngineCore;
  readonly #item: number;
  /** The gain and the bias, (2, n), f64 for both number types; undefined if nothing is normalised. */
  readonly #parameters: Block | undefined;

  /** @param n columns of the layer's output */
  constructor(
    engine: EngineCore,
    { item }: NumberType,
    n: number,
    { norm, adds }: { readonly norm: LayerNormDescription | undefined; readonly adds: boolean },
  ) {
    super();
    this.adds = adds;
    this.epsilon = norm?.epsilon ?? LAYER_NORM_EPSILON;
    this.#engine = engine;
    this.#item = item;
    this.columns = n;
    if (norm === undefined) return;
    this.#parameters = engine.arena.allocate(2 * n * ITEM);
    const numbers = engine.arena.f64(this.#parameters.pointer, 2 * n);
    numbers.set(norm.weight.data);
    numbers.set(norm.bias.data, n);
  }

  /**
   * Computes `y` from a layer's output and its input.
   *
   * @param input (rows, n), if `adds`
   * @param h (rows, n)
   * @param y (rows, n); may be h itself
   */
  apply(rows: number, input: number, h: number, y: number): void {
    const gain = this.#parameters?.pointer ?? 0;
    const n = this.columns;
    const below = this.adds ? input : 0;
    const { add_norm_rows } = normKernels(this.#engine);
    add_norm_rows(this.#item, rows, n, this.epsilon, gain, gain + n * ITEM, below, h, y);
  }

  /** A fresh view of the gain and the bias; empty if nothing is normalised. */
  get parameters(): Float64Array<ArrayBuffer> {
    const { arena } = this.#engine;
    const block = this.#parameters;
    return block === undefined ? new Float64Array(0) : arena.f64(block.pointer, 2 * this.columns);
  }

  protected free(): void {
    this.#parameters?.release();
  }
}
