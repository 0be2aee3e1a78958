import type { LanguageModel } from "../model/language_model.js";
import { loadLanguageModel } from "../model/loading.js";
import type { Score } from "../model/score_work.js";
import type { LanguageStream } from "../model/stream.js";
import { createEngine } from "../wasm/engine.js";
import { OwnSignal } from "./own_signal.js";
import type {
  FromWorker,
  ModelFacts,
  OpenMessage,
  ScoreMessage,
  StreamMessage,
  ToWorker,
  ValueReply,
} from "./protocol.js";
import { packScores } from "./scores.js";
import { toWire } from "./wire_error.js";
import { locks } from "./worker_port.js";

/** Milliseconds of scoring after which the worker looks for messages: an abort, or a command for a stream. */
const YIELD_EVERY = 5;

/** Posts to the pool. Buffers are transferred, not copied. */
export type Post = (message: FromWorker, transferred?: readonly ArrayBuffer[]) => void;

/** A worker's side of a pool: one model, its streams, and the sequences that wait for it. */
export class Service {
  readonly #post: Post;
  #model: LanguageModel | undefined;
  /** Of each number the stream, or the reason why it could not be made. */
  readonly #streams = new Map<number, LanguageStream | Error>();
  readonly #waiting: ScoreMessage[] = [];
  #running: { readonly id: number; readonly signal: OwnSignal } | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  /** Takes a message of the pool. */
  receive(message: ToWorker): void {
    if (message.kind === "open") void this.#open(message);
    else if (message.kind === "abort") this.#abort(message.id);
    else if (message.kind === "stream") this.#obey(message);
    else {
      this.#waiting.push(message);
      if (this.#running === undefined) void this.#run();
    }
  }

  async #open({ model, options, engine, lock }: OpenMessage): Promise<void> {
    try {
      this.#model = await loadLanguageModel(await createEngine(engine), model, options);
      const isLocked = lock !== undefined && (await hold(lock));
      this.#post({ kind: "ready", facts: factsOf(this.#model), isLocked });
    } catch (error) {
      this.#post({ kind: "refused", error: toWire(error) });
    }
  }

  #abort(id: number): void {
    if (this.#running?.id === id) this.#running.signal.abort();
    const place = this.#waiting.findIndex((message) => message.id === id);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    this.#post({ kind: "failed", id, error: undefined });
  }

  /** Scores what waits. */
  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { id } = next;
      const signal = new OwnSignal();
      this.#running = { id, signal };
      try {
        const reply = packScores(id, await this.#score(next, signal));
        this.#post(reply, [reply.numbers.buffer, reply.lengths.buffer]);
      } catch (error) {
        this.#post({
          kind: "failed",
          id,
          error: signal.aborted ? undefined : toWire(error),
        });
      }
    }
    this.#running = undefined;
  }

  async #score({ sequences, from }: ScoreMessage, signal: OwnSignal): Promise<(Score | Error)[]> {
    const model = this.#model as LanguageModel;
    const options = { signal, onError: "return", yieldEvery: YIELD_EVERY } as const;
    if (from === undefined) return model.score(sequences, options);
    const stream = model.stream();
    try {
      stream.state.fromBytes(from);
      return await model.score(sequences, { ...options, from: stream });
    } finally {
      stream.dispose();
    }
  }

  #obey({ id, stream, command, isCheckpoint }: StreamMessage): void {
    try {
      const value = this.#command(stream, command);
      const checkpoint = isCheckpoint ? this.#stream(stream).state.toBytes() : undefined;
      const buffers = [value, checkpoint].flatMap((each) =>
        typeof each === "object" ? [each.buffer] : [],
      );
      this.#post({ kind: "value", id, value, checkpoint }, buffers);
    } catch (error) {
      this.#post({ kind: "failed", id, error: toWire(error) });
    }
  }

  #command(n: number, command: StreamMessage["command"]): ValueReply["value"] {
    if (command.name === "open") {
      this.#streams.set(n, this.#newStream(command.from));
      return undefined;
    }
    const stream = this.#stream(n);
    switch (command.name) {
      case "push":
        return stream.push(command.token);
      case "next":
        return stream.next() as Float64Array<ArrayBuffer>;
      case "reset":
        stream.reset();
        return undefined;
      case "toBytes":
        return stream.state.toBytes();
      case "fromBytes":
        stream.state.fromBytes(command.bytes);
        return undefined;
      case "dispose":
        this.#streams.delete(n);
        stream.dispose();
        return undefined;
    }
  }

  #newStream(from: number | undefined): LanguageStream | Error {
    try {
      return from === undefined
        ? (this.#model as LanguageModel).stream()
        : this.#stream(from).fork();
    } catch (error) {
      return error as Error;
    }
  }

  #stream(n: number): LanguageStream {
    const stream = this.#streams.get(n);
    if (stream instanceof Error) throw stream;
    return stream as LanguageStream;
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

function factsOf({ size, start, vocabulary, assumptions }: LanguageModel): ModelFacts {
  const { tokens, unknown } = vocabulary ?? {};
  return { size, start, vocabulary: tokens, unknown, assumptions };
}
