import { type Floats, LAYOUTS, type NumberType, type Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import { inPrecision } from "./value.js";

/** What stays in linear memory as long as a graph: weights, packed or not, and descriptors. Each is placed once. */
export class Constants extends Shared {
  readonly #engine: Engine;
  readonly #held: Shared[] = [];
  readonly #placed = new Map<object, Map<string, number>>();
  readonly #integers = new Map<string, number>();
  readonly #kept = new Map<object, Map<string, Shared>>();
  #bytes = 0;
  #zeros = { pointer: 0, bytes: 0 };

  constructor(engine: Engine) {
    super();
    this.#engine = engine;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where `numbers` stand as they are, in a precision. */
  raw(numbers: Floats, precision: Precision): number {
    return this.#place(numbers, precision, () => {
      const pointer = this.#allocate(numbers.length * LAYOUTS[precision].item);
      this.#engine.arena
        .view(precision, pointer, numbers.length)
        .set(inPrecision(precision, numbers));
      return pointer;
    });
  }

  /**
   * Where a matrix (n, k) made from `numbers` stands in panels for the products; `form` names what `fill` makes, and
   * with which `fill` writes it row by row.
   */
  panels(
    numbers: Floats,
    form: string,
    { n, k, dtype }: { n: number; k: number; dtype: NumberType },
    fill: (matrix: Floats) => void,
  ): number {
    return this.#place(numbers, `${dtype.precision} ${n} ${k} ${form}`, () => {
      const { arena } = this.#engine;
      const { item, panel, precision, kernels } = dtype;
      const pointer = this.#allocate(Math.ceil(n / panel) * panel * k * item);
      withScratch(arena, n * k * item, (scratch) => {
        fill(arena.view(precision, scratch.pointer, n * k));
        kernels.pack_panels(n, k, k, 1, scratch.pointer, pointer);
      });
      return pointer;
    });
  }

  /** Where a list of i32 stands. */
  integers(list: readonly number[]): number {
    const key = list.join(",");
    const known = this.#integers.get(key);
    if (known !== undefined) return known;
    const pointer = this.#allocate(list.length * Int32Array.BYTES_PER_ELEMENT);
    this.#engine.arena.i32(pointer, list.length).set(list);
    this.#integers.set(key, pointer);
    return pointer;
  }

  /** Where at least `n` zeros stand. */
  zeros(precision: Precision, n: number): number {
    const bytes = n * LAYOUTS[precision].item;
    if (bytes > this.#zeros.bytes) {
      // Rounded up, so that few lengths are held.
      const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 512)));
      this.#zeros = { pointer: this.#allocate(size), bytes: size };
      this.#engine.arena.i32(this.#zeros.pointer, size / 4).fill(0);
    }
    return this.#zeros.pointer;
  }

  /** Something made once for `key` and `form`; it is released with the rest. */
  keep<T extends Shared>(key: object, form: string, make: () => T): T {
    const forms = this.#kept.get(key) ?? new Map<string, Shared>();
    this.#kept.set(key, forms);
    let made = forms.get(form) as T | undefined;
    if (made === undefined) {
      made = make();
      forms.set(form, made);
      this.#held.push(made);
    }
    return made;
  }

  protected free(): void {
    for (const held of this.#held) held.release();
  }

  #place(key: object, form: string, make: () => number): number {
    const forms = this.#placed.get(key) ?? new Map<string, number>();
    this.#placed.set(key, forms);
    const known = forms.get(form);
    if (known !== undefined) return known;
    const pointer = make();
    forms.set(form, pointer);
    return pointer;
  }

  #allocate(bytes: number): number {
    const block: Block = this.#engine.arena.allocate(bytes);
    this.#held.push(block);
    this.#bytes += block.bytes;
    return block.pointer;
  }
}
