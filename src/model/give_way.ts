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
 * Resolves after everything that waits for a turn of the event loop has had one: timers, input, other promises.
 *
 * The host's ways are tried from the quickest to the slowest: `setImmediate` (Node, Bun), a `MessageChannel` (browsers delay
 * timers by 4 ms, messages not at all), `setTimeout` (jsdom, workerd of 2024). An AudioWorklet has none of them: there
 * only other promises get a turn.
 */
export function giveWay(): Promise<void> {
  // Looked up at each call: a test runner replaces its timers.
  const { setImmediate, MessageChannel, setTimeout } = globalThis as unknown as Tasks;
  if (setImmediate !== undefined) return new Promise((resolve) => setImmediate(resolve));
  if (MessageChannel === undefined) {
    return setTimeout === undefined
      ? Promise.resolve()
      : new Promise((resolve) => setTimeout(resolve, 0));
  }
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
