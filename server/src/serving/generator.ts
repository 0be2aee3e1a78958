import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Generated, GeneratedToken } from "recurra/generate";
import { Problem } from "../problem.js";
import type {
  FromGeneration,
  GenerationModel,
  GenerationOptions,
  ToGeneration,
} from "./generation_protocol.js";
import type { WorkSignal } from "./work_signal.js";

/** Texts that are continued at a time. */
const MOST = 64;

/** A text on its way: what came of it and was not taken. */
interface Call {
  readonly tokens: GeneratedToken[];
  ended: Generated | Error | undefined;
  wake(): void;
}

/**
 * Continues texts in a worker of its own, which starts with the first one: tokens depend on each other, so a text takes long,
 * and the pool's workers are for short work.
 */
export class Generator {
  readonly #model: GenerationModel;
  readonly #calls = new Map<number, Call>();
  #worker: Worker | undefined;
  #serial = 0;

  constructor(model: GenerationModel) {
    this.#model = model;
  }

  /** @throws a `Problem`; the signal's reason if it aborts */
  async *generate(
    options: GenerationOptions,
    signal: WorkSignal,
  ): AsyncGenerator<GeneratedToken, Generated, void> {
    if (this.#calls.size >= MOST)
      throw new Problem("overloaded", `${MOST} texts are being continued`, { retryAfter: 1 });
    signal.throwIfAborted();
    const id = this.#serial++;
    let wake = (): void => undefined;
    const call: Call = { tokens: [], ended: undefined, wake: () => wake() };
    this.#calls.set(id, call);
    const abort = (): void => {
      call.ended ??= signal.reason as Error;
      call.wake();
    };
    signal.addEventListener("abort", abort);
    this.#post({ kind: "generate", id, options });
    try {
      for (;;) {
        yield* call.tokens.splice(0);
        if (call.tokens.length > 0) continue;
        const { ended } = call;
        if (ended instanceof Error) throw ended;
        if (ended !== undefined) return ended;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", abort);
      this.#calls.delete(id);
      // Also where the loop was left before the end.
      this.#worker?.postMessage({ kind: "cancel", id } satisfies ToGeneration);
    }
  }

  #post(message: ToGeneration): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const script = createRequire(import.meta.url).resolve("recurra-server/generation-worker");
    const worker = new Worker(script, { workerData: this.#model });
    worker.on("message", (message: FromGeneration) => this.#hear(message));
    const lost = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const problem = new Problem(
        "worker-lost",
        `the worker that continues texts ended: ${error.message}`,
        { cause: error },
      );
      for (const call of this.#calls.values()) {
        call.ended ??= problem;
        call.wake();
      }
    };
    worker.on("error", lost);
    worker.on("exit", (code) => lost(new Error(`code ${code}`)));
    return worker;
  }

  #hear(message: FromGeneration): void {
    const call = this.#calls.get(message.id);
    if (call === undefined) return;
    if (message.kind === "tokens") call.tokens.push(...message.tokens);
    else if (message.kind === "end") call.ended = message.generated;
    else call.ended = failureOf(message);
    call.wake();
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const call of this.#calls.values()) {
      call.ended ??= new Problem("not-ready", "the model is ending");
      call.wake();
    }
    await worker?.terminate();
  }
}

/** What the library says of options and prompts is for the client; everything else is a fault of the server. */
function failureOf({ name, message }: { readonly name: string; readonly message: string }): Error {
  if (name === "UnknownTokenError") return new Problem("unknown-token", message);
  if (/^(TypeError|RangeError|StateError|ShapeError)$/.test(name))
    return new Problem("invalid-request", message);
  return new Error(`${name}: ${message}`);
}
