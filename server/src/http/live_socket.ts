import { Compile } from "typebox/compile";
import type { WebSocket } from "ws";
import { AnswerFrame, readFrame, type StepFrame } from "../live/frame.js";
import type { LiveStream, Pushed } from "../live/live_stream.js";
import { Problem } from "../problem.js";
import type { HostTensor, StepResult } from "../serving/backend.js";
import { parseJson } from "./bodies.js";
import type { Context } from "./context.js";
import { MESSAGE, type Message } from "./live_messages.js";
import { versionOf } from "./model_choice.js";
import { pushedOf } from "./pushed.js";
import { sequenceError } from "./score_text.js";

const checker = Compile(MESSAGE);

/** Messages that may wait for their turn before the socket is read no more. */
const MOST_TURNS = 1024;
/** Bytes that may wait to be sent before the socket is read no more. */
const SEND_LIMIT = 1 << 20;

/** A stream as a connection knows it. */
interface Held {
  readonly live: LiveStream;
  /** Whether it outlives the connection. */
  readonly isKept: boolean;
}

/** One connection, which carries many streams. */
export class LiveSocket {
  readonly #socket: WebSocket;
  readonly #context: Context;
  readonly #held = new Map<number, Held>();
  /** Steps that were sent to the workers and are not answered. */
  #pending = 0;
  #isPaused = false;
  /** What opens and forks: later messages wait for them. */
  #turn: Promise<void> = Promise.resolve();
  #turns = 0;
  #isEnded = false;

