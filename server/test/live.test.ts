import { readFileSync } from "node:fs";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Server } from "../src/index.js";
import { TestRedis } from "./support/redis.js";
import { ENGLISH, post, server } from "./support/server.js";

let one: Server;
let model: LanguageModel;

beforeAll(async () => {
  one = await server();
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});

type Message = Record<string, unknown> & { readonly type: string };

/** A client that takes the messages one by one. */
class Client {
  readonly socket: WebSocket;
  readonly #arrived: (Message | Buffer)[] = [];
  readonly #waiting: ((message: Message | Buffer) => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/v1/live`);
    this.socket.on("message", (data: Buffer, isBinary: boolean) => {
      const message = isBinary ? data : (JSON.parse(data.toString()) as Message);
      const take = this.#waiting.shift();
      if (take === undefined) this.#arrived.push(message);
      else take(message);
    });
  }

  async open(): Promise<this> {
    await new Promise((resolve, reject) => this.socket.once("open", resolve).once("error", reject));
    clients.push(this);
    return this;
  }

  next<M extends Message | Buffer = Message>(): Promise<M> {
    const first = this.#arrived.shift();
    if (first !== undefined) return Promise.resolve(first as M);
    return new Promise((resolve) =>
      this.#waiting.push(resolve as (message: Message | Buffer) => void),
    );
  }

  ask(message: object): Promise<Message> {
    this.socket.send(JSON.stringify(message));
    return this.next();
  }
}

const clients: Client[] = [];
afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.terminate();
});
const connect = (): Promise<Client> => new Client(one.url).open();

const metrics = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** What a stream of the library says to each token. */
function wanted(text: string): number[] {
  const stream = model.stream();
  return [...text].map((character) => stream.push(character));
}
const idsOf = (text: string): number[] => [...(model.vocabulary?.encode(text) ?? [])];

/** A frame of ids: one step for each stream. */
function frameOf(request: number, streams: number[], ids: number[]): Buffer {
  const frame = Buffer.alloc(16 + 8 * streams.length);
  frame.writeUInt8(1, 0);
  frame.writeUInt16LE(1, 2);
  frame.writeUInt32LE(request, 4);
  frame.writeUInt32LE(streams.length, 8);
  streams.forEach((stream, i) => {
    frame.writeUInt32LE(stream, 16 + 4 * i);
    frame.writeInt32LE(ids[i] ?? 0, 16 + 4 * (streams.length + i));
  });
  return frame;
}

/** An answer in binary. */
function answerOf(frame: Buffer) {
  const n = frame.readUInt32LE(8);
  const at = (16 + 4 * n + 7) & ~7;
  return {
    head: [
      frame.readUInt8(0),
      frame.readUInt16LE(2),
      frame.readUInt32LE(4),
      n,
      frame.readUInt32LE(12),
    ],
    streams: Array.from({ length: n }, (_, i) => frame.readUInt32LE(16 + 4 * i)),
    values: Array.from({ length: n }, (_, i) => frame.readDoubleLE(at + 8 * i)),
    size: frame.length - at,
  };
}

