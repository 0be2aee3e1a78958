import type { Floats, Precision } from "./abi.js";
import type { Arena } from "./arena.js";

/** A view of linear memory for a caller that asks for the same place again and again: making one costs more than a small copy. */
export class KeptView<F extends Floats = Floats> {
  #view: F | undefined;
  #growth = 0;

  /** The view of `length` numbers at `pointer`: the last one, unless memory has grown since, or another place is asked for. */
  at(arena: Arena, precision: Precision, pointer: number, length: number): F {
    const { growth } = arena;
    let view = this.#view;
    if (
      view === undefined ||
      this.#growth !== growth ||
      view.length !== length ||
      view.byteOffset !== pointer
    ) {
      view = arena.view(precision, pointer, length) as F;
      this.#view = view;
      this.#growth = growth;
    }
    return view;
  }
}
