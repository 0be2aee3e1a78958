import { describe } from "../tensor.js";

/** How long work goes on without giving way, in milliseconds, unless told. */
const USUAL = 5;

export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Tells how many of `total` are done, if that has changed since it was told last. */
export function teller(
  total: number,
  onProgress: ((progress: Progress) => void) | undefined,
): (done: number) => void {
  let told = -1;
  return (done) => {
    if (done === told) return;
    told = done;
    onProgress?.({ done, total });
  };
}

export interface SliceOptions {
  /** Ends the work between two slices. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the event loop has its turn. Default 5. */
  readonly yieldEvery?: number | undefined;
}

/** Throws unless the options are of the right kind. */
export function checkSlices(
  where: string,
  {
    signal,
    yieldEvery = USUAL,
    onProgress,
  }: SliceOptions & { readonly onProgress?: ((progress: Progress) => void) | undefined },
): void {
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw new TypeError(`${where}: signal: expected an AbortSignal, got ${describe(signal)}`);
  }
  if (!(typeof yieldEvery === "number" && yieldEvery >= 0)) {
    throw new TypeError(
      `${where}: yieldEvery: expected milliseconds ≥ 0, got ${String(yieldEvery)}`,
    );
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`${where}: onProgress: expected a function, got ${describe(onProgress)}`);
  }
}

/** Resolves when everything that waited has had its turn: timers, input, other promises. */
export function pause(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (work: () => void) => void };
  return new Promise((resolve) => {
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    // A browser holds timers back by 4 ms; a message goes at once.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

/** When it is time to give way. */
export class Pace {
  readonly #every: number;
  #end: number;

  constructor(every = USUAL) {
    this.#every = every;
    this.#end = performance.now() + every;
  }

  get due(): boolean {
    return performance.now() >= this.#end;
  }

  /** Gives way. */
  async rest(): Promise<void> {
    await pause();
    this.#end = performance.now() + this.#every;
  }
}

/**
 * Does a job whose pauses are its `yield`s, giving way from time to time.
 *
 * @param pace goes on from what was done before, where several jobs follow each other
 */
export async function inSlices<R>(
  job: Generator<void, R, void>,
  { signal, yieldEvery }: SliceOptions,
  aborted: (reason: unknown) => Error,
  onSlice?: () => void,
  pace = new Pace(yieldEvery),
): Promise<R> {
  const check = (): void => {
    if (signal?.aborted) throw aborted(signal.reason);
  };
  try {
    check();
    for (;;) {
      const step = job.next();
      if (step.done) return step.value;
      if (!pace.due) continue;
      onSlice?.();
      await pace.rest();
      check();
    }
  } finally {
    // Gives back what the job holds, if it was left before its end.
    job.return(undefined as never);
  }
}
