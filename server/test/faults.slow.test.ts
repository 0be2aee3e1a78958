import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FaultClient } from "./support/fault_client.js";
import {
  type Answer,
  type FaultKind,
  faultKinds,
  modelFolder,
  TEXT,
} from "./support/fault_kinds.js";
import { Instance } from "./support/instance.js";
import { TestRedis } from "./support/redis.js";
import { post, server } from "./support/server.js";
import { drawn, endThreads } from "./support/threads.js";

/** Streams of each kind that are read at a time. */
const STREAMS = 6;
const KILLS = 50;

const folder = modelFolder();
let kinds: FaultKind[];
let redis: TestRedis;

beforeAll(async () => {
  kinds = await faultKinds(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  redis = await TestRedis.start();
});
afterEach(() => redis.stop());

/** The files of the folder as a server in this process is given them. */
function models() {
  const settings = (name: string): object =>
    JSON.parse(readFileSync(join(folder, `${name}.settings.json`), "utf8"));
  return {
    english: { file: join(folder, "english.safetensors") },
    tags: { file: join(folder, "tags.safetensors"), ...settings("tags") },
    vad: { file: join(folder, "vad.onnx"), ...settings("vad") },
  };
}

/** Does something for all kinds, several times at a time and again, until `isOver`. */
async function along<R>(isOver: () => boolean, work: (kind: FaultKind) => Promise<R>) {
  const all = kinds.map((kind) => ({ kind, results: [] as R[] }));
  const loops = all.flatMap(({ kind, results }) =>
    Array.from({ length: STREAMS }, async () => {
      do results.push(await work(kind));
      while (!isOver());
    }),
  );
  await Promise.all(loops);
  return all;
}

test(`instances killed ${KILLS} times: no push is lost or made twice, streams of all kinds go on with the same bits`, async () => {
  const words = ["--folder", folder, "--workers", "1", "--state", redis.url];
  const instances = await Promise.all([Instance.start(...words), Instance.start(...words)]);
  let turn = 0;
  const url = (): string => (instances[turn++ % instances.length] as Instance).url;
  const client = new FaultClient(url);
  try {
    let isOver = false;
    const next = drawn(1);
    const kill = async (): Promise<void> => {
      for (let kills = 0; kills < KILLS; kills++) {
        await wait(50 + 150 * next());
        const at = kills % instances.length;
        await (instances[at] as Instance).kill();
        instances[at] = await Instance.start(...words);
      }
      isOver = true;
    };
    const requests = kinds.map((kind) => client.requestAlong(kind, () => isOver));
    const [read, , ...answers] = await Promise.all([
      along(
        () => isOver,
        (kind) => client.readKept(kind),
      ),
      kill(),
      ...requests,
    ]);
    for (const count of answers) expect(count).toBeGreaterThan(0);
    for (const { kind, results } of read) {
      for (const { id, results: got } of results) {
        expect(got.map((each, i) => each ?? kind.wanted[i])).toEqual(kind.wanted);
        const response = await fetch(`${url()}/v1/streams/${id}/state`);
        const kept = (await response.json()) as Answer;
        expect(kept.position).toBe(kind.steps.length);
        expect(kept.state).toBe(Buffer.from(kind.state).toString("base64"));
      }
    }
  } finally {
    for (const instance of instances) await instance.kill();
  }
}, 900_000);

test(`worker threads ended ${KILLS} times under load, with Redis: every request has one answer with the right bits`, async () => {
  const one = await server({ models: models(), workers: 2, state: redis.url });
  const client = new FaultClient(() => one.url);
  let isOver = false;
  const requests = kinds.map((kind) => client.requestAlong(kind, () => isOver));
  const [read, , ...answers] = await Promise.all([
    along(
      () => isOver,
      (kind) => client.readKept(kind),
    ),
    endThreads(KILLS, 60, 2).then(() => {
      isOver = true;
    }),
    ...requests,
  ]);
  for (const count of answers) expect(count).toBeGreaterThan(0);
  for (const { kind, results } of read) {
    // The server itself lives, so that no answer is lost.
    for (const { results: got } of results) expect(got).toEqual(kind.wanted);
  }
  for (const code of client.faults) expect(code).toBe("worker-lost");
}, 600_000);

test(`worker threads ended ${KILLS} times under load, states saved every 4 pushes: streams of all kinds go on from there`, async () => {
  const one = await server({ models: models(), workers: 2, checkpointEvery: 4 });
  const client = new FaultClient(() => one.url);
  let isOver = false;
  const requests = kinds.map((kind) => client.requestAlong(kind, () => isOver));
  const [read] = await Promise.all([
    along(
      () => isOver,
      (kind) => client.readSaved(kind),
    ),
    endThreads(KILLS, 60, 3).then(() => {
      isOver = true;
    }),
    ...requests,
  ]);
  for (const { kind, results } of read) {
    for (const { results: got } of results) expect(got).toEqual(kind.wanted);
    const resumed = results.reduce((sum, each) => sum + each.resumed, 0);
    expect(resumed, kind.model).toBeGreaterThan(0);
  }
  for (const code of client.faults) expect(code).toBe("worker-lost");
}, 600_000);

test("an instance killed 10 times, without a store: streams of all kinds say that they are lost, and begin anew", async () => {
  const words = ["--folder", folder, "--workers", "1", "--checkpoint-every", "4"];
  let instance = await Instance.start(...words);
  const client = new FaultClient(() => instance.url);
  try {
    let isOver = false;
    const next = drawn(4);
    const kill = async (): Promise<void> => {
      for (let kills = 0; kills < 10; kills++) {
        await wait(100 + 300 * next());
        await instance.kill();
        instance = await Instance.start(...words);
      }
      isOver = true;
    };
    const requests = kinds.map((kind) => client.requestAlong(kind, () => isOver));
    const [read] = await Promise.all([
      along(
        () => isOver,
        (kind) => client.readSaved(kind),
      ),
      kill(),
      ...requests,
    ]);
    for (const { kind, results } of read) {
      for (const { results: got } of results) expect(got).toEqual(kind.wanted);
      expect(
        results.reduce((sum, each) => sum + each.lost, 0),
        kind.model,
      ).toBeGreaterThan(0);
    }
  } finally {
    await instance.kill();
  }
}, 600_000);

test("Redis away for 5 s: kept streams are answered 503 and texts are scored; then all is well", async () => {
  const one = await server({ workers: 1, state: redis.url });
  const made = await (await post(`${one.url}/v1/streams`, {})).json();
  const { id } = made as { id: string };
  const push = (text: string): Promise<Response> =>
    post(`${one.url}/v1/streams/${id}/push`, { text });
  const expected = kinds[0]?.wanted as number[];
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
