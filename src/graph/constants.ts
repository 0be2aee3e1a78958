import { type Floats, LAYOUTS, type NumberType, type Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { graphKernels } from "../wasm/graph_kernels.js";
import { inPrecision, sizeOf } from "./value.js";

/** A matrix inside an array: row i begins `row` elements behind row i − 1; its columns are two axes, (extent, stride). */
export interface MatrixPart {
  readonly offset: number;
  readonly n: number;
  readonly row: number;
  readonly columns: readonly [readonly [number, number], readonly [number, number]];
}

/** What stays in linear memory as long as a graph: weights, packed or not, and descriptors. Each is placed once. */
export class Constants extends Shared {
  readonly #engine: EngineCore;
  readonly #held: Shared[] = [];
  readonly #placed = new Map<object, Map<string, unknown>>();
  readonly #integers = new Map<string, number>();
  readonly #kept = new Map<object, Map<string, Shared>>();
  readonly #ids = new WeakMap<object, number>();
  #count = 0;
  #bytes = 0;
  #zeros = { pointer: 0, bytes: 0 };

  constructor(engine: EngineCore) {
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
   * Where matrices that are parts of `numbers` stand in panels for the products, one after the other; \`form\` names the
   * list of parts.
   */
  panels(
    numbers: Floats,
    form: string,
    dtype: NumberType,
    parts: () => readonly MatrixPart[],
  ): readonly number[] {
    const { item, panel, precision, kernels } = dtype;
    const make = (): readonly number[] => {
      const { arena } = this.#engine;
      const list = parts();
      const places = list.map(({ n, columns }) =>
        this.#allocate(Math.ceil(n / panel) * panel * sizeOf(columns.map(([k]) => k)) * item),
      );
      const largest = Math.max(
        ...list.map(({ n, columns }) => n * sizeOf(columns.map(([k]) => k))),
      );
      withScratch(arena, (numbers.length + largest) * item, ({ pointer }) => {
        arena.view(precision, pointer, numbers.length).set(inPrecision(precision, numbers));
        list.forEach(({ offset, n, row, columns }, i) => {
          const from = pointer + offset * item;
          const [outer, inner] = columns as [
            MatrixPart["columns"][number],
            MatrixPart["columns"][number],
          ];
          const k = outer[0] * inner[0];
          const target = places[i] as number;
          if (outer[0] === 1) kernels.pack_panels(n, k, row, inner[1], from, target);
          else if (inner[0] === 1) kernels.pack_panels(n, k, row, outer[1], from, target);
          else {
            const turned = pointer + numbers.length * item;
            const loop = [n, row, k, outer[0], outer[1], inner[0], inner[0], inner[1], 1];
            graphKernels(this.#engine).copy_strided(item, 3, this.integers(loop), from, turned);
            kernels.pack_panels(n, k, k, 1, turned, target);
          }
        });
      });
      return places;
    };
    return this.#place(numbers, `${precision} ${form}`, make);
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

  /** A number that names an array in a form; 0 for none. */
  idOf(key: object | undefined): number {
    if (key === undefined) return 0;
    const id = this.#ids.get(key) ?? ++this.#count;
    this.#ids.set(key, id);
    return id;
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

  #place<T>(key: object, form: string, make: () => T): T {
    const forms = this.#placed.get(key) ?? new Map<string, unknown>();
    this.#placed.set(key, forms);
    const known = forms.get(form) as T | undefined;
    if (known !== undefined) return known;
    const made = make();
    forms.set(form, made);
    return made;
  }

  #allocate(bytes: number): number {
    const block: Block = this.#engine.arena.allocate(bytes);
    this.#held.push(block);
    this.#bytes += block.bytes;
    return block.pointer;
  }
}
