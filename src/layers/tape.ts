import { StateError } from "../errors.js";
import type { Tape } from "../sequence/tape.js";
import type { Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";

/** What `forward` recorded for `backward`, in linear memory until `dispose`. May be used several times. */
export class RecurrentTape extends Disposable {
  /** Whether sequences went in as a list. @internal */
  readonly listed: boolean;
  readonly #engine: Engine;
  #tape: Tape | undefined;

  /** Takes over the caller's ownership of `tape`. @internal */
  constructor(engine: Engine, tape: Tape, listed: boolean) {
    super();
    this.#engine = engine;
    this.#tape = tape;
    this.listed = listed;
    watch(this, tape);
  }

  /** @internal */
  held(engine: Engine, where: string): Tape {
    if (this.#tape === undefined) throw new StateError(`${where}: tape: disposed`);
    if (this.#engine !== engine) throw new StateError(`${where}: tape: made by another engine`);
    return this.#tape;
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#tape === undefined) return;
    unwatch(this);
    this.#tape.release();
    this.#tape = undefined;
  }
}
