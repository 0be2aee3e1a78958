import { Linear } from "../sequence/linear.js";
import { Stack } from "../sequence/stack.js";
import { Weights } from "../sequence/weights.js";
import type { Tensor } from "../tensor.js";
import { Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { float64 } from "../wasm/kernel_sets.js";
import { type CellTable, fillFrom, namesOf, type Part, partsOf, type Sizes } from "./cell_table.js";

/** A parameter object in linear memory: a recurrent layer and its output layer. */
export class PackedParameters extends Shared {
  readonly sizes: Sizes;
  readonly parts: readonly Part[];
  readonly stack: Stack;
  readonly linear: Linear;
  /** The tensors that were packed, with their names, to notice one that was replaced. */
  readonly #tensors: readonly (readonly [name: string, tensor: unknown])[];

  constructor(engine: EngineCore, table: CellTable<never>, parameters: object, sizes: Sizes) {
    super();
    const { cell, output } = table;
    const { nx, na, ny } = sizes;
    const tensors = parameters as Record<string, Tensor>;
    this.sizes = sizes;
    this.parts = partsOf(table, sizes);
    this.#tensors = namesOf(table).map((name) => [name, tensors[name]]);
    const dtype = float64(engine);
    const shape = { dtype, cells: [cell], layers: 1, reverse: false, nx, na, nh: na };
    const fill = fillFrom(parameters, this.parts, na);
    this.stack = new Stack(engine, shape, [new Weights(engine, cell, shape, fill)]);
    const [W, bias] = output.map((name) => (tensors[name] as Tensor).data) as [
      Float64Array,
      Float64Array,
    ];
    try {
      this.linear = new Linear(engine, dtype, { ny, na, W, bias });
    } catch (error) {
      this.stack.release();
      throw error;
    }
  }

  /** The weights of the one layer. */
  get weights(): Weights {
    return this.stack.layerDirections[0] as Weights;
  }

  /** Whether the object still has the tensors that were packed. */
  packs(parameters: object): boolean {
    return this.#tensors.every(
      ([name, tensor]) => (parameters as Record<string, unknown>)[name] === tensor,
    );
  }

  protected free(): void {
    this.stack.release();
    this.linear.release();
  }
}

/** The packed copy that the engine keeps of a parameter object, unless a tensor was replaced since. */
export function packedBefore(
  engine: EngineCore,
  { cell }: CellTable<never>,
  parameters: object,
): PackedParameters | undefined {
  const kept = engine.kept(parameters);
  if (!(kept instanceof PackedParameters) || kept.weights.cell !== cell) return undefined;
  return kept.packs(parameters) ? kept : undefined;
}
