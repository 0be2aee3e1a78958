import { StreamLostError } from "recurra/pool";
import { Problem } from "../problem.js";
import type { PushResult } from "../serving/backend.js";
import type { BatchEvents } from "../serving/batcher.js";
import type { ModelVersion } from "../serving/version.js";
import type { StreamStore } from "../state/store.js";
import { storeUnavailable } from "../state/store_watch.js";
import type { LiveStream, PendingPush } from "./live_stream.js";

/** Batches at the workers: one at work, one that they begin without waiting for this thread. */
const IN_FLIGHT = 2;
/** Times that a push is made again because another instance was faster. */
const TRIES = 8;

/** A push that was taken for a batch. */
interface Taken {
  readonly live: LiveStream;
  readonly push: PendingPush;
  isSettled: boolean;
}

/** Whether the stream is somewhere else than the client believes. */
const isOff = ({ live, push }: Taken): boolean =>
  push.expected !== undefined && push.expected !== live.position;

/** What a batcher needs of the table of streams. */
export interface PushHost {
  readonly store: StreamStore | undefined;
  readonly limits: {
    readonly maxLiveBatch: number;
    readonly maxDelay: number;
    readonly maxQueue: number;
  };
  /** Brings a stream to what the store has. @throws if it is not there any more */
  reload(live: LiveStream): Promise<void>;
  /** Ends a stream that cannot go on. */
  drop(live: LiveStream, reason: Error): void;
}

/**
 * Gathers the pushes of many streams of one version into messages for the workers. A stream has at most one push in a batch,
 * and its pushes are made in order.
 */
