import { AbortedError } from "../errors.js";
import { describe } from "../tensor.js";
import { pause } from "./time_slices.js";

const USUAL = 256;

/** What has arrived of a source, and why there is no more of it. */
interface Window<T> {
  readonly items: T[];
  readonly ended: boolean;
  readonly failure?: { readonly cause: unknown };
}

/** Takes items of a source as they arrive. */
class Arrivals<S, T> {
  readonly #source: AsyncIterator<S> | Iterator<S>;
  readonly #check: (item: S, index: number) => T;
  readonly #signal: AbortSignal | undefined;
  #next: Promise<IteratorResult<S>> | undefined;
  #count = 0;
  /** Whether the source has ended, or failed, by itself. */
  #over = false;

  constructor(
    source: AsyncIterator<S> | Iterator<S>,
    check: (item: S, index: number) => T,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.#check = check;
    this.#signal = signal;
  }

  /** Waits for an item, and takes those that are there already with it, at most `most`. */
  async take(most: number): Promise<Window<T>> {
    const items: T[] = [];
    try {
      let late: Promise<undefined> | undefined;
      while (items.length < most) {
        this.#next ??= this.#ask();
        if (items.length > 0) late ??= pause().then(() => undefined);
        const step = await (late === undefined
          ? this.#unlessAborted(this.#next)
          : Promise.race([this.#next, late]));
        if (step === undefined) break;
        this.#next = undefined;
        if (step.done) return { items, ended: true };
        items.push(this.#check(step.value, this.#count));
        this.#count++;
      }
      return { items, ended: false };
    } catch (cause) {
      return { items, ended: true, failure: { cause } };
    }
  }

  /** Tells a source that is left before its end. One that is still to give an item is told, and not waited for. */
  async end(): Promise<void> {
    if (this.#over) return;
    const ending = this.#source.return?.();
    if (this.#next === undefined) await ending;
    else Promise.resolve(ending).catch(() => undefined);
  }

  async #ask(): Promise<IteratorResult<S>> {
    try {
      const step = await this.#source.next();
      this.#over = step.done === true;
      return step;
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }

  #unlessAborted(next: Promise<IteratorResult<S>>): Promise<IteratorResult<S>> {
    const signal = this.#signal;
    if (signal === undefined) return next;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new AbortedError("scoreMany", [], signal.reason));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop);
      next.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    });
  }
}

/** Throws unless `source` can be iterated. */
export function checkIterable(source: unknown): void {
  const isObject = typeof source === "object" && source !== null;
  if (isObject && (Symbol.asyncIterator in source || Symbol.iterator in source)) return;
  throw new TypeError(`scoreMany: sequences: expected an iterable, got ${describe(source)}`);
}

const iteratorOf = <S>(source: AsyncIterable<S> | Iterable<S>) =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();

/** Throws unless `concurrency` is a number of items. */
export function checkConcurrency(concurrency = USUAL): number {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency;
  throw new RangeError(
    `scoreMany: concurrency: expected an integer ≥ 1, got ${String(concurrency)}`,
  );
}

/**
 * Works through a source in order, holding at most `most` items: what has arrived is worked on, and given out before more
 * is taken. A fault comes in its place: after all that came before it.
 */
export async function* inOrder<S, T, R>(
  source: AsyncIterable<S> | Iterable<S>,
  most: number,
  check: (item: S, index: number) => T,
  work: (some: T[]) => Promise<R[]>,
  signal?: AbortSignal,
): AsyncGenerator<R, void, void> {
  const arrivals = new Arrivals(iteratorOf(source), check, signal);
  let fault: { readonly cause: unknown } | undefined;
  try {
    for (let ended = false; !ended; ) {
      const window = await arrivals.take(most);
      ended = window.ended;
      yield* await worked(window.items, work);
      fault = window.failure;
    }
  } catch (error) {
    if (error instanceof AbortedError) yield* leading(error.completed as (R | undefined)[]);
    fault = { cause: error };
  } finally {
    // What the source says to its end counts for nothing beside a fault.
    await (fault === undefined ? arrivals.end() : arrivals.end().catch(() => undefined));
  }
  if (fault !== undefined) throw fault.cause;
}

async function worked<T, R>(items: T[], work: (some: T[]) => Promise<R[]>): Promise<R[]> {
  return items.length === 0 ? [] : work(items);
}

function* leading<R>(completed: readonly (R | undefined)[]): Generator<R> {
  for (const each of completed) {
    if (each === undefined) return;
    yield each;
  }
}
