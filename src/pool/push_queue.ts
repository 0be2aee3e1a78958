import { giveWay } from "../model/give_way.js";
import { now } from "./clock.js";
import type { PushedInputs, PushedReply, PushMessage, Reply, WorkerNews } from "./protocol.js";
import type { Task } from "./task.js";
import { fromWire } from "./wire_error.js";

/** Messages of pushes at a worker: one at work, and one that it begins without waiting for this thread. Others gather. */
const MOST_SENT = 2;

/** Who waits for one or more pushes. */
export interface PushSink {
  /** The function that was called. */
  readonly where: string;
  /** Whether nobody waits any more: what was not sent is dropped. */
  readonly isOver: boolean;
  /** Whether states are wanted. */
  readonly wantsStates: boolean;
  /** Push number `place` of the sink is row `row` of the reply. */
  take(place: number, reply: PushedReply, row: number, state: Uint8Array | undefined): void;
  fail(place: number, error: unknown): void;
}

/** The stream of a push. */
export interface PushedStream {
  readonly number: number;
  /** The inputs that were sent. */
  readonly pushes: number;
  /** Counts an input that is sent. Returns whether the state after it is to be saved. */
  count(): boolean;
  /** Takes the state after a push. */
  keep(state: Uint8Array, pushes: number): void;
  /** The error of a push whose worker has ended. */
  lostError(where: string, cause: unknown): Error;
}

/** One push on its way. */
export interface Push {
  readonly record: PushedStream;
  readonly input: unknown;
  readonly sink: PushSink;
  readonly place: number;
}

/** What the queue needs of its worker. */
export interface PushQueueHost {
  ask(task: Task): unknown;
  /** Packs the inputs of many pushes. */
  pack(inputs: readonly unknown[]): PushedInputs;
  /** Tells that a message was answered. */
  answered(rows: number, waited: number, news: WorkerNews): void;
}

/**
 * The pushes for one worker. Those of one turn of the event loop, and those that come while the worker has two messages,
 * gather into one message.
 */
export class PushQueue {
  readonly #host: PushQueueHost;
  #gathered: Push[] = [];
  /** When the first of them came. */
  #since = 0;
  #sent = 0;
  #isScheduled = false;
  /** Pushes at the worker. */
  running = 0;

  constructor(host: PushQueueHost) {
    this.#host = host;
  }

  get waiting(): number {
    return this.#gathered.length;
  }

  add(push: Push): void {
    if (this.#gathered.length === 0) this.#since = now();
    this.#gathered.push(push);
    this.#schedule();
  }

  /** Sends what has gathered: something else for one of the streams follows. */
  flush(): void {
    const pushes = this.#gathered.filter(({ sink }) => !sink.isOver);
    this.#gathered = [];
    if (pushes.length === 0) return;
    const waited = now() - this.#since;
    const kept: number[] = [];
    pushes.forEach(({ record, sink }, row) => {
      const isCheckpoint = record.count();
      if (isCheckpoint || sink.wantsStates) kept.push(row);
    });
    const counts = kept.map((row) => (pushes[row] as Push).record.pushes);
    this.#sent++;
    this.running += pushes.length;
    const settle = (): void => {
      this.#sent--;
      this.running -= pushes.length;
      if (this.#gathered.length > 0) this.#schedule();
    };
    this.#host.ask({
      weight: 0,
      message: (id) => this.#message(id, pushes, kept),
      done: (reply) => {
        settle();
        deliver(reply, pushes, { kept, counts });
        this.#host.answered(pushes.length, waited, reply);
      },
      lost: (cause) => {
        settle();
        fail(pushes, cause);
      },
    });
  }

  /** The worker has ended, and with it the streams of all pushes that have gathered. */
  drop(cause: unknown): void {
    const pushes = this.#gathered;
    this.#gathered = [];
    fail(pushes, cause);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#sent >= MOST_SENT) return;
    this.#isScheduled = true;
    void giveWay().then(() => {
      this.#isScheduled = false;
      if (this.#sent < MOST_SENT) this.flush();
    });
  }

  #message(id: number, pushes: readonly Push[], kept: readonly number[]): PushMessage {
    return {
      kind: "push",
      id,
      streams: Int32Array.from(pushes, ({ record }) => record.number),
      inputs: this.#host.pack(pushes.map(({ input }) => input)),
      kept: Int32Array.from(kept),
    };
  }
}

function fail(pushes: readonly Push[], cause: unknown): void {
  for (const { record, sink, place } of pushes) {
    if (!sink.isOver) sink.fail(place, record.lostError(sink.where, cause));
  }
}

/** Gives each push its part of a reply. */
function deliver(
  reply: Reply,
  pushes: readonly Push[],
  { kept, counts }: { kept: readonly number[]; counts: readonly number[] },
): void {
  if (reply.kind !== "pushed") {
    if (reply.kind !== "failed" || reply.error === undefined) return;
    for (const { sink, place } of pushes) sink.fail(place, fromWire(reply.error));
    return;
  }
  const failed = new Map(reply.errors.map(({ row, error }) => [row, error]));
  const size = kept.length === 0 ? 0 : reply.states.length / kept.length;
  let k = 0;
  for (let row = 0; row < pushes.length; row++) {
    const { record, sink, place } = pushes[row] as Push;
    const isKept = kept[k] === row;
    const error = failed.size === 0 ? undefined : failed.get(row);
    let state: Uint8Array | undefined;
    if (isKept && error === undefined) {
      state = reply.states.slice(k * size, (k + 1) * size);
      record.keep(state, counts[k] as number);
    }
    if (isKept) k++;
    if (sink.isOver) continue;
    if (error !== undefined) sink.fail(place, fromWire(error));
    else sink.take(place, reply, row, state);
  }
}