describe("/v1/live, JSON", () => {
  it("opens, pushes, forks, asks for next and state, and closes, with the bits of the library", async () => {
    const client = await connect();
    const opened = await client.ask({ type: "open", stream: 1, request: "r" });
    expect(opened).toMatchObject({
      type: "opened",
      request: "r",
      stream: 1,
      model: "english",
      version: "1",
      position: 0,
    });
    const text = "The ship came";
    const pushed = await client.ask({ type: "push", request: 2, pushes: [{ stream: 1, text }] });
    expect(pushed).toEqual({
      type: "pushed",
      request: 2,
      results: [{ stream: 1, position: 13, logProbs: wanted(text) }],
    });
    expect(await client.ask({ type: "fork", stream: 1, to: 9 })).toMatchObject({
      type: "opened",
      stream: 9,
      position: 13,
    });
    const stream = model.stream();
    for (const character of text) stream.push(character);
    const { logProbs } = await client.ask({ type: "next", stream: 9 });
    expect(logProbs).toEqual([...stream.next()]);
    const { state } = await client.ask({ type: "state", stream: 9 });
    expect(Buffer.from(state as string, "base64").equals(Buffer.from(stream.state.toBytes()))).toBe(
      true,
    );
    expect(await client.ask({ type: "close", stream: 1 })).toMatchObject({
      type: "closed",
      stream: 1,
    });
    const again = await client.ask({
      type: "push",
      pushes: [
        { stream: 1, text },
        { stream: 9, text: "x" },
      ],
    });
    expect(again.results).toMatchObject([
      { stream: 1, error: { code: "stream-not-found" } },
      { stream: 9, logProbs: [stream.push("x")] },
    ]);
  });

  it("takes messages that follow each other without waiting, in order", async () => {
    const client = await connect();
    client.socket.send(JSON.stringify({ type: "open", stream: 4 }));
    for (const character of "abc")
      client.socket.send(
        JSON.stringify({ type: "push", pushes: [{ stream: 4, text: character }] }),
      );
    client.socket.send(frameOf(5, [4, 4], idsOf("de")));
    expect((await client.next()).type).toBe("opened");
    const parts = [await client.next(), await client.next(), await client.next()];
    const { values } = answerOf(await client.next<Buffer>());
    const got = [
      ...parts.flatMap(({ results }) => (results as { logProbs: number[] }[])[0]?.logProbs),
      ...values,
    ];
    expect(got).toEqual(wanted("abcde"));
  });

  it("next, state, fork and close come after the pushes that were sent before them", async () => {
    const client = await connect();
    const say = (message: object) => client.socket.send(JSON.stringify(message));
    const stream = model.stream();
    for (const character of "abc") stream.push(character);
    await client.ask({ type: "open", stream: 4 });
    client.socket.send(frameOf(5, [4, 4, 4], idsOf("abc")));
    for (const type of ["next", "state"]) say({ type, stream: 4 });
    say({ type: "fork", stream: 4, to: 5 });
    client.socket.send(frameOf(6, [4], idsOf("d")));
    say({ type: "close", stream: 4 });
    expect(answerOf(await client.next<Buffer>()).values).toEqual(wanted("abc"));
    expect(await client.next()).toMatchObject({ position: 3, logProbs: [...stream.next()] });
    const state = Buffer.from(stream.state.toBytes()).toString("base64");
    expect(await client.next()).toMatchObject({ position: 3, state });
    expect(await client.next()).toMatchObject({ type: "opened", stream: 5, position: 3 });
    expect(answerOf(await client.next<Buffer>()).values).toEqual(wanted("abcd").slice(3));
    expect(await client.next()).toMatchObject({ type: "closed", stream: 4 });
  });

  it("answers 5,000 messages that come at once, in order", async () => {
    const client = await connect();
    await client.ask({ type: "open", stream: 1 });
    const numbers = Array.from({ length: 5000 }, (_, i) => i);
    for (const request of numbers)
      client.socket.send(JSON.stringify({ type: "close", stream: 2, request }));
    const got: unknown[] = [];
    for (const _ of numbers) got.push((await client.next()).request);
    expect(got).toEqual(numbers);
  });

  it.each([
    ["no JSON", "{", "invalid-json"],
    ["no message", "17", "invalid-request"],
    ["an unknown type", '{"type":"drop","stream":1}', "invalid-request"],
    ["an unknown field", '{"type":"close","stream":1,"x":1}', "invalid-request"],
    ["a stream that is not open", '{"type":"next","stream":1}', "stream-not-found"],
    ["an unknown model", '{"type":"open","stream":1,"model":"none"}', "model-not-found"],
    ["a prototype", '{"type":"close","stream":1,"__proto__":{}}', "invalid-json"],
    ["deep JSON", `{"type":"close","stream":${"[".repeat(1000)}`, "invalid-json"],
  ])("%s: an error, and the connection goes on", async (_, text, code) => {
    const client = await connect();
    client.socket.send(text);
    expect(await client.next()).toMatchObject({ type: "error", error: { code } });
    expect(await client.ask({ type: "open", stream: 1 })).toMatchObject({ type: "opened" });
  });
});

