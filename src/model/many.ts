import { AbortedError } from "../errors.js";
import { describe } from "../tensor.js";
import { pause } from "./slices.js";

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
  #next: Promise<IteratorResult<S>> | undefined;
  #count = 0;

  constructor(source: AsyncIterator<S> | Iterator<S>, check: (item: S, index: number) => T) {
    this.#source = source;
    this.#check = check;
  }

  /** Waits for an item, and takes those that are there already with it, at most `most`. */
  async take(most: number): Promise<Window<T>> {
    const items: T[] = [];
    try {
      while (items.length < most) {
        this.#next ??= Promise.resolve(this.#source.next());
        const waiting = this.#next;
        const step = await (items.length === 0
          ? waiting
          : Promise.race([waiting, pause().then(() => undefined)]));
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

  async end(): Promise<void> {
    await this.#source.return?.();
  }
}

function iteratorOf<S>(source: AsyncIterable<S> | Iterable<S>): AsyncIterator<S> | Iterator<S> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  throw new TypeError(`scoreMany: sequences: expected an iterable, got ${describe(source)}`);
}

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
): AsyncGenerator<R, void, void> {
  const arrivals = new Arrivals(iteratorOf(source), check);
  let ended = false;
  try {
    while (!ended) {
      const window = await arrivals.take(most);
      ended = window.ended && window.failure === undefined;
      yield* await worked(window.items, work);
      if (window.failure !== undefined) throw window.failure.cause;
    }
  } catch (error) {
    if (error instanceof AbortedError) yield* leading(error.completed as (R | undefined)[]);
    throw error;
  } finally {
    if (!ended) await arrivals.end();
  }
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
