import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Instance } from "./support/instance.js";
import { TestRedis } from "./support/redis.js";
import { ENGLISH, post, server } from "./support/server.js";

const TEXT =
  "We waited all day for the last train, and it did not come. The ship came home at night.";
const STREAMS = 12;

let model: LanguageModel;
let redis: TestRedis;

beforeAll(async () => {
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});
beforeEach(async () => {
  redis = await TestRedis.start();
});
afterEach(() => redis.stop());

// The threads of the servers that run in this process.
const threads = new Set<Worker>();
const note = (thread: Worker): void => {
  // The first message says that it is ready. A pool gives up a place whose threads do not start.
  thread.once("message", () => threads.add(thread));
  thread.once("exit", () => threads.delete(thread));
};
process.on("worker", note);
afterAll(() => process.removeListener("worker", note));

/** What a stream of the library says to each character. */
function wanted(text: string): number[] {
  const stream = model.stream();
  const logProbs = [...text].map((character) => stream.push(character));
  stream.dispose();
  return logProbs;
}

/** Asks one instance after the other until one answers. An answer of 500 or above is none. */
async function ask(url: () => string, path: string, body: object): Promise<[number, Answer]> {
  for (;;) {
    try {
      const response = await post(`${url()}${path}`, body);
      if (response.status < 500) return [response.status, (await response.json()) as Answer];
      await response.arrayBuffer();
    } catch (error) {
      if (!(error instanceof TypeError || (error as Error).name === "AbortError")) throw error;
    }
    await wait(20);
  }
}

interface Answer {
  readonly id: string;
  readonly code: string;
  readonly position: number;
  readonly logProbs: readonly number[];
  readonly results: readonly { readonly logProb?: number; readonly error?: { code: string } }[];
}

/** What became of the pushes of a stream, character by character. */
interface Pushed {
  readonly id: string;
  /** Undefined where the answer was lost after the push was made. */
  readonly logProbs: (number | undefined)[];
}

/** Opens a stream: again, if the worker that was to have it ended. */
async function openStream(url: () => string): Promise<string> {
  for (;;) {
    const [status, answer] = await ask(url, "/v1/streams", {});
    if (status === 201) return answer.id;
    expect([status, answer.code]).toEqual([409, "stream-lost"]);
  }
}

/** Reads a text with a stream, one character in a push, and says in each push where the stream must be. */
async function read(url: () => string, text: string): Promise<Pushed> {
  const id = await openStream(url);
  const logProbs: (number | undefined)[] = [];
  for (const [position, character] of [...text].entries()) {
    const body = { text: character, position };
    const [status, answer] = await ask(url, `/v1/streams/${id}/push`, body);
    if (status === 200) {
      expect(answer.position).toBe(position + 1);
      logProbs.push(answer.logProbs[0]);
      continue;
    }
    // Made before, but the instance was killed before it could answer.
    expect([status, answer.code, answer.position]).toEqual([
      409,
      "position-conflict",
      position + 1,
    ]);
    logProbs.push(undefined);
  }
  return { id, logProbs };
}

/** Scores a text until `isOver`; each answer must have the right bits, or say that workers were lost. */
async function scoreAlong(url: () => string, isOver: () => boolean): Promise<number> {
  const logProb = model.scoreSync([TEXT])[0]?.logProb;
  let answers = 0;
  while (!isOver()) {
    const [status, answer] = await ask(url, "/v1/score", { sequences: [TEXT] });
    expect(status).toBe(200);
    const [result] = answer.results;
    // A sequence that three workers had when they ended is told so.
    if (result?.error?.code === "worker-lost") continue;
    expect(result).toMatchObject({ logProb });
    answers++;
  }
  return answers;
}

