import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { StreamLostError, WorkerLostError } from "recurra/pool";
import { Problem } from "../problem.js";
import type {
  Answers,
  FromThread,
  Request,
  SentError,
  ThreadFacts,
  ThreadModel,
  ToThread,
} from "./threads_protocol.js";
import type { WorkSignal } from "./work_signal.js";

/** A request that has no answer yet. */
interface Pending {
  readonly isOfStream: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** Milliseconds between two starts of a worker that fails to start. */
const PAUSE = 1000;

/** What the library says of what was given is for the client; everything else is a fault of the server. */
export function errorOf({ error: { name, message } }: SentError): Error {
  if (name === "ShapeError") return new Problem("invalid-tensor", message);
  if (name === "UnknownTokenError") return new Problem("unknown-token", message);
  if (name === "StateError") return new Problem("model-mismatch", message);
  if (name === "ModelFormatError") return new Problem("invalid-request", message);
  if (name === "TypeError" || name === "RangeError")
    return new Problem("invalid-sequence", message);
  return new Error(`${name}: ${message}`);
}

/** The place of one worker: the one that is there now, and what it was asked. A worker that ends is replaced. */
export class Thread {
  readonly #model: ThreadModel;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #serial = 0;
  #isClosed = false;
  /** Whether it serves the model. */
  isReady = false;
  /** Streams that live there. */
  streams = 0;
  /** Workers that have ended here: the streams of each ended with it. */
  ended = 0;
  finished = 0;

  constructor(model: ThreadModel) {
    this.#model = model;
  }

  /** Requests without an answer. */
  get load(): number {
    return this.#pending.size;
  }

  /** Resolves when it serves the model. @throws what the worker says of the model */
  start(): Promise<ThreadFacts> {
    return new Promise((resolve, reject) => {
      const script = createRequire(import.meta.url).resolve("recurra-server/model-worker");
      const worker = new Worker(script, { workerData: this.#model });
      this.#worker = worker;
      worker.on("message", (message: FromThread) => {
        if ("facts" in message) {
          this.isReady = true;
          resolve(message.facts);
        } else if ("refused" in message) {
          reject(new Error(message.refused));
          void worker.terminate();
        } else this.#hear(message);
      });
      const lost = (error: Error): void => {
        reject(error);
        if (this.#worker === worker) this.#lose(error);
      };
      worker.on("error", lost);
      worker.on("exit", (code) => lost(new Error(`it ended with code ${code}`)));
    });
  }

  /** @param signal ends the wait, and the work on `tag` */
  ask<N extends Request["name"]>(
    request: Request & { readonly name: N },
    signal?: WorkSignal,
  ): Promise<Answers[N]> {
    const worker = this.#worker;
    const isOfStream = request.name !== "run";
    if (worker === undefined) {
      const cause = new Error("the worker is starting again");
      return Promise.reject(
        isOfStream
          ? new StreamLostError(request.name, undefined, 0, cause)
          : new WorkerLostError(cause.message),
      );
    }
    const id = this.#serial++;
    return new Promise<Answers[N]>((resolve, reject) => {
      const abort = (): void => {
        this.#pending.delete(id);
        worker.postMessage({ cancel: id } satisfies ToThread);
        reject(signal?.reason);
      };
      const settled = (): void => signal?.removeEventListener("abort", abort);
      this.#pending.set(id, {
        isOfStream,
        resolve: (answer) => {
          settled();
          resolve(answer as Answers[N]);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      signal?.addEventListener("abort", abort);
      worker.postMessage({ id, request } satisfies ToThread);
    });
  }

  #hear(message: Extract<FromThread, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.finished++;
    if (pending === undefined) return;
    if ("error" in message) pending.reject(errorOf(message));
    else pending.resolve(message.answer);
  }

  #lose(cause: Error): void {
    const wasReady = this.isReady;
    this.#worker = undefined;
    this.isReady = false;
    this.streams = 0;
    this.ended++;
    for (const { isOfStream, reject } of this.#pending.values()) {
      reject(
        isOfStream
          ? new StreamLostError("push", undefined, 0, cause)
          : new WorkerLostError(`the worker ended: ${cause.message}`, { cause }),
      );
    }
    this.#pending.clear();
    if (this.#isClosed || !wasReady) return;
    const again = (): void => {
      if (this.#isClosed) return;
      this.start().catch(() => setTimeout(again, PAUSE).unref());
    };
    again();
  }

  /** Ends the worker: after what it was asked, or at once. */
  async close(drain: boolean): Promise<void> {
    const open = [...this.#pending.values()];
    if (drain && open.length > 0) {
      await new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (this.#pending.size > 0) return;
          clearInterval(look);
          resolve();
        }, 10);
      });
    }
    this.#isClosed = true;
    const worker = this.#worker;
    await worker?.terminate();
  }
}
