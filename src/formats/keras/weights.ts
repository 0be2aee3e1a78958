import type { StoredNumbers } from "../../description/description.js";
import { formatShape } from "../../tensor.js";
import type { KerasLayer } from "./topology.js";

/** Which variable of which layer. */
export interface Variable {
  readonly layer: KerasLayer;
  /** Of a wrapper: which layer within, and what it is called. */
  readonly inner?: { readonly part: "forward" | "backward" | "layer"; readonly name: string };
  /** Whether it belongs to the layer's cell. */
  readonly cell: boolean;
  /** `kernel`, `recurrent_kernel`, `bias`, `embeddings`. */
  readonly name: string;
  /** Its number among the variables of its owner. */
  readonly index: number;
}

/** The variables of a model, however a format keeps them. */
export interface WeightSource {
  /** The name under which a variable is sought first. */
  nameOf(variable: Variable): string;
  find(variable: Variable): { name: string; numbers: StoredNumbers } | undefined;
}

/** The dataset of a variable in Keras 3's weights: `layers/bidirectional/forward_layer/cell/vars/0`. */
export function pathOf({ layer, inner, cell, index }: Variable, root = "layers"): string {
  const parts = [root, layer.group];
  if (inner !== undefined) parts.push(inner.part === "layer" ? "layer" : `${inner.part}_layer`);
  if (cell) parts.push("cell");
  return [...parts, "vars", String(index)].join("/");
}

/** An extent, what it is called, and where it comes from; undefined where the tensor itself decides. */
export interface Extent {
  readonly letter: string;
  readonly size: number | undefined;
}

/** A variable's numbers, once they are there and have the shape that the config asks for. */
export function take(
  source: WeightSource,
  variable: Variable,
  extents: readonly Extent[],
): StoredNumbers {
  const { config } = variable.layer;
  const found = source.find(variable);
  if (found === undefined) {
    const name = source.nameOf(variable);
    return config.fail("missing-tensor", `expected ${name}, found none`, variable.name, name);
  }
  const { shape } = found.numbers;
  const fits =
    shape.length === extents.length &&
    extents.every(({ size }, i) => (size === undefined ? shape[i] !== 0 : size === shape[i]));
  if (!fits) {
    const letters = formatShape(extents.map(({ letter }) => letter));
    const sizes = formatShape(extents.map(({ letter, size }) => size ?? letter));
    const meant = sizes === letters ? letters : `${letters} = ${sizes}`;
    const what = `${found.name}: expected ${meant}, got ${formatShape(shape)}`;
    config.fail("shape", what, variable.name, found.name);
  }
  return found.numbers;
}
