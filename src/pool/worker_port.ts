/** A worker as Node's `worker_threads`, Deno, Bun or a browser makes it. */
export interface WorkerLike {
  /** Posts a message to it. */
  postMessage(message: unknown): void;
  /** Ends it. */
  terminate(): unknown;
}

/** The methods by which kinds of workers differ. */
interface AnyWorker extends WorkerLike {
  /** Node's events: message, messageerror, error, exit. */
  readonly on?: (name: string, listener: (value: never) => void) => void;
  /** The web's: message, messageerror, error; Bun's close. */
  readonly addEventListener?: (name: string, listener: (event: never) => void) => void;
  /** Whether the worker keeps the process alive. Browsers and Deno's web workers have no such choice. */
  readonly ref?: () => void;
  readonly unref?: () => void;
}

interface Locks {
  request(name: string, work: () => Promise<void>): Promise<void>;
}

/** The Web Locks of the host, where it has them. A lock ends with the worker that holds it. */
export const locks = (): Locks | undefined =>
  (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;

/** What a worker tells its pool. */
export interface WorkerEvents {
  message(data: unknown): void;
  /** The worker has ended, or is of no use any more. Called at most once, and not after `terminate`. */
  lost(cause: Error): void;
}

/** A worker of any host, with the same events. */
export class WorkerPort {
  readonly #worker: AnyWorker;
  readonly #events: WorkerEvents;
  #isOpen = true;

  constructor(worker: WorkerLike, events: WorkerEvents) {
    this.#worker = worker;
    this.#events = events;
    const { on, addEventListener } = this.#worker;
    if (this.tellsEnd) this.#listenToNode(on?.bind(worker));
    else this.#listenToWeb(addEventListener?.bind(worker));
  }

  /** Whether the host tells when the worker ends, as `worker_threads` does. */
  get tellsEnd(): boolean {
    return typeof this.#worker.on === "function";
  }

  post(message: unknown): void {
    if (this.#isOpen) this.#worker.postMessage(message);
  }

  /** Chooses whether the worker keeps the process alive, where the host lets a program choose. */
  keepAlive(isKept: boolean): void {
    if (!this.#isOpen) return;
    if (isKept) this.#worker.ref?.();
    else this.#worker.unref?.();
  }

  /** Notices the end of a web worker by a lock that it holds: its host sends no event. */
  watchLock(name: string): void {
    const ended = async (): Promise<void> => this.#lose(new Error("the worker ended"));
    locks()
      ?.request(name, ended)
      .catch(() => undefined);
  }

  async terminate(): Promise<void> {
    this.#isOpen = false;
    await this.#worker.terminate();
  }

  #listenToNode(on: AnyWorker["on"]): void {
    on?.("message", (data: unknown) => this.#hear(data));
    on?.("messageerror", (error: unknown) => this.#lose(error));
    on?.("error", (error: unknown) => this.#lose(error));
    on?.("exit", (code: number) => this.#lose(new Error(`the worker ended with code ${code}`)));
  }

  #listenToWeb(listen: AnyWorker["addEventListener"]): void {
    listen?.("message", ({ data }: { data: unknown }) => this.#hear(data));
    listen?.("messageerror", () => this.#lose(new Error("a message could not be read")));
    listen?.("error", ({ error, message }: { error?: unknown; message?: string }) => {
      this.#lose(error ?? new Error(message || "its script could not be loaded"));
    });
    listen?.("close", () => this.#lose(new Error("the worker ended")));
  }

  #hear(data: unknown): void {
    if (this.#isOpen) this.#events.message(data);
  }

  #lose(thrown: unknown): void {
    if (!this.#isOpen) return;
    void this.terminate();
    this.#events.lost(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}
