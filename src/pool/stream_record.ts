import { StreamLostError } from "../errors.js";
import type { CrewWorker } from "./crew_worker.js";
import type { StreamCommand, ValueReply } from "./protocol.js";
import { fromWire } from "./wire_error.js";

let serial = 0;

/** A stream at its worker, as the pool sees it. The handle refers to it, not it to the handle, which can be collected. */
export class StreamRecord {
  readonly #number = serial++;
  readonly #worker: CrewWorker;
  /** How many workers had ended at that place when the stream was made: it ends with the next one. */
  readonly #ended: number;
  readonly #checkpointEvery: number | undefined;
  /** The last state that was saved, and the tokens that were read at it. */
  #saved: Uint8Array | undefined;
  #savedPushes = 0;
  /** The tokens that were sent. */
  #pushes = 0;

  constructor(worker: CrewWorker, checkpointEvery: number | undefined, parent?: StreamRecord) {
    this.#worker = worker;
    this.#ended = parent === undefined ? worker.ended : parent.#ended;
    this.#checkpointEvery = checkpointEvery;
    if (parent !== undefined) {
      this.#saved = parent.#saved;
      this.#savedPushes = parent.#savedPushes;
      this.#pushes = parent.#pushes;
    }
    if (!this.#isLost) worker.streams++;
    // Its error would be that of every later command.
    const from = parent === undefined ? undefined : parent.#number;
    this.#ask("stream", { name: "open", from }, false).catch(() => undefined);
  }

  /** A stream at the same worker that has read the same tokens. */
  fork(): StreamRecord {
    return new StreamRecord(this.#worker, this.#checkpointEvery, this);
  }

  /** Sends a command. A worker obeys the commands for a stream in their order. */
  async ask(where: string, command: StreamCommand): Promise<ValueReply["value"]> {
    const { name } = command;
    if (name === "push") this.#pushes++;
    else if (name === "reset" || name === "fromBytes") this.#pushes = 0;
    const isCheckpoint =
      name === "push" && this.#pushes % (this.#checkpointEvery ?? Infinity) === 0;
    const value = await this.#ask(where, command, isCheckpoint);
    if (name === "reset") this.#save(undefined, 0);
    else if (name === "fromBytes") this.#save(command.bytes, 0);
    return value;
  }

  /** Frees the memory of the stream. */
  end(): void {
    if (this.#isLost) return;
    this.#worker.streams--;
    this.#ask("dispose", { name: "dispose" }, false).catch(() => undefined);
  }

  get #isLost(): boolean {
    return this.#worker.ended !== this.#ended;
  }

  #save(state: Uint8Array | undefined, pushes: number): void {
    this.#saved = state;
    this.#savedPushes = pushes;
  }

  #ask(where: string, command: StreamCommand, isCheckpoint: boolean): Promise<ValueReply["value"]> {
    const pushes = this.#pushes;
    return new Promise((resolve, reject) => {
      const lost = (cause: unknown): void =>
        reject(new StreamLostError(where, this.#saved, this.#savedPushes, cause));
      if (this.#isLost) {
        lost(this.#worker.cause);
        return;
      }
      this.#worker.ask({
        weight: 0,
        message: (id) => ({ kind: "stream", id, stream: this.#number, command, isCheckpoint }),
        done: (reply) => {
          if (reply.kind === "value") {
            if (reply.checkpoint !== undefined) this.#save(reply.checkpoint, pushes);
            resolve(reply.value);
          } else if (reply.kind === "failed" && reply.error !== undefined) {
            reject(fromWire(reply.error));
          }
        },
        lost,
      });
    });
  }
}
