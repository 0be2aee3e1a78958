import { readFileSync } from "node:fs";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { beforeAll, describe, expect, it } from "vitest";
import type { Server } from "../src/index.js";
import { ENGLISH, post, server } from "./support/server.js";

let one: Server;
let model: LanguageModel;

beforeAll(async () => {
  one = await server();
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});

const TEXT = "The ship came home.";

interface Info {
  readonly id: string;
  readonly position: number;
}

const call = async <R>(path: string, body: unknown = {}): Promise<R> => {
  const response = await post(`${one.url}${path}`, body);
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as R;
};
const get = async <R>(path: string): Promise<R> =>
  (await (await fetch(`${one.url}${path}`)).json()) as R;

/** What a stream of the library says to each character. */
function wanted(text: string): number[] {
  const stream = model.stream();
  return [...text].map((character) => stream.push(character));
}

describe("/v1/streams", () => {
  it("reads a text in pieces with the bits of a stream of the library", async () => {
    const { id, position } = await call<Info>("/v1/streams", { model: "english" });
    expect(position).toBe(0);
    const first = await call<{ logProbs: number[] }>(`/v1/streams/${id}/push`, {
      text: TEXT.slice(0, 7),
    });
    const ids = [...(model.vocabulary?.encode(TEXT.slice(7)) ?? [])];
    const second = await call<{ logProbs: number[]; position: number }>(`/v1/streams/${id}/push`, {
      tokens: ids,
    });
    expect([...first.logProbs, ...second.logProbs]).toEqual(wanted(TEXT));
    expect(second.position).toBe(TEXT.length);
  });

  it("gives next, fork and state of where the stream is", async () => {
    const { id } = await call<Info>("/v1/streams");
    await call(`/v1/streams/${id}/push`, { text: TEXT });
    const stream = model.stream();
    for (const character of TEXT) stream.push(character);
    expect((await get<{ logProbs: number[] }>(`/v1/streams/${id}/next`)).logProbs).toEqual([
      ...stream.next(),
    ]);
    const fork = await call<Info>(`/v1/streams/${id}/fork`);
    expect(fork.position).toBe(TEXT.length);
    const { state, position } = await get<{ state: string; position: number }>(
      `/v1/streams/${id}/state`,
    );
    const again = model.stream();
    again.state.fromBytes(Buffer.from(state, "base64"));
    const third = await call<Info>("/v1/streams", { state, position });
    const expected = stream.push("x");
    for (const each of [id, fork.id, third.id]) {
      const { logProbs, position } = await call<{ logProbs: number[]; position: number }>(
        `/v1/streams/${each}/push`,
        { text: "x" },
      );
      expect([logProbs[0], position]).toEqual([expected, TEXT.length + 1]);
    }
    expect(again.push("x")).toBe(expected);
  });

  it("pushes many streams together with the bits of each alone, in order where one occurs twice", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => TEXT.slice(i % 12));
    const infos = await Promise.all(texts.map(() => call<Info>("/v1/streams")));
    const pushes = texts.flatMap((text, i) => [
      { id: infos[i]?.id, text: text.slice(0, 3) },
      { id: infos[i]?.id, text: text.slice(3) },
    ]);
    const { results } = await call<{ results: { logProbs: number[] }[] }>("/v1/streams/push", {
      pushes,
    });
    const got = texts.map((_, i) => [
      ...(results[2 * i]?.logProbs ?? []),
      ...(results[2 * i + 1]?.logProbs ?? []),
    ]);
    expect(got).toEqual(texts.map(wanted));
  });

  it("reads nothing of a push with a token that the model does not know", async () => {
    const { id } = await call<Info>("/v1/streams");
    const response = await post(`${one.url}/v1/streams/${id}/push`, { tokens: [1, 2, 999_999] });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      "invalid-sequence",
    ]);
    expect((await get<Info>(`/v1/streams/${id}`)).position).toBe(0);
  });

  it("refuses a push at another position, and says where the stream is", async () => {
    const { id } = await call<Info>("/v1/streams");
    await call(`/v1/streams/${id}/push`, { text: "abc", position: 0 });
    const response = await post(`${one.url}/v1/streams/${id}/push`, { text: "abc", position: 0 });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: "position-conflict", position: 3 });
  });

  it("refuses a state that is damaged", async () => {
    const response = await post(`${one.url}/v1/streams`, { state: "AAAA" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid-request" });
  });

  it("ends a stream, and does not know it afterwards", async () => {
    const { id } = await call<Info>("/v1/streams");
    const ended = await fetch(`${one.url}/v1/streams/${id}`, { method: "DELETE" });
    expect(ended.status).toBe(204);
    const response = await post(`${one.url}/v1/streams/${id}/push`, { text: "a" });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      404,
      "stream-not-found",
    ]);
  });

  it("ends streams that nobody uses, and bounds their number", async () => {
    const small = await server({ maxStreams: 2, streamTtl: 0.2 });
    const open = () => post(`${small.url}/v1/streams`, {});
    const statuses = [await open(), await open(), await open()].map(({ status }) => status);
    expect(statuses).toEqual([201, 201, 503]);
    await expect.poll(async () => (await open()).status, { timeout: 10_000 }).toBe(201);
  });
});
