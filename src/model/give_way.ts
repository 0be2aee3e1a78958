/** The ways out of the current task that hosts have. */
interface Tasks {
  readonly setImmediate?: (work: () => void) => void;
  readonly MessageChannel?: new () => { readonly port1: Port; readonly port2: Port };
  readonly setTimeout?: (work: () => void, milliseconds: number) => void;
}

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/**
 * The ways from the quickest to the slowest: `setImmediate` (Node, Bun); a message (browsers delay timers by 4 ms, messages not
 * at all); a timer (jsdom, workerd of 2024). Each schedules `work`, or returns false where the host lacks it.
 */
const WAYS: readonly ((host: Tasks, work: () => void) => boolean)[] = [
  ({ setImmediate }, work) => {
    setImmediate?.(work);
    return setImmediate !== undefined;
  },
  ({ MessageChannel }, work) => {
    if (MessageChannel === undefined) return false;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      work();
    };
    port2.postMessage(0);
    return true;
  },
  ({ setTimeout }, work) => {
    setTimeout?.(work, 0);
    return setTimeout !== undefined;
  },
];

/**
 * Resolves after everything that waits for a turn of the event loop has had one: timers, input, other promises. An
 * AudioWorklet has no way out of its task: there only other promises get a turn.
 */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => {
    for (const way of WAYS) {
      try {
        // Looked up at each call: a test runner replaces its timers.
        if (way(globalThis as unknown as Tasks, resolve)) return;
      } catch {
        // The edge runtime of Next.js has a `setImmediate` that throws.
      }
    }
    resolve();
  });
}
