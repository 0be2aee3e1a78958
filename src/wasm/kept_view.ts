import type { Floats, Precision } from "./abi.js";
import type { Arena } from "./arena.js";

/** A view of linear memory that is kept between calls: to make one costs more than a small copy. */
export class KeptView<F extends Floats = Floats> {
  #view: F | undefined;
  #growth = 0;

  /** A view of `length` numbers at `pointer`. It is made anew if memory has grown, or for another place or length. */
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
