import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll } from "vitest";

/** The threads of the servers that run in this process, as soon as they are ready. */
const ready = new Set<Worker>();

function note(thread: Worker): void {
  // The first message says that it is ready. A pool gives up a place whose threads do not start.
  thread.once("message", () => ready.add(thread));
  thread.once("exit", () => ready.delete(thread));
}
process.on("worker", note);
afterAll(() => process.removeListener("worker", note));

/** Numbers from 0 to below 1, the same in every run. */
export function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ends so many threads at random moments, about so many milliseconds apart. */
export async function endThreads(count: number, apart: number, seed: number): Promise<void> {
  const next = drawn(seed);
  for (let ended = 0; ended < count; ) {
    await wait(2 * apart * next());
    const thread = [...ready][Math.floor(next() * ready.size)];
    if (thread === undefined) continue;
    ready.delete(thread);
    await thread.terminate();
    ended++;
  }
}