test("instances killed 50 times: no push is lost or made twice, streams go on with the same bits", async () => {
  const words = ["--model", `english=${ENGLISH}`, "--workers", "1", "--state", redis.url];
  const instances = await Promise.all([Instance.start(...words), Instance.start(...words)]);
  let next = 0;
  const url = (): string => (instances[next++ % instances.length] as Instance).url;
  try {
    let isOver = false;
    let kills = 0;
    const kill = async (): Promise<void> => {
      for (; kills < 50; kills++) {
        await wait(50 + ((kills * 37) % 150));
        const at = kills % instances.length;
        await (instances[at] as Instance).kill();
        instances[at] = await Instance.start(...words);
      }
      isOver = true;
    };
    const readAll = async (): Promise<Pushed[]> => {
      const all: Pushed[] = [];
      while (!isOver) {
        const some = Array.from({ length: STREAMS }, () => read(url, TEXT));
        all.push(...(await Promise.all(some)));
      }
      return all;
    };
    const [streams, scores] = await Promise.all([readAll(), scoreAlong(url, () => isOver), kill()]);
    expect(kills).toBe(50);
    expect(scores).toBeGreaterThan(0);
    const expected = wanted(TEXT);
    for (const { logProbs } of streams) {
      expect(logProbs.map((logProb, i) => logProb ?? expected[i])).toEqual(expected);
    }
    const state = model.stream();
    for (const character of TEXT) state.push(character);
    for (const { id } of streams) {
      const response = await fetch(`${url()}/v1/streams/${id}/state`);
      const kept = (await response.json()) as { position: number; state: string };
      expect(kept.position).toBe(TEXT.length);
      expect(kept.state).toBe(Buffer.from(state.state.toBytes()).toString("base64"));
    }
    state.dispose();
  } finally {
    for (const instance of instances) await instance.kill();
  }
}, 600_000);

test("worker threads ended 50 times under load: every request has one answer with the right bits", async () => {
  const one = await server({ workers: 2, state: redis.url });
  const url = (): string => one.url;
  let isOver = false;
  const end = async (): Promise<void> => {
    for (let ended = 0; ended < 50; ) {
      await wait(60);
      const [thread] = threads;
      if (thread === undefined) continue;
      await thread.terminate();
      ended++;
    }
    isOver = true;
  };
  const readAll = async (): Promise<Pushed[]> => {
    const all: Pushed[] = [];
    while (!isOver) {
      all.push(...(await Promise.all(Array.from({ length: STREAMS }, () => read(url, TEXT)))));
    }
    return all;
  };
  const scores = Array.from({ length: 8 }, () => scoreAlong(url, () => isOver));
  const [streams, , ...answers] = await Promise.all([readAll(), end(), ...scores]);
  for (const count of answers) expect(count).toBeGreaterThan(0);
  const expected = wanted(TEXT);
  // The server itself lives, so that no answer is lost.
  for (const { logProbs } of streams) expect(logProbs).toEqual(expected);
}, 600_000);

test("Redis away for 5 s: kept streams are answered 503 and texts are scored; then all is well", async () => {
  const one = await server({ workers: 1, state: redis.url });
  const made = await (await post(`${one.url}/v1/streams`, {})).json();
  const { id } = made as { id: string };
  const push = (text: string): Promise<Response> =>
    post(`${one.url}/v1/streams/${id}/push`, { text });
  const expected = wanted(TEXT);
  expect(await (await push(TEXT.slice(0, 20))).json()).toMatchObject({
    logProbs: expected.slice(0, 20),
  });
  for (const away of [() => redis.halt(), () => redis.freeze()]) {
    await away();
    const end = performance.now() + 5000;
    while (performance.now() < end) {
      const refused = await push("x");
      expect(refused.headers.get("retry-after")).not.toBeNull();
      expect([refused.status, await refused.json()]).toMatchObject([
        503,
        { code: "state-unavailable" },
      ]);
      const scored = await post(`${one.url}/v1/score`, { sequences: [TEXT] });
      expect(scored.status).toBe(200);
      await scored.arrayBuffer();
      await wait(100);
    }
    await redis.resume();
  }
  const state = (): Promise<Response> => fetch(`${one.url}/v1/streams/${id}/state`);
  for (let i = 0; i < 200 && (await state()).status !== 200; i++) await wait(50);
  const rest = await push(TEXT.slice(20));
  expect([rest.status, await rest.json()]).toMatchObject([200, { logProbs: expected.slice(20) }]);
});
