import { QueueFullError, StateError } from "../errors.js";
import { Call } from "./call.js";
import type { CallPlan } from "./call_setup.js";
import { Crew, noWorkers } from "./crew.js";
import type { OpenMessage, PushedInputs, WorkerNews } from "./protocol.js";
import { CallQueue } from "./queue.js";
import type { PoolSettings } from "./settings.js";
import { type PoolSource, portableModel } from "./source.js";
import { StreamRecord, type StreamRecordOptions } from "./stream_record.js";
import type { WorkerLike } from "./worker_port.js";

/** What a pool does at the moment. */
export interface PoolStats {
  /** Each worker, the streams that live there, and the bytes of its linear memory. A worker that ended is starting again. */
  readonly workers: readonly {
    readonly state: "starting" | "idle" | "busy";
    readonly streams: number;
    readonly memory: number;
  }[];
  /** Calls that are open. */
  readonly calls: number;
  /** Sequences that no worker has yet. */
  readonly waiting: number;
  /** Sequences that are at workers. */
  readonly running: number;
  /** Sequences of the calls that have finished. */
  readonly finished: number;
  /** Live streams. */
  readonly streams: number;
  /** Pushes that no worker has yet, that are at workers, and that are done; and in how many passes they were. */
  readonly pushes: {
    readonly waiting: number;
    readonly running: number;
    readonly finished: number;
    readonly batches: number;
  };
  /** Workers that took the place of one that had ended. */
  readonly restarts: number;
}

/** What differs between pools. */
export interface PoolPlan extends Pick<OpenMessage, "serves"> {
  /** The function that makes the pool. */
  readonly where: string;
  readonly settings: PoolSettings;
  readonly source: PoolSource;
  /** Starts a worker, if the settings do not say how. */
  readonly spawn: () => WorkerLike;
  /** Packs the inputs of many pushes. */
  readonly pack: (inputs: readonly unknown[]) => PushedInputs;
}

/** The workers of a pool and the calls that wait for them. */
export class PoolCore {
  readonly settings: PoolSettings;
  /** What the workers say of the model. */
  #facts: object = {};
  readonly #crew: Crew;
  readonly #queue = new CallQueue();
  #calls = 0;
  #finished = 0;
  #pushed = 0;
  #batches = 0;
  #closing: Promise<void> | undefined;
  /** Called when no call is open. */
  #onIdle: (() => void) | undefined;

  private constructor(
    { where, settings, spawn, pack, serves }: PoolPlan,
    model: OpenMessage["model"],
  ) {
    const { size, tries, worker = spawn, engine, startTimeout, model: options } = settings;
    this.settings = settings;
    this.#crew = new Crew({
      where,
      size,
      tries,
      startTimeout,
      spawn: worker,
      pack,
      open: { kind: "open", serves, model, options, engine },
      nextPortion: (room) => this.#queue.next(room),
      broken: (cause) => this.#queue.fail((called) => noWorkers(called, cause)),
      pushed: (...what) => this.#takePushed(...what),
    });
  }

  /** Starts the workers. Resolves when all of them are ready. */
  static async open(plan: PoolPlan): Promise<PoolCore> {
    const core = new PoolCore(plan, await portableModel(plan.where, plan.source));
    core.#facts = await core.#crew.start();
    core.#crew.keepAlive(false);
    return core;
  }

  /** What the workers say of the model: of the kind that the pool serves. */
  facts<F extends object>(): F {
    return this.#facts as F;
  }

  /** The number of workers that were asked for. */
  get size(): number {
    return this.settings.size;
  }

  /** Throws if the pool takes no calls any more. */
  checkOpen(where: string): void {
    if (this.#closing !== undefined) throw new StateError(`${where}: the pool is closed`);
    const { cause } = this.#crew;
    if (cause !== undefined) throw noWorkers(where, cause);
  }

  /** Counts a call as open until `leave`: meanwhile the workers keep the process alive. */
  enter(where: string): void {
    this.checkOpen(where);
    const { maxQueue } = this.settings;
    if (this.#calls >= maxQueue) throw new QueueFullError(where, maxQueue);
    this.#begin();
  }

  leave(): void {
    this.#calls--;
    if (this.#calls > 0) return;
    this.#crew.keepAlive(false);
    this.#onIdle?.();
  }

  async track<R>(where: string, call: () => Promise<R>): Promise<R> {
    this.enter(where);
    try {
      return await call();
    } finally {
      this.leave();
    }
  }

  /** As `track`, for a part of a call that was let in before. */
  async count<R>(call: () => Promise<R>): Promise<R> {
    this.#begin();
    try {
      return await call();
    } finally {
      this.leave();
    }
  }

  /** Works on a call. Those of one owner are worked on in their order, those of others in turns. */
  async work<R extends object>(plan: CallPlan<R>, owner?: object): Promise<(R | Error)[]> {
    this.checkOpen(plan.where);
    const { size: workers, tries, onBatch } = this.settings;
    const call = new Call({ ...plan, workers, tries, onBatch });
    this.#queue.add(call, owner ?? call);
    this.#crew.fill();
    try {
      const results = await call.finished;
      this.#finished += results.length;
      return results;
    } finally {
      this.#queue.remove(call);
    }
  }

  newStream(where: string, options: StreamRecordOptions): StreamRecord {
    this.checkOpen(where);
    const { workers } = this.#crew;
    const worker = workers.reduce((least, each) => (each.streams < least.streams ? each : least));
    return new StreamRecord(worker, options);
  }

  stats(): PoolStats {
    const { workers, restarts } = this.#crew;
    const sum = (of: (worker: (typeof workers)[number]) => number): number =>
      workers.reduce((all, worker) => all + of(worker), 0);
    return {
      workers: workers.map(({ isReady, load, streams, memory, pushes }) => {
        const isBusy = load > 0 || pushes.running > 0;
        return { state: !isReady ? "starting" : isBusy ? "busy" : "idle", streams, memory };
      }),
      calls: this.#calls,
      ...this.#queue.counts,
      finished: this.#finished,
      streams: sum(({ streams }) => streams),
      pushes: {
        waiting: sum(({ pushes }) => pushes.waiting),
        running: sum(({ pushes }) => pushes.running),
        finished: this.#pushed,
        batches: this.#batches,
      },
      restarts,
    };
  }

  close(drain: boolean): Promise<void> {
    if (!drain) this.#queue.fail((where) => new StateError(`${where}: the pool was closed`));
    this.#closing ??= this.#close(drain);
    return this.#closing;
  }

  async #close(drain: boolean): Promise<void> {
    if (drain && this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#crew.close();
  }

  #begin(): void {
    this.#calls++;
    this.#crew.keepAlive(true);
  }

  #takePushed(rows: number, waited: number, { worked }: WorkerNews): void {
    this.#pushed += rows;
    this.#batches++;
    this.settings.onBatch?.({ kind: "push", rows, waited, worked });
  }
}
