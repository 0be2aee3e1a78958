import type { StoredNumbers } from "../../description/description.js";
import { formatShape } from "../../tensor.js";
import type { KerasLayer } from "./topology.js";

/** A variable of a layer. */
export interface Variable {
  readonly layer: KerasLayer;
  /** For a wrapper: the part that holds the inner layer, and the inner layer's name. */
  readonly inner?: { readonly part: "forward" | "backward" | "layer"; readonly name: string };
  /** Whether the layer's cell owns it. */
  readonly cell: boolean;
  /** `kernel`, `recurrent_kernel`, `bias`, `embeddings`. */
  readonly name: string;
  /** Its number among its owner's variables. */
  readonly index: number;
}

/** A tensor of a file, whose shape is known before its numbers are read. */
export interface StoredVariable {
  readonly name: string;
  readonly shape: readonly number[];
  /** The same object for the same numbers, whatever name led to them. */
  readonly identity: object;
  /** Reads the numbers. */
  read(): StoredNumbers["data"];
}

/** The variables of a model, however a format stores them. */
export interface WeightSource {
  /** The name under which a variable is looked up first. */
  nameOf(variable: Variable): string;
  find(variable: Variable): StoredVariable | undefined;
}

/** The dataset of a variable in Keras 3's weights: `layers/bidirectional/forward_layer/cell/vars/0`. */
export function pathOf({ layer, inner, cell, index }: Variable, root = "layers"): string {
  const parts = [root, layer.group];
  if (inner !== undefined) parts.push(inner.part === "layer" ? "layer" : `${inner.part}_layer`);
  if (cell) parts.push("cell");
  return [...parts, "vars", String(index)].join("/");
}

/** The letter of an extent and its expected size; undefined if any size will do. */
export interface Extent {
  readonly letter: string;
  readonly size: number | undefined;
}

/** The weights of a model in the form that layers load them, each made once. */
export class Weights {
  readonly #source: WeightSource;
  readonly #made = new Map<object, Map<string, StoredNumbers>>();

  constructor(source: WeightSource) {
    this.#source = source;
  }

  /** Finds a variable. Throws unless it has the shape that the config asks for; none of its numbers are read before. */
  find(variable: Variable, extents: readonly Extent[]): StoredVariable {
    const { config } = variable.layer;
    const found = this.#source.find(variable);
    if (found === undefined) {
      const name = this.#source.nameOf(variable);
      return config.fail("missing-tensor", `expected ${name}, got none`, variable.name, name);
    }
    const { name, shape } = found;
    const fits =
      shape.length === extents.length &&
      extents.every(({ size }, i) => (size === undefined ? shape[i] !== 0 : size === shape[i]));
    if (!fits) {
      const letters = formatShape(extents.map(({ letter }) => letter));
      const sizes = formatShape(extents.map(({ letter, size }) => size ?? letter));
      const expected = sizes === letters ? letters : `${letters} = ${sizes}`;
      const what = `${name}: expected ${expected}, got ${formatShape(shape)}`;
      config.fail("shape", what, variable.name, name);
    }
    return found;
  }

  /**
   * The numbers of a variable in another form. Variables that share their numbers, and so have one identity, share the
   * result.
   *
   * @param form tells apart the forms that one variable may be asked for in
   */
  make(
    { identity, read }: StoredVariable,
    form: string,
    make: (data: StoredNumbers["data"]) => StoredNumbers,
  ): StoredNumbers {
    const forms = this.#made.get(identity) ?? new Map<string, StoredNumbers>();
    this.#made.set(identity, forms);
    const made = forms.get(form) ?? make(read());
    forms.set(form, made);
    return made;
  }
}
