import { AbortedError } from "../errors.js";
import type { AbortSignalLike } from "../host.js";
import { describe } from "../tensor.js";
import { giveWay } from "./give_way.js";

const DEFAULT_CONCURRENCY = 256;
const WHERE = "scoreMany";

/** Some items of a source. */
interface Received<T> {
  readonly items: T[];
  /** Whether no more will come. */
  readonly isEnd: boolean;
  /** Why, unless the source has ended by itself. */
  readonly failure?: { readonly cause: unknown };
}

/** Takes the items of a source as they arrive. */
export class SourceReader<S, T> {
  readonly #source: AsyncIterator<S> | Iterator<S>;
  readonly #encode: (item: S, index: number) => Promise<T>;
  readonly #signal: AbortSignalLike | undefined;
  #next: Promise<IteratorResult<S>> | undefined;
  #count = 0;
  /** Whether the source has ended, or failed, by itself. */
  #isOver = false;

  constructor(
    source: AsyncIterator<S> | Iterator<S>,
    encode: (item: S, index: number) => Promise<T>,
    signal: AbortSignalLike | undefined,
  ) {
    this.#source = source;
    this.#encode = encode;
    this.#signal = signal;
  }

  /** Waits for an item, and takes those that are there already with it, at most `most`. */
  async take(most: number): Promise<Received<T>> {
    const items: T[] = [];
    try {
      let late: Promise<undefined> | undefined;
      while (items.length < most) {
        this.#next ??= this.#request();
        if (items.length > 0) late ??= giveWay().then(() => undefined);
        const step = await (late === undefined
          ? this.#unlessAborted(this.#next)
          : Promise.race([this.#next, late]));
        if (step === undefined) break;
        this.#next = undefined;
        if (step.done) return { items, isEnd: true };
        items.push(await this.#encode(step.value, this.#count));
        this.#count++;
      }
      return { items, isEnd: false };
    } catch (cause) {
      return { items, isEnd: true, failure: { cause } };
    }
  }

  /** Calls the source's `return` if it has not ended. If it is still to give an item, it is not waited for. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    const source: { return?: unknown } = this.#source;
    const ending = typeof source.return === "function" ? source.return() : undefined;
    if (this.#next === undefined) await ending;
    else Promise.resolve(ending).catch(() => undefined);
  }

  async #request(): Promise<IteratorResult<S>> {
    try {
      const step: unknown = await this.#source.next();
      if (typeof step !== "object" || step === null) {
        throw new TypeError(
          `${WHERE}: sequences: expected next() to give { value, done }, got ${describe(step)}`,
        );
      }
      const result = step as IteratorResult<S>;
      this.#isOver = result.done === true;
      return result;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }

  #unlessAborted(next: Promise<IteratorResult<S>>): Promise<IteratorResult<S>> {
    const signal = this.#signal;
    if (signal === undefined) return next;
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new AbortedError(WHERE, [], signal.reason));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop);
      next.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    });
  }
}

/** Throws unless `source` can be iterated. */
export function checkIterable(source: unknown): void {
  const given: Partial<AsyncIterable<unknown> & Iterable<unknown>> = Object(source);
  const method = given[Symbol.asyncIterator] ?? given[Symbol.iterator];
  if (typeof source === "object" && typeof method === "function") return;
  throw new TypeError(`${WHERE}: sequences: expected an iterable, got ${describe(source)}`);
}

export function iteratorOf<S>(
  source: AsyncIterable<S> | Iterable<S>,
): AsyncIterator<S> | Iterator<S> {
  const some = source as Partial<AsyncIterable<S>> & Iterable<S>;
  const iterator: unknown = some[Symbol.asyncIterator]?.() ?? some[Symbol.iterator]();
  const { next }: { next?: unknown } = Object(iterator);
  if (typeof next === "function") return iterator as AsyncIterator<S> | Iterator<S>;
  const got = describe(iterator);
  throw new TypeError(`${WHERE}: sequences: expected an iterator with a method next, got ${got}`);
}

/** Throws unless `concurrency` is a number of items. */
export function checkConcurrency(concurrency = DEFAULT_CONCURRENCY): number {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency;
  throw new RangeError(
    `${WHERE}: concurrency: expected an integer ≥ 1, got ${String(concurrency)}`,
  );
}

/** The work of `inOrder` on the items of a source. */
export interface OrderedWork<S, T, R> {
  /** The most items that are held. */
  readonly concurrency: number | undefined;
  readonly signal: AbortSignalLike | undefined;
  /** Prepares one item as it arrives. */
  readonly encode: (item: S, index: number) => Promise<T>;
  /** Works on some items, at least one. */
  readonly score: (items: T[]) => Promise<R[]>;
}

/**
 * Works through a source in order: the items that have arrived are worked on, and their results given out, before more are
 * taken. An error comes in its place, after the results of all items before it.
 */
export async function* inOrder<S, T, R>(
  source: AsyncIterable<S> | Iterable<S>,
  { concurrency, signal, encode, score }: OrderedWork<S, T, R>,
): AsyncGenerator<R, void, void> {
  const reader = new SourceReader(iteratorOf(source), encode, signal);
  const most = checkConcurrency(concurrency);
  let failure: Received<T>["failure"];
  try {
    for (let isEnd = false; !isEnd; ) {
      const received = await reader.take(most);
      if (received.items.length > 0) yield* await score(received.items);
      ({ isEnd, failure } = received);
    }
  } catch (cause) {
    if (cause instanceof AbortedError) yield* leading(cause.completed as (R | undefined)[]);
    failure = { cause };
  } finally {
    // An error of the source's `return` counts for nothing beside another one.
    await (failure === undefined ? reader.end() : reader.end().catch(() => undefined));
  }
  if (failure !== undefined) throw failure.cause;
}

/** The results before the first one that is missing. */
export function* leading<R>(completed: readonly (R | undefined)[]): Generator<R> {
  for (const each of completed) {
    if (each === undefined) return;
    yield each;
  }
}
