import { FeatureError, WorkerLostError } from "../errors.js";
import { CrewWorker, type CrewWorkerSetup } from "./crew_worker.js";
import type { WorkerNews } from "./protocol.js";

/** Portions at a worker: one at work, and one that it begins without waiting for this thread. */
export const ROOM = 2;

/** What a worker can take. */
export interface Room {
  /** Whether it has no portion. */
  readonly isIdle: boolean;
  /** Whether it may have one that takes long. */
  readonly takesLong: boolean;
}

export interface CrewOptions extends CrewWorkerSetup {
  readonly size: number;
  /** Starts in a row that may fail before a worker is given up. */
  readonly tries: number;
  /** Gives out the next portion for a worker: the result hands it over. */
  readonly nextPortion: (room: Room) => ((worker: CrewWorker) => void) | undefined;
  /** A worker has answered pushes of so many streams. */
  readonly pushed: (rows: number, waited: number, news: WorkerNews) => void;
  /** No worker is left, and none can be started. */
  readonly broken: (cause: Error) => void;
}

/** The workers of a pool. One that ends is replaced. */
export class Crew {
  readonly workers: CrewWorker[];
  readonly #options: CrewOptions;
  #isKept = true;
  #isClosed = false;
  /** Workers that replaced others. */
  restarts = 0;
  /** Why no worker is left. */
  cause: Error | undefined;
  /** Settles the promise of `start`. */
  #started: { resolve(facts: object): void; reject(error: Error): void } | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.workers = Array.from({ length: options.size }, () => this.#newWorker());
  }

  /** Starts all workers. @throws what one of them says of the model, or a FeatureError if one does not run */
  async start(): Promise<object> {
    try {
      return await new Promise((resolve, reject) => {
        this.#started = { resolve, reject };
        for (const worker of this.workers) worker.start(true);
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#started = undefined;
    }
  }

  /** Hands portions to all workers that have room: first to those that have none. */
  fill(): void {
    for (let room = 1; room <= ROOM; room++) {
      for (const worker of this.workers) {
        if (!worker.isReady || worker.load >= room) continue;
        const isIdle = worker.load === 0;
        this.#options.nextPortion({ isIdle, takesLong: worker.longs === 0 })?.(worker);
      }
    }
  }

  /** Chooses whether the workers keep the process alive. */
  keepAlive(isKept: boolean): void {
    if (isKept === this.#isKept) return;
    this.#isKept = isKept;
    for (const worker of this.workers) worker.keepAlive(isKept);
  }

  /** Ends all workers, and what they are asked. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  #newWorker(): CrewWorker {
    const worker: CrewWorker = new CrewWorker(this.#options, {
      ready: (facts) => this.#ready(facts),
      lost: (cause, isRefusal) => this.#lost(worker, cause, isRefusal),
      free: () => this.fill(),
      pushed: (...what) => this.#options.pushed(...what),
    });
    return worker;
  }

  #ready(facts: object): void {
    if (this.#started === undefined) this.fill();
    else if (this.workers.every(({ isReady }) => isReady)) this.#started.resolve(facts);
  }

  #lost(worker: CrewWorker, cause: Error, isRefusal: boolean): void {
    if (this.#isClosed) return;
    if (this.#started !== undefined) {
      this.#started.reject(isRefusal ? cause : notStarted(this.#options, cause));
      return;
    }
    if (worker.failures < this.#options.tries) {
      this.restarts++;
      worker.start(this.#isKept);
      this.fill();
      return;
    }
    this.workers.splice(this.workers.indexOf(worker), 1);
    if (this.workers.length > 0) this.fill();
    else {
      this.cause = cause;
      this.#options.broken(cause);
    }
  }
}

/** A worker that never ran. */
function notStarted({ where, open }: CrewOptions, cause: Error): Error {
  if (cause instanceof FeatureError) return cause;
  if (cause.name === "DataCloneError") {
    const message = `${where}: the model or an option cannot be sent to a worker: ${cause.message}`;
    return new TypeError(message, { cause });
  }
  const script =
    open.serves === "graph" ? "calls serveGraphs(openGraph)" : "imports recurra/pool/worker";
  const hint = `pass { worker: () => new Worker(…) } with a script that ${script}`;
  return new FeatureError(`${where}: the worker did not start: ${cause.message}: ${hint}`, {
    cause,
  });
}

/** The error of whatever a pool without workers is asked. */
export function noWorkers(where: string, cause: Error): WorkerLostError {
  const message = `${where}: the workers of the pool do not start any more: ${cause.message}`;
  return new WorkerLostError(message, { cause });
}