  constructor(socket: WebSocket, context: Context) {
    this.#socket = socket;
    this.#context = context;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on("close", () => this.#end());
    socket.on("error", () => socket.terminate());
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#turns === 0 && isBinary) {
      this.#obeyFrame(data);
      return;
    }
    this.#turns++;
    this.#wait(0);
    this.#turn = this.#turn.then(async () => {
      if (isBinary) this.#obeyFrame(data);
      else await this.#obeyText(data.toString("utf8"));
      this.#turns--;
      this.#wait(0);
    });
  }

  async #obeyText(text: string): Promise<void> {
    let request: unknown;
    try {
      const message = parseJson(text, this.#context.settings.maxDepth) as Message;
      if (typeof message === "object" && message !== null) request = message.request;
      if (!checker.Check(message)) {
        const [fault] = checker.Errors(message);
        throw new Problem(
          "invalid-request",
          `message${fault?.instancePath ?? ""}: ${fault?.message ?? "is not valid"}`,
        );
      }
      await this.#obey(message);
    } catch (error) {
      this.#say({ type: "error", request, error: sequenceError(error as Error) });
    }
  }

  async #obey(message: Message): Promise<void> {
    const { request } = message;
    switch (message.type) {
      case "open":
        return this.#open(message);
      case "push":
        this.#push(message);
        return;
      case "fork": {
        this.#checkFree(message.to);
        const live = await this.#settled(message.stream);
        const fork = await this.#context.streams.fork(live);
        this.#hold(message.to, { live: fork, isKept: false });
        return this.#say({ type: "opened", request, stream: message.to, ...infoOf(fork) });
      }
      case "next": {
        const live = await this.#settled(message.stream);
        const { position } = live;
        const logProbs = Array.from(await live.inner.next());
        return this.#say({ type: "next", request, stream: message.stream, position, logProbs });
      }
      case "state": {
        const live = await this.#settled(message.stream);
        const { position } = live;
        const state = Buffer.from(await live.inner.state()).toString("base64");
        return this.#say({ type: "state", request, stream: message.stream, position, state });
      }
      case "close": {
        const live = await this.#settled(message.stream);
        this.#held.delete(message.stream);
        await this.#context.streams.remove(live.id);
        return this.#say({ type: "closed", request, stream: message.stream });
      }
    }
  }

  async #open({
    stream,
    model,
    id,
    state,
    position = 0,
    keep = false,
    request,
  }: Extract<Message, { type: "open" }>): Promise<void> {
    this.#checkFree(stream);
    const { streams } = this.#context;
    const from = state === undefined ? {} : { from: Buffer.from(state, "base64"), position };
    const live =
      id === undefined
        ? await streams.create(versionOf(this.#context, model), from)
        : await streams.get(id);
    this.#hold(stream, { live, isKept: keep || id !== undefined });
    this.#say({ type: "opened", request, stream, ...infoOf(live) });
  }

  /** Pushes in JSON: the answer comes when all are made. */
  #push({ pushes, request }: Extract<Message, { type: "push" }>): void {
    const results = pushes.map(async ({ stream, position, ...steps }) => {
      try {
        const { live } = this.#of(stream);
        const pushed = await this.#context.streams.push(live, steps, { expected: position });
        return { stream, ...pushedOf(pushed) };
      } catch (error) {
        return { stream, error: sequenceError(error as Error) };
      }
    });
    this.#wait(pushes.length);
    void Promise.all(results).then((all) => {
      this.#say({ type: "pushed", request, results: all });
      this.#wait(-pushes.length);
    });
  }

  #obeyFrame(data: Buffer): void {
    let frame: StepFrame;
    try {
      frame = readFrame(data);
    } catch (error) {
      this.#say({ type: "error", error: sequenceError(error as Error) });
      return;
    }
    const { streams, request } = frame;
    const n = streams.length;
    const answer = new AnswerFrame(frame);
    let left = n;
    const done = (): void => {
      if (--left > 0) return;
      this.#send(answer.bytes);
      this.#wait(-n);
    };
    const fail = (stream: number, error: Error): void => {
      answer.failed++;
      this.#say({ type: "error", request, stream, error: sequenceError(error) });
      done();
    };
    this.#wait(n);
    if (n === 0) {
      left = 1;
      done();
    }
    for (let i = 0; i < n; i++) {
      const stream = streams[i] as number;
      try {
        const { live } = this.#of(stream);
        const steps = live.version.backend.readStep(frame, i);
        const settle = (outcome: Pushed | Error): void => {
          if (outcome instanceof Error) fail(stream, outcome);
          else {
            answer.put(i, numbersOf(outcome.results[0]));
            done();
          }
        };
        this.#context.streams.add(live, { steps, expected: undefined, settle });
      } catch (error) {
        fail(stream, error as Error);
      }
    }
  }

  #of(stream: number): Held {
    const held = this.#held.get(stream);
    if (held !== undefined && !held.live.isClosed) return held;
    this.#held.delete(stream);
    throw new Problem("stream-not-found", `stream: ${stream}: it is not open on this connection`);
  }

  /** A stream that has read all that was sent to it before. */
  async #settled(stream: number): Promise<LiveStream> {
    await this.#of(stream).live.settled();
    return this.#of(stream).live;
  }

  #checkFree(stream: number): void {
    if (this.#held.has(stream))
      throw new Problem("invalid-request", `stream: ${stream}: it is open on this connection`);
  }

  /** Counts steps that are not answered: with many of them, many messages that wait, or answers that the client does not read, the socket is not read. */
  #wait(steps: number): void {
    this.#pending += steps;
    const isFull =
      this.#turns > MOST_TURNS ||
      this.#pending > 4 * this.#context.settings.maxLiveBatch ||
      this.#socket.bufferedAmount > SEND_LIMIT;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #say(message: object): void {
    this.#send(JSON.stringify(message));
  }

  #send(data: string | Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    // What waits to be sent is looked at again when it was sent: the socket may be paused for it.
    this.#socket.send(data, () => this.#wait(0));
  }

  /** Keeps a stream that was opened; the connection may have ended meanwhile. */
  #hold(stream: number, held: Held): void {
    if (this.#isEnded) this.#leave(held);
    else this.#held.set(stream, held);
  }

  #leave({ live, isKept }: Held): void {
    if (isKept || live.isClosed) return;
    this.#context.streams.remove(live.id).catch(() => undefined);
  }

  #end(): void {
    this.#isEnded = true;
    for (const held of this.#held.values()) this.#leave(held);
    this.#held.clear();
  }
}

const infoOf = ({ id, version, position }: LiveStream) => ({
  id,
  model: version.name,
  version: String(version.number),
  position,
});

/** The numbers of an answer: of a graph those of its first output. */
function numbersOf(result: StepResult | undefined): number | ArrayLike<number> {
  if (result === undefined) return Number.NaN;
  if (typeof result === "number" || result instanceof Float64Array) return result;
  const [first] = Object.values(result as Readonly<Record<string, HostTensor>>);
  return first === undefined
    ? Number.NaN
    : Array.from(first.data as ArrayLike<number | bigint>, Number);
}
