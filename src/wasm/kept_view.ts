import type { Floats, Precision } from "./abi.js";
import type { Arena } from "./arena.js";

/** A view of linear memory that is kept between calls: to make one costs more than a small copy. */
export class KeptView<F extends Floats = Floats> {
  #view: F | undefined;

  /** A view of `length` numbers at `pointer`. It is made anew if memory has grown, or for another place or length. */
  at(arena: Arena, precision: Precision, pointer: number, length: number): F {
    let view = this.#view;
    // Growth detaches a view, whose byteOffset is 0 from then on: no block is there.
    if (view === undefined || view.byteOffset !== pointer || view.length !== length) {
      view = arena.view(precision, pointer, length) as F;
      this.#view = view;
    }
    return view;
  }
}
