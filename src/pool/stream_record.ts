import { StreamLostError } from "../errors.js";
import type { CrewWorker } from "./crew_worker.js";
import type { StreamCommand, ValueReply } from "./protocol.js";
import type { PushedStream, PushSink } from "./push_queue.js";
import { fromWire } from "./wire_error.js";

let serial = 0;

export interface StreamRecordOptions {
  readonly checkpointEvery: number | undefined;
  /** The state in which the stream is made. */
  readonly from?: Uint8Array | undefined;
}

/** A stream at its worker, as the pool sees it. The handle refers to it, not it to the handle, which can be collected. */
export class StreamRecord implements PushedStream {
  readonly number = serial++;
  readonly #worker: CrewWorker;
  /** How many workers had ended at that place when the stream was made: it ends with the next one. */
  readonly #ended: number;
  readonly #checkpointEvery: number | undefined;
  /** The last state that was saved, and the inputs that were read at it. */
  #saved: Uint8Array | undefined;
  #savedPushes = 0;
  /** The inputs that were sent. */
  pushes = 0;

  constructor(
    worker: CrewWorker,
    { checkpointEvery, from }: StreamRecordOptions,
    parent?: StreamRecord,
  ) {
    this.#worker = worker;
    this.#ended = parent === undefined ? worker.ended : parent.#ended;
    this.#checkpointEvery = checkpointEvery;
    this.#saved = from;
    if (parent !== undefined) {
      // What was pushed to it counts.
      worker.pushes.flush();
      this.#saved = parent.#saved;
      this.#savedPushes = parent.#savedPushes;
      this.pushes = parent.pushes;
    }
    if (!this.isLost) worker.streams++;
    // Its error would be that of every later command.
    const origin = parent === undefined ? from : parent.number;
    this.#ask("stream", { name: "open", from: origin }).catch(() => undefined);
  }

  /** A stream at the same worker that has read the same. */
  fork(): StreamRecord {
    return new StreamRecord(this.#worker, { checkpointEvery: this.#checkpointEvery }, this);
  }

  /** Gives the stream an input. A worker obeys what a stream is asked in its order. */
  push(input: unknown, sink: PushSink, place: number): void {
    if (this.isLost) sink.fail(place, this.lostError(sink.where, this.#worker.cause));
    else this.#worker.pushes.add({ record: this, input, sink, place });
  }

  /** Sends a command. */
  async ask(where: string, command: StreamCommand): Promise<ValueReply["value"]> {
    const { name } = command;
    this.#worker.pushes.flush();
    const before = this.pushes;
    if (name === "reset" || name === "fromBytes") this.pushes = 0;
    let value: ValueReply["value"];
    try {
      value = await this.#ask(where, command);
    } catch (error) {
      // Bytes that are refused change nothing.
      if (name === "fromBytes") this.pushes += before;
      throw error;
    }
    if (name === "reset") this.#save(undefined, 0);
    else if (name === "fromBytes") this.#save(command.bytes, 0);
    return value;
  }

  /** Frees the memory of the stream. */
  end(): void {
    if (this.isLost) return;
    this.#worker.streams--;
    this.#worker.pushes.flush();
    this.#ask("dispose", { name: "dispose" }).catch(() => undefined);
  }

  /** Counts an input that is sent. Returns whether the state after it is to be saved. */
  count(): boolean {
    this.pushes++;
    return this.#checkpointEvery !== undefined && this.pushes % this.#checkpointEvery === 0;
  }

  /** Takes the state after a push, if such are to be saved. */
  keep(state: Uint8Array, pushes: number): void {
    if (this.#checkpointEvery !== undefined) this.#save(state, pushes);
  }

  /** The error of whatever a stream is asked whose worker has ended. */
  lostError(where: string, cause: unknown): StreamLostError {
    return new StreamLostError(where, this.#saved, this.#savedPushes, cause);
  }

  /** Whether the worker has ended, and the stream with it. */
  get isLost(): boolean {
    return this.#worker.ended !== this.#ended;
  }

  #save(state: Uint8Array | undefined, pushes: number): void {
    this.#saved = state;
    this.#savedPushes = pushes;
  }

  #ask(where: string, command: StreamCommand): Promise<ValueReply["value"]> {
    return new Promise((resolve, reject) => {
      const lost = (cause: unknown): void => reject(this.lostError(where, cause));
      if (this.isLost) {
        lost(this.#worker.cause);
        return;
      }
      this.#worker.ask({
        weight: 0,
        message: (id) => ({ kind: "stream", id, stream: this.number, command }),
        done: (reply) => {
          if (reply.kind === "value") resolve(reply.value);
          else if (reply.kind === "failed" && reply.error !== undefined) {
            reject(fromWire(reply.error));
          }
        },
        lost,
      });
    });
  }
}
