/** Milliseconds since some moment, for differences: finer than a millisecond where the host says so. */
export function now(): number {
  const { performance } = globalThis as { performance?: { now(): number } };
  return performance === undefined ? Date.now() : performance.now();
}

interface Timer {
  unref?(): void;
}

interface Timers {
  setTimeout(work: () => void, milliseconds: number): Timer | number;
  clearTimeout(timer: Timer | number): void;
}

/** Calls `work` after a time, unless the result is called before. The timer does not keep a Node process alive. */
export function after(milliseconds: number, work: () => void): () => void {
  const { setTimeout, clearTimeout } = globalThis as unknown as Timers;
  const timer = setTimeout(work, milliseconds);
  if (typeof timer === "object") timer.unref?.();
  return () => clearTimeout(timer);
}
