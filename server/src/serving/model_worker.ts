// The script of a worker that serves a graph. The server starts it by the entry `recurra-server/model-worker`.
import { parentPort, workerData } from "node:worker_threads";
import { ServedGraph } from "./served_graph.js";
import type { ServedStream } from "./served_stream.js";
import type {
  Answers,
  FromThread,
  Request,
  SentError,
  SentPush,
  SentStep,
  ThreadModel,
  ToThread,
} from "./threads_protocol.js";

const say = (message: FromThread): void => parentPort?.postMessage(message);
const sent = (error: unknown): SentError => {
  const { name, message } = error as Error;
  return { error: { name, message } };
};

/** Obeys requests. */
class Service {
  readonly #model: ServedGraph;
  readonly #streams = new Map<number, ServedStream | Error>();
  readonly #running = new Map<number, AbortController>();

  constructor(model: ServedGraph) {
    this.#model = model;
  }

  async receive(message: ToThread): Promise<void> {
    if ("cancel" in message) {
      this.#running.get(message.cancel)?.abort();
      return;
    }
    const { id, request } = message;
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      say({ id, answer: await this.#obey(request) });
    } catch (error) {
      say({ id, ...sent(error) });
    }
    this.#running.delete(id);
  }

  #obey(request: Request): Answers[Request["name"]] {
    switch (request.name) {
      case "run":
        return this.#model.run(request.inputs);
      case "open":
        this.#streams.set(request.stream, this.#open(request.from));
        return undefined;
      case "fork":
        this.#streams.set(request.to, this.#fork(request.stream));
        return undefined;
      case "state":
        return this.#stream(request.stream).toBytes();
      case "close": {
        const stream = this.#streams.get(request.stream);
        this.#streams.delete(request.stream);
        if (stream !== undefined && !(stream instanceof Error)) stream.dispose();
        return undefined;
      }
      case "push":
        return this.#push(request);
    }
  }

  #open(from: Uint8Array | undefined): ServedStream | Error {
    try {
      const stream = this.#model.stream();
      if (from !== undefined) stream.fromBytes(from);
      return stream;
    } catch (error) {
      return error as Error;
    }
  }

  #fork(n: number): ServedStream | Error {
    try {
      return this.#stream(n).fork();
    } catch (error) {
      return error as Error;
    }
  }

  #stream(n: number): ServedStream {
    const stream = this.#streams.get(n);
    if (stream === undefined) throw new Error("the stream is not open");
    if (stream instanceof Error) throw stream;
    return stream;
  }

  /** Round by round: each stream's next step, all of them together. */
  #push({ streams, steps, wantsStates }: Extract<Request, { name: "push" }>): SentPush[] {
    const results: (Exclude<SentPush, SentError>["results"][number][] | SentError)[] = streams.map(
      () => [],
    );
    const longest = Math.max(0, ...steps.map(({ length }) => length));
    for (let t = 0; t < longest; t++) {
      const places = [...streams.keys()].filter(
        (i) => Array.isArray(results[i]) && t < (steps[i]?.length ?? 0),
      );
      this.#round(
        places.map((i) => ({ stream: streams[i] as number, step: steps[i]?.[t] as SentStep })),
        (k, result) => {
          const place = places[k] as number;
          if ("error" in result) results[place] = result as SentError;
          else (results[place] as unknown[]).push(result);
        },
      );
    }
    return results.map((result, i) => {
      if (!Array.isArray(result)) return result;
      return {
        results: result,
        state: wantsStates ? this.#stream(streams[i] as number).toBytes() : undefined,
      };
    });
  }

  #round(
    pushes: readonly { stream: number; step: SentStep }[],
    put: (k: number, result: object) => void,
  ): void {
    try {
      const streams = pushes.map(({ stream }) => this.#stream(stream));
      const results = this.#model.pushAll(
        streams as never,
        pushes.map(({ step }) => step),
      );
      for (const [k, result] of results.entries()) put(k, result);
    } catch (error) {
      // One of several is at fault: nothing was read, and each is tried alone.
      if (pushes.length === 1) put(0, sent(error));
      else
        for (const [k, push] of pushes.entries())
          this.#round([push], (_, result) => put(k, result));
    }
  }
}

async function start(): Promise<void> {
  try {
    const served = await ServedGraph.open(workerData as ThreadModel);
    const service = new Service(served);
    parentPort?.on("message", (message: ToThread) => void service.receive(message));
    say({ facts: served.facts });
  } catch (error) {
    say({ refused: (error as Error).message });
  }
}

void start();