export class PushBatcher {
  readonly #version: ModelVersion;
  readonly #host: PushHost;
  readonly #events: BatchEvents;
  /** Streams that have a push and none at a worker. */
  #ready: LiveStream[] = [];
  #waiting = 0;
  #inFlight = 0;
  #oldest = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(version: ModelVersion, host: PushHost, events: BatchEvents) {
    this.#version = version;
    this.#host = host;
    this.#events = events;
  }

  /** Pushes that no worker has. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a push. @throws a `Problem` of code `overloaded` */
  add(live: LiveStream, push: PendingPush): void {
    if (this.#waiting >= this.#host.limits.maxQueue) {
      throw new Problem("overloaded", `${this.#waiting} pushes wait`, { retryAfter: 1 });
    }
    this.#waiting++;
    live.add(push);
    if (live.isBusy || live.isListed) return;
    if (this.#ready.length === 0) this.#oldest = live.lastUsed;
    this.#list(live);
  }

  /** Takes back a push that no worker has. One that a worker has is made, and answered. */
  withdraw(live: LiveStream, push: PendingPush, reason: Error): void {
    const place = live.waiting.indexOf(push);
    if (place < 0) return;
    live.waiting.splice(place, 1);
    this.#waiting--;
    live.settle(push, reason);
  }

  /** Pushes that were rejected because their stream ended. */
  forget(pushes: number): void {
    this.#waiting -= pushes;
  }

  /** Sends at once if no worker has a batch; otherwise when it is full, or has waited long enough. */
  #schedule(): void {
    if (this.#ready.length === 0 || this.#inFlight >= IN_FLIGHT) return;
    const { maxLiveBatch, maxDelay } = this.#host.limits;
    if (this.#inFlight === 0) {
      this.#immediate ??= setImmediate(() => {
        this.#immediate = undefined;
        this.#send();
      });
    } else if (this.#ready.length >= maxLiveBatch) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), maxDelay);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#inFlight >= IN_FLIGHT) return;
    const taken: Taken[] = [];
    for (const live of this.#ready.splice(0, this.#host.limits.maxLiveBatch)) {
      live.isListed = false;
      const push = live.waiting.shift();
      if (push === undefined) continue;
      live.isBusy = true;
      taken.push({ live, push, isSettled: false });
    }
    if (taken.length > 0) void this.#run(taken);
    this.#schedule();
  }

  async #run(taken: readonly Taken[]): Promise<void> {
    this.#inFlight++;
    const sent = performance.now();
    const steps = taken.reduce((sum, { push }) => sum + push.steps.length, 0);
    this.#events.batch(taken.length, steps, Math.max(0, sent - this.#oldest));
    this.#oldest = sent;
    try {
      await this.#make(taken, TRIES);
    } catch (error) {
      for (const each of taken) this.#settle(each, error as Error);
    }
    this.#inFlight--;
    this.#events.done(steps, performance.now() - sent);
    this.#schedule();
  }

  async #make(all: readonly Taken[], tries: number): Promise<void> {
    const { store } = this.#host;
    if (store !== undefined) {
      // The workers would run ahead of a store that cannot take what they make.
      if (!store.isUp) throw storeUnavailable();
      await this.#reloaded(all.filter(isOff));
    }
    const taken = this.#checked(all);
    if (taken.length === 0) return;
    const pushes = taken.map(({ live, push }) => ({ stream: live.inner, steps: push.steps }));
    const results = await this.#version.backend.pushAll(pushes, { states: store !== undefined });
    if (store === undefined) {
      for (const [k, each] of taken.entries()) this.#finish(each, results[k] as PushResult);
      return;
    }
    const again = await this.#save(store, taken, results);
    if (again.length === 0) return;
    const problem = new Problem(
      "position-conflict",
      "other instances push the stream all the time",
    );
    if (tries === 0) for (const each of again) this.#settle(each, problem);
    else await this.#make(await this.#reloaded(again), tries - 1);
  }

  /** Those that can be pushed now. The others are told. */
  #checked(taken: readonly Taken[]): Taken[] {
    return taken.filter((each) => {
      const { live, push, isSettled } = each;
      if (isSettled) return false;
      if (live.isClosed) {
        this.#settle(each, new Problem("stream-not-found", "the stream was ended"));
        return false;
      }
      if (!isOff(each)) return true;
      const { position } = live;
      const detail = `position: expected by the request ${push.expected}, the stream is at ${position}`;
      this.#settle(each, new Problem("position-conflict", detail, { extras: { position } }));
      return false;
    });
  }

  async #reloaded(taken: readonly Taken[]): Promise<Taken[]> {
    const found = await Promise.all(
      taken.map(async (each) => {
        try {
          await this.#host.reload(each.live);
          return [each];
        } catch (error) {
          this.#settle(each, error as Error);
          this.#host.drop(each.live, error as Error);
          return [];
        }
      }),
    );
    return found.flat();
  }

  /** Saves the states after the pushes. @returns those that have to be made again */
  async #save(
    store: StreamStore,
    taken: readonly Taken[],
    results: readonly PushResult[],
  ): Promise<Taken[]> {
    const again: Taken[] = [];
    const done: { each: Taken; result: Exclude<PushResult, Error>; position: number }[] = [];
    taken.forEach((each, k) => {
      const result = results[k] as PushResult;
      if (result instanceof StreamLostError) {
        // What a lost worker had read was not saved: the stream is opened again with what the store has.
        each.live.saved = -1;
        again.push(each);
      } else if (result instanceof Error) this.#settle(each, result);
      else done.push({ each, result, position: each.live.position + each.push.steps.length });
    });
    const { name, hash } = this.#version;
    const saves = done.map(({ each: { live }, result: { state }, position }) => ({
      id: live.id,
      expected: live.saved,
      stream: { model: name, modelHash: hash, bytes: state as Uint8Array, position },
    }));
    let saved: boolean[];
    try {
      saved = saves.length === 0 ? [] : await store.save(saves);
    } catch (error) {
      // The workers are ahead of the store: the next push begins at what was saved.
      for (const { each } of done) {
        each.live.saved = -1;
        this.#settle(each, error as Error);
      }
      return again;
    }
    done.forEach(({ each, result, position }, k) => {
      if (saved[k] !== true) {
        again.push(each);
        return;
      }
      each.live.saved++;
      each.live.position = position;
      this.#settle(each, { results: result.results, position });
    });
    return again;
  }

  #finish(each: Taken, result: PushResult): void {
    const { live, push } = each;
    if (!(result instanceof Error)) {
      live.position += push.steps.length;
      this.#settle(each, { results: result.results, position: live.position });
      return;
    }
    if (!(result instanceof StreamLostError)) {
      this.#settle(each, result);
      return;
    }
    const { state, pushed } = result;
    if (state === undefined) {
      const problem = new Problem(
        "stream-lost",
        "the worker of the stream ended, and no state was saved",
      );
      this.#settle(each, problem);
      this.#host.drop(live, problem);
      return;
    }
    const position = live.base + pushed;
    live.replace(this.#version.backend.openStream(state), { position, saved: 0 });
    const detail = `the worker of the stream ended: it goes on at position ${position}`;
    this.#settle(each, new Problem("stream-lost", detail, { extras: { position } }));
  }

  #settle(taken: Taken, outcome: Parameters<PendingPush["settle"]>[0]): void {
    if (taken.isSettled) return;
    taken.isSettled = true;
    const { live, push } = taken;
    this.#waiting--;
    live.isBusy = false;
    live.settle(push, outcome);
    if (live.waiting.length > 0 && !live.isClosed) this.#list(live);
  }

  #list(live: LiveStream): void {
    live.isListed = true;
    this.#ready.push(live);
    this.#schedule();
  }
}