describe("/v1/live, binary", () => {
  it("steps 300 streams by frames with the bits of each alone", async () => {
    const client = await connect();
    const streams = Array.from({ length: 300 }, (_, i) => 10 * i);
    const texts = streams.map((_, i) => "It was the best of times".slice(i % 13, (i % 13) + 6));
    for (const stream of streams) client.socket.send(JSON.stringify({ type: "open", stream }));
    for (const _ of streams) expect((await client.next()).type).toBe("opened");
    const got: number[][] = streams.map(() => []);
    for (let t = 0; t < 6; t++) {
      client.socket.send(
        frameOf(
          t,
          streams,
          texts.map((text) => idsOf(text)[t] ?? 0),
        ),
      );
      const answer = answerOf(await client.next<Buffer>());
      expect(answer.head).toEqual([129, 1, t, 300, 0]);
      expect(answer.streams).toEqual(streams);
      answer.values.forEach((value, i) => {
        got[i]?.push(value);
      });
    }
    expect(got).toEqual(texts.map(wanted));
  });

  it("says which steps failed, and makes the others", async () => {
    const client = await connect();
    await client.ask({ type: "open", stream: 1 });
    client.socket.send(frameOf(3, [1, 2, 1], [idsOf("a")[0] ?? 0, 0, 99_999]));
    const errors = [await client.next(), await client.next()];
    expect(errors).toMatchObject([
      { type: "error", request: 3, stream: 2, error: { code: "stream-not-found" } },
      { type: "error", request: 3, stream: 1, error: { code: "invalid-sequence" } },
    ]);
    const { head, values } = answerOf(await client.next<Buffer>());
    expect(head).toEqual([129, 1, 3, 3, 2]);
    expect(values).toEqual([wanted("a")[0], Number.NaN, Number.NaN]);
  });

  it.each([
    ["a frame that is too short", Buffer.alloc(9)],
    ["an unknown kind", Buffer.alloc(16, 7)],
    ["fewer bytes than its steps take", frameOf(1, [1, 2], [3, 4]).subarray(0, 30)],
    [
      "a count beyond all memory",
      Buffer.concat([
        frameOf(1, [], []).subarray(0, 8),
        Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]),
      ]),
    ],
  ])("%s: an error", async (_, frame) => {
    const client = await connect();
    client.socket.send(frame);
    expect(await client.next()).toMatchObject({
      type: "error",
      error: { code: "invalid-request" },
    });
  });

  it("ends the streams of a connection with it, but those that are kept", async () => {
    const client = await connect();
    const { id } = await client.ask({ type: "open", stream: 1 });
    const { id: kept } = await client.ask({ type: "open", stream: 2, keep: true });
    client.socket.close();
    const status = async (stream: unknown) =>
      (await fetch(`${one.url}/v1/streams/${stream}`)).status;
    await expect.poll(() => status(id)).toBe(404);
    expect(await status(kept)).toBe(200);
    const again = await connect();
    expect(await again.ask({ type: "open", stream: 5, id: kept })).toMatchObject({
      type: "opened",
      id: kept,
    });
  });
});

describe("streams, with a store", () => {
  it("a push that no worker has ends with its deadline, and is not made", async () => {
    const redis = await TestRedis.start();
    try {
      const { url } = await server({ state: redis.url });
      const client = await new Client(url).open();
      const { id } = await client.ask({ type: "open", stream: 1 });
      const push = (text: string, milliseconds: number) =>
        post(
          `${url}/v1/streams/${id}/push`,
          { text },
          { "x-request-timeout-ms": String(milliseconds) },
        );
      await redis.freeze();
      const first = push("ab", 20_000);
      await expect
        .poll(async () => /^recurra_queued_pushes (\d+)$/m.exec(await metrics(url))?.[1])
        .toBe("1");
      const late = await push("x", 100);
      expect([late.status, await late.json()]).toMatchObject([504, { code: "deadline-exceeded" }]);
      await redis.resume();
      expect((await first).status).toBe(200);
      const last = await (await push("c", 20_000)).json();
      expect(last).toEqual({ position: 3, logProbs: wanted("abc").slice(2) });
    } finally {
      await redis.stop();
    }
  });

  it("ends a stream that opens while its connection closes", async () => {
    const redis = await TestRedis.start();
    try {
      const { url } = await server({ state: redis.url });
      const streams = async () => /^recurra_streams (\d+)$/m.exec(await metrics(url))?.[1];
      const client = await new Client(url).open();
      expect(await client.ask({ type: "open", stream: 1 })).toMatchObject({ type: "opened" });
      await redis.freeze();
      client.socket.send(JSON.stringify({ type: "open", stream: 2 }));
      await expect.poll(streams).toBe("2");
      client.socket.terminate();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await redis.resume();
      await expect.poll(streams).toBe("0");
    } finally {
      await redis.stop();
    }
  });
});
