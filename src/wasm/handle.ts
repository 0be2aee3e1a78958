/// <reference lib="esnext.disposable" preserve="true" />
import { StateError } from "../errors.js";
import { COPY, THIS_COPY } from "../tensor.js";
import type { Shared } from "./arena.js";

/** `Symbol.dispose`, also on hosts that lack it. */
const DISPOSE: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for("Symbol.dispose") as typeof Symbol.dispose);

/**
 * An object with `dispose`, which also runs at the end of a block that declares the object with `using`. This class has the
 * computed names for all its subclasses, because bundlers keep every class with a computed name, used or not (esbuild 0.28,
 * 2026).
 */
export abstract class Disposable {
  abstract dispose(): void;

  /** The copy of the package that made the object, so that an error can name a second copy. @internal */
  get [COPY](): object {
    return THIS_COPY;
  }

  /** Calls `dispose` at the end of a `using` block. */
  [DISPOSE](): void {
    this.dispose();
  }
}

/** Whether the host tells when an object is collected. Cloudflare's workerd does from 2025 on only. */
export const tellsOfCollection = (): boolean => typeof FinalizationRegistry === "function";

/** Releases the content of a handle that was collected without `dispose`. Only a safety net: it runs late or never. */
let registry: FinalizationRegistry<Shared> | undefined;

/** Releases `held` if `owner` is collected first. */
export function watch(owner: object, held: Shared): void {
  if (!tellsOfCollection()) return;
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
 * A user's handle of an object in linear memory. Only `contentOf` reaches the content: it is not a member, so JavaScript sees as
 * little of it as TypeScript does.
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

  /** Frees the memory. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#content = undefined;
    unwatch(this);
    content.release();
  }
}

/** The content of a handle. `where` is the start of the message. @throws {StateError} after `dispose` */
export function contentOf<T extends Shared>(where: string, handle: Handle): T {
  const content = read(handle);
  if (content === undefined) throw new StateError(`${where}: the ${name(handle)} is disposed`);
  return content as T;
}
