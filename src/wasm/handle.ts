/// <reference lib="esnext.disposable" preserve="true" />
import { StateError } from "../errors.js";
import { COPY, THIS_COPY } from "../tensor.js";
import type { Shared } from "./arena.js";

/** `Symbol.dispose`, also where the host has none yet. */
const DISPOSE: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for("Symbol.dispose") as typeof Symbol.dispose);

/**
 * An object with `dispose`, which also runs at the end of a block that declares the object with `using`. One class holds
 * the computed name for all: bundlers keep every class that has one, used or not (esbuild 0.28, 2026).
 */
export abstract class Disposable {
  abstract dispose(): void;

  /** The copy of the package that made the object: an error names the other copy. @internal */
  get [COPY](): object {
    return THIS_COPY;
  }

  /** Calls `dispose` at the end of a `using` block. */
  [DISPOSE](): void {
    this.dispose();
  }
}

/** Releases what a handle held when the handle was collected undisposed. A safety net only: it runs late or never. */
let registry: FinalizationRegistry<Shared> | undefined;

/** Releases `held` if `owner` is collected first. */
export function watch(owner: object, held: Shared): void {
  registry ??= new FinalizationRegistry((late) => late.release());
  registry.register(owner, held, owner);
}

/** Ends the watch over `owner`. */
export function unwatch(owner: object): void {
  registry?.unregister(owner);
}

let read: (handle: Handle) => Shared | undefined;
let name: (handle: Handle) => string;

/**
 * What a user holds of something in linear memory. The content is reached through `contentOf` alone: it is no member, so
 * that JavaScript sees as little of it as TypeScript does.
 */
export abstract class Handle extends Disposable {
  readonly #name: string;
  #content: Shared | undefined;

  static {
    read = (handle) => handle.#content;
    name = (handle) => handle.#name;
  }

  /**
   * Takes over the caller's ownership of `content`.
   *
   * @param called the handle's name in messages, such as "state"
   * @internal
   */
  constructor(called: string, content: Shared) {
    super();
    this.#name = called;
    this.#content = content;
    watch(this, content);
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#content = undefined;
    unwatch(this);
    content.release();
  }
}

/** The content of a handle. `where` begins the message. @throws {StateError} after `dispose` */
export function contentOf<T extends Shared>(where: string, handle: Handle): T {
  const content = read(handle);
  if (content === undefined) throw new StateError(`${where}: the ${name(handle)} is disposed`);
  return content as T;
}
