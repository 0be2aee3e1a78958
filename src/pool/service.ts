import { coreOf, createEngine, type Engine } from "../wasm/engine.js";
import { now } from "./clock.js";
import { OwnSignal } from "./own_signal.js";
import type {
  FromWorker,
  OpenMessage,
  PushMessage,
  Reply,
  RunMessage,
  ScoreMessage,
  StreamMessage,
  ToWorker,
  ValueReply,
} from "./protocol.js";
import type { PushTarget, Served, ServedStream } from "./served.js";
import { toWire, type WireError } from "./wire_error.js";
import { locks } from "./worker_port.js";

/** A message is long from here on, in rows: a shorter one does not wait for it. */
const LONG_ROWS = 4096;

/** Posts to the pool. Buffers are transferred, not copied. */
export type Post = (message: FromWorker, transferred?: readonly ArrayBuffer[]) => void;

/** Opens the model of a message. */
export type OpenServed = (engine: Engine, message: OpenMessage) => Promise<Served>;

/** A stream at its worker, or the reason why it could not be made. */
interface HeldStream {
  readonly stream: ServedStream | Error;
  /** The last push that had it, and how often that has it. */
  push: number;
  times: number;
}

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
  readonly #streams = new Map<number, HeldStream>();
  readonly #waiting: (ScoreMessage | RunMessage)[] = [];
  #running: Running[] = [];
  #pushes = 0;

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
        this.#answer(message.id, () => this.#obey(message));
        return;
      case "push":
        this.#answer(message.id, () => this.#push(message));
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

  #obey({ id, stream: n, command }: StreamMessage): ValueReply {
    const value = (given: ValueReply["value"]): ValueReply => ({ kind: "value", id, value: given });
    if (command.name === "open") {
      this.#streams.set(n, { stream: this.#newStream(command.from), push: 0, times: 0 });
      return value(undefined);
    }
    const stream = this.#stream(n);
    switch (command.name) {
      case "next":
        return value((this.#served as Required<Served>).next(stream));
      case "reset":
        stream.reset();
        return value(undefined);
      case "toBytes":
        return value(stream.state.toBytes());
      case "fromBytes":
        stream.state.fromBytes(command.bytes);
        return value(undefined);
      case "dispose":
        this.#streams.delete(n);
        stream.dispose();
        return value(undefined);
    }
  }

  #newStream(from: number | Uint8Array | undefined): ServedStream | Error {
    try {
      if (typeof from === "number") return this.#stream(from).fork();
      const stream = (this.#served as Served).newStream();
      if (from === undefined) return stream;
      try {
        stream.state.fromBytes(from);
        return stream;
      } catch (error) {
        stream.dispose();
        throw error;
      }
    } catch (error) {
      return error as Error;
    }
  }

  #stream(n: number): ServedStream {
    const { stream } = this.#streams.get(n) as HeldStream;
    if (stream instanceof Error) throw stream;
    return stream;
  }

  /** Pushes to many streams, those that stand in the list once in one pass. */
  #push({ id, streams, inputs, kept }: PushMessage): Reply {
    const { width, givesClasses, givesOutputs } = this.#served as Served;
    const n = streams.length;
    const errors: { row: number; error: WireError }[] = [];
    const into: PushTarget = {
      numbers: new Float64Array(n * width),
      classes: givesClasses ? new Int32Array(n) : undefined,
      outputs: givesOutputs ? Array.from({ length: n }, () => ({})) : undefined,
      fail: (row, error) => errors.push({ row, error: toWire(error) }),
    };
    const states = new KeptStates(kept);
    for (const rows of this.#rounds(streams, into)) {
      const members = rows.map((row) => this.#stream(streams[row] as number));
      try {
        (this.#served as Served).push(members, inputs, Int32Array.from(rows), into);
      } catch (error) {
        for (const row of rows) into.fail(row, error);
      }
      if (kept.length > 0) states.keep(rows, members);
    }
    const { numbers, classes, outputs } = into;
    return { kind: "pushed", id, numbers, classes, outputs, errors, states: states.all };
  }

  /** The places of a list in as many passes as a stream stands in it; streams that could not be made are errors. */
  #rounds(streams: Int32Array, into: PushTarget): number[][] {
    const push = ++this.#pushes;
    const rounds: number[][] = [];
    for (let row = 0; row < streams.length; row++) {
      const held = this.#streams.get(streams[row] as number) as HeldStream;
      if (held.stream instanceof Error) {
        into.fail(row, held.stream);
        continue;
      }
      held.times = held.push === push ? held.times + 1 : 0;
      held.push = push;
      const round = rounds[held.times];
      if (round === undefined) rounds.push([row]);
      else round.push(row);
    }
    return rounds;
  }
}

/** The states that a push was asked for. */
class KeptStates {
  readonly #kept: Int32Array;
  #size = 0;
  all: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(kept: Int32Array) {
    this.#kept = kept;
  }

  /** Takes those of the streams that have just been pushed. Both lists ascend. */
  keep(rows: readonly number[], members: readonly ServedStream[]): void {
    let k = 0;
    rows.forEach((row, i) => {
      while (k < this.#kept.length && (this.#kept[k] as number) < row) k++;
      if (this.#kept[k] !== row) return;
      const bytes = (members[i] as ServedStream).state.toBytes();
      if (this.#size === 0) {
        this.#size = bytes.length;
        this.all = new Uint8Array(this.#kept.length * bytes.length);
      }
      this.all.set(bytes, k * this.#size);
    });
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
