import { coreOf, createEngine, type Engine } from "../wasm/engine.js";
import { now } from "./clock.js";
import { HeldStreams } from "./held_streams.js";
import { OwnSignal } from "./own_signal.js";
import type {
  FromWorker,
  OpenMessage,
  Reply,
  RunMessage,
  ScoreMessage,
  ToWorker,
} from "./protocol.js";
import type { Served } from "./served.js";
import { toWire } from "./wire_error.js";
import { locks } from "./worker_port.js";

/** A message is long from here on, in rows: a shorter one does not wait for it. */
const LONG_ROWS = 4096;

/** Posts to the pool. Buffers are transferred, not copied. */
export type Post = (message: FromWorker, transferred?: readonly ArrayBuffer[]) => void;

/** Opens the model of a message. */
export type OpenServed = (engine: Engine, message: OpenMessage) => Promise<Served>;

/** A portion at work. */
interface Running {
  readonly id: number;
  readonly rows: number;
  readonly signal: OwnSignal;
}

/** A worker's side of a pool: one model, its streams, and the sequences that wait for it. */
export class Service {
  readonly #post: Post;
  readonly #openServed: OpenServed;
  #engine: Engine | undefined;
  #served: Served | undefined;
  #streams: HeldStreams | undefined;
  readonly #waiting: (ScoreMessage | RunMessage)[] = [];
  #running: Running[] = [];

  constructor(post: Post, openServed: OpenServed) {
    this.#post = post;
    this.#openServed = openServed;
  }

  /** Takes a message of the pool. */
  receive(message: ToWorker): void {
    switch (message.kind) {
      case "open":
        void this.#open(message);
        return;
      case "abort":
        this.#abort(message.id);
        return;
      case "stream":
        this.#answer(message.id, () => (this.#streams as HeldStreams).obey(message));
        return;
      case "push":
        this.#answer(message.id, () => (this.#streams as HeldStreams).push(message));
        return;
      default:
        this.#waiting.push(message);
        this.#start();
    }
  }

  async #open(message: OpenMessage): Promise<void> {
    const { engine, lock } = message;
    try {
      this.#engine = await createEngine(engine);
      this.#served = await this.#openServed(this.#engine, message);
      this.#streams = new HeldStreams(this.#served);
      const isLocked = lock !== undefined && (await hold(lock));
      const { facts } = this.#served;
      this.#post({ kind: "ready", facts, isLocked, memory: this.#memory() });
    } catch (error) {
      this.#post({ kind: "refused", error: toWire(error) });
    }
  }

  #memory(): number {
    return coreOf(this.#engine as Engine).arena.bytes;
  }

  /** Posts an answer, or the reason why there is none. */
  #answer(id: number, work: () => Reply): void {
    const start = now();
    let reply: Reply;
    try {
      reply = work();
    } catch (error) {
      reply = { kind: "failed", id, error: toWire(error) };
    }
    this.#reply(reply, start);
  }

  #reply(reply: Reply, start: number): void {
    const news = { memory: this.#memory(), worked: now() - start };
    this.#post({ ...reply, ...news }, buffersOf(reply));
  }

  #abort(id: number): void {
    this.#running.find((each) => each.id === id)?.signal.abort();
    const place = this.#waiting.findIndex((message) => message.id === id);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    this.#reply({ kind: "failed", id, error: undefined }, now());
  }

  /** Begins what waits: if nothing is at work, or only something long and the next is short. */
  #start(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const rows = rowsOf(next);
      const isBlocked = this.#running.some((each) => each.rows < LONG_ROWS || rows >= LONG_ROWS);
      if (isBlocked) return;
      this.#waiting.shift();
      void this.#run(next, { id: next.id, rows, signal: new OwnSignal() });
    }
  }

  async #run(message: ScoreMessage | RunMessage, running: Running): Promise<void> {
    this.#running.push(running);
    const { id, signal } = running;
    const start = now();
    let reply: Reply;
    try {
      const served = this.#served as Required<Served>;
      reply =
        message.kind === "run"
          ? served.run(id, message.inputs)
          : await served.work(message, signal);
    } catch (error) {
      reply = { kind: "failed", id, error: signal.aborted ? undefined : toWire(error) };
    }
    this.#running = this.#running.filter((each) => each !== running);
    this.#reply(reply, start);
    this.#start();
  }
}

/** The rows of a message, about. A run of a graph is not divided: it is short. */
function rowsOf(message: ScoreMessage | RunMessage): number {
  if (message.kind === "run") return 0;
  let rows = 0;
  for (const each of message.sequences) {
    rows += typeof each === "string" || "length" in each ? each.length : (each.shape[0] as number);
  }
  return rows;
}

/** What can be transferred of a reply. */
function buffersOf(reply: Reply): ArrayBuffer[] {
  switch (reply.kind) {
    case "scores":
      return [reply.numbers.buffer, reply.lengths.buffer];
    case "tags":
      return [reply.numbers.buffer, reply.classes.buffer, reply.lengths.buffer];
    case "value":
      return reply.value === undefined ? [] : [reply.value.buffer];
    case "pushed":
      return [reply.numbers.buffer, reply.states.buffer];
    default:
      return [];
  }
}

/** Holds a lock until the worker ends; false where the host has no locks, or refuses them. */
function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const held = locks()?.request(name, () => {
      resolve(true);
      return new Promise(() => undefined);
    });
    if (held === undefined) resolve(false);
    else held.catch(() => resolve(false));
  });
}
