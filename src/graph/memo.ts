import type { NodeLayer } from "../formats/onnx/layer.js";
import type { NodeProto } from "../formats/onnx/proto.js";
import type { Value } from "./value.js";

/**
 * What compiling a graph for one set of shapes leaves for the next: numbers that a node makes from the same arrays are the
 * same arrays again, so that weights are computed, packed and placed once.
 */
export class Memo {
  readonly #ids = new WeakMap<object, number>();
  readonly #layers = new Map<string, NodeLayer>();
  readonly #results = new Map<NodeProto, { key: string; values: readonly (Value | undefined)[] }>();
  #count = 0;

  /** A number for an object, the same each time. */
  idOf(object: object | undefined): number {
    if (object === undefined) return 0;
    let id = this.#ids.get(object);
    if (id === undefined) {
      id = ++this.#count;
      this.#ids.set(object, id);
    }
    return id;
  }

  /** The layer of recurrent weights with these attributes. */
  layer(key: string, make: () => NodeLayer): NodeLayer {
    let layer = this.#layers.get(key);
    if (layer === undefined) {
      layer = make();
      this.#layers.set(key, layer);
    }
    return layer;
  }

  /** What a node made of these inputs the last time. */
  result(
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
  ): readonly (Value | undefined)[] | undefined {
    const kept = this.#results.get(proto);
    return kept !== undefined && kept.key === this.#keyOf(inputs) ? kept.values : undefined;
  }

  keep(
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
    values: readonly (Value | undefined)[],
  ): void {
    this.#results.set(proto, { key: this.#keyOf(inputs), values });
  }

  #keyOf(inputs: readonly (Value | undefined)[]): string {
    return inputs.map((value) => `${this.idOf(value?.data)}:${value?.shape}`).join(" ");
  }
}
