import type { AbortSignalLike } from "../host.js";

/** What waits for a signal, by one listener: Node warns of more than ten of them. */
interface Watch {
  readonly waiting: Set<() => void>;
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignalLike, Watch>();

function newWatch(): Watch {
  const waiting = new Set<() => void>();
  return {
    waiting,
    listener: () => {
      for (const ended of [...waiting]) ended();
    },
  };
}

/** Calls `onAbort` when `signal` aborts, at once if it has. Returns a function that ends the wait. */
export function watchAbort(signal: AbortSignalLike | undefined, onAbort: () => void): () => void {
  if (signal?.aborted) onAbort();
  if (signal === undefined || signal.aborted) return () => undefined;
  const watch = watches.get(signal) ?? newWatch();
  watches.set(signal, watch);
  const { waiting, listener } = watch;
  if (waiting.size === 0) signal.addEventListener("abort", listener);
  waiting.add(onAbort);
  return () => {
    if (waiting.delete(onAbort) && waiting.size === 0)
      signal.removeEventListener("abort", listener);
  };
}
