// A WebSocket of the server with its streams: frames of ids go out, frames of log-probabilities come back.
import { once } from "node:events";
import { type RawData, WebSocket } from "ws";

const HEAD = 16;

/** An answer to a frame. */
export interface Answer {
  readonly request: number;
  readonly failed: number;
  readonly logProbs: Float64Array;
}

export class LiveClient {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #opened: (() => void) | undefined;
  #left = 0;
  #requests = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: RawData, isBinary: boolean) => {
      if (isBinary) this.#answered(data as Buffer);
      else this.#told(JSON.parse(String(data)) as { type: string });
    });
  }

  static async connect(url: string): Promise<LiveClient> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/live`);
    const client = new LiveClient(socket);
    await once(socket, "open");
    return client;
  }

  /** Opens streams with the numbers `first` and so on. */
  async open(first: number, count: number): Promise<void> {
    this.#left = count;
    const all = new Promise<void>((resolve) => {
      this.#opened = resolve;
    });
    for (let i = 0; i < count; i++) {
      this.#socket.send(JSON.stringify({ type: "open", stream: first + i }));
    }
    await all;
  }

  /** Pushes one token to each of some streams. */
  push(streams: Uint32Array, ids: Int32Array): Promise<Answer> {
    const request = this.#requests++;
    const n = streams.length;
    const frame = new ArrayBuffer(HEAD + 8 * n);
    const view = new DataView(frame);
    view.setUint8(0, 1);
    view.setUint16(2, 1, true);
    view.setUint32(4, request, true);
    view.setUint32(8, n, true);
    new Uint32Array(frame, HEAD, n).set(streams);
    new Int32Array(frame, HEAD + 4 * n, n).set(ids);
    return new Promise((resolve) => {
      this.#waiting.set(request, resolve);
      this.#socket.send(frame);
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #told({ type, ...rest }: { type: string }): void {
    if (type !== "opened")
      throw new Error(`expected "opened", got ${type} ${JSON.stringify(rest)}`);
    if (--this.#left === 0) this.#opened?.();
  }

  #answered(data: Buffer): void {
    const n = data.readUInt32LE(8);
    const at = (HEAD + 4 * n + 7) & ~7;
    const request = data.readUInt32LE(4);
    const logProbs = new Float64Array(Uint8Array.from(data.subarray(at)).buffer);
    this.#waiting.get(request)?.({ request, failed: data.readUInt32LE(12), logProbs });
    this.#waiting.delete(request);
  }
}
