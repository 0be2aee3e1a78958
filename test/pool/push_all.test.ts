import {
  AbortedError,
  FeatureError,
  ModelFormatError,
  ShapeError,
  StateError,
  UnknownTokenError,
} from "recurra";
import { type PoolBatch, type PoolStream, StreamLostError } from "recurra/pool";
import { describe, expect, it } from "vitest";
import { expectRejection, expectSaid, thrownBy } from "../support/errors.js";
import { root } from "../support/project.js";
import { modelOf, poolOf, rejection, vocabulary, workerFactory } from "./pools.js";

describe("pushAll of a pool gives the bits of streams that are alone", () => {
  it.each([1, 2, 3])("%i workers: 70 streams, ids and tokens", async (size) => {
    const [pool, model] = [await poolOf({ size, vocabulary }), await modelOf({ vocabulary })];
    const streams = Array.from({ length: 70 }, () => pool.stream());
    const here = streams.map(() => model.stream());
    for (let t = 0; t < 4; t++) {
      const ids = Int32Array.from(streams, (_, i) => (i * 3 + t) % 11);
      const given = t === 1 ? Array.from(ids, (id) => vocabulary[id] as string) : ids;
      const got = await pool.pushAll(streams, given);
      expect([...got]).toEqual(here.map((stream, i) => stream.push(ids[i] as number)));
    }
    expect(await streams[69]?.next()).toEqual(here[69]?.next());
    const { pushes, workers, streams: count } = pool.stats();
    expect(pushes).toEqual({ waiting: 0, running: 0, finished: 280, batches: 4 * size });
    expect(count).toBe(70);
    for (const { memory } of workers) expect(memory).toBeGreaterThan(65536);
  });

  it("a stream that stands in the list several times reads its tokens in that order", async () => {
    const [pool, model] = [await poolOf({ vocabulary }), await modelOf({ vocabulary })];
    const [a, b] = [pool.stream(), pool.stream()];
    const [x, y] = [model.stream(), model.stream()];
    const got = await pool.pushAll([a, a, b, a, b], [1, 2, 3, 4, 5]);
    const want = [x.push(1), x.push(2), y.push(3), x.push(4), y.push(5)];
    expect([...got]).toEqual(want);
    expect(await a.next()).toEqual(x.next());
  });

  it("pushes of one turn go in one message, in order with what else the stream is asked", async () => {
    const batches: PoolBatch[] = [];
    const onBatch = (batch: PoolBatch): void => {
      batches.push(batch);
    };
    const pool = await poolOf({ size: 1, vocabulary, onBatch });
    const model = await modelOf({ vocabulary });
    const streams = Array.from({ length: 50 }, () => pool.stream());
    const here = streams.map(() => model.stream());
    const pushes = streams.map((stream, i) => stream.push(i % 11));
    expect(await Promise.all(pushes)).toEqual(here.map((stream, i) => stream.push(i % 11)));
    expect(batches.map(({ kind, rows }) => [kind, rows])).toEqual([["push", 50]]);
    for (const { waited, worked } of batches)
      expect(Math.min(waited, worked)).toBeGreaterThanOrEqual(0);
    const [stream, alone] = [streams[0] as PoolStream, here[0]];
    const first = stream.push(3);
    const reset = stream.reset();
    const second = stream.push(4);
    const fork = stream.fork();
    const third = stream.push(5);
    alone?.push(3);
    alone?.reset();
    expect([await second, await third]).toEqual([alone?.push(4), alone?.push(5)]);
    expect(await first).toBeLessThan(0);
    await reset;
    const other = model.stream();
    other.push(4);
    expect(await fork.push(9)).toBe(other.push(9));
    await pool.score(["abc"]);
    expect(batches.at(-1)).toMatchObject({ kind: "sequences", rows: 1 });
  });

  it("states come with the results, and a stream begins in one", async () => {
    const [pool, model] = [await poolOf({ vocabulary }), await modelOf({ vocabulary })];
    const streams = [pool.stream(), pool.stream(), pool.stream()];
    const { logProbs, states, errors } = await pool.pushAll(streams, [1, 2, 3], { states: true });
    expect([...logProbs]).toEqual([0, 0, 0]);
    expect(errors.size).toBe(0);
    const here = model.stream();
    here.push(2);
    expect(states[1]).toEqual(here.state.toBytes());
    const again = pool.stream({ from: states[1] as Uint8Array });
    expect(await again.push(7)).toBe(here.push(7));
    const bad = pool.stream({ from: new Uint8Array(9) });
    await expectRejection(
      bad.push(1),
      ModelFormatError,
      "fromBytes: expected the state of a stream…",
    );
    const both = await pool.pushAll([bad, again], [1, 1], { onError: "return" });
    expect([...both.logProbs]).toEqual([Number.NaN, here.push(1)]);
    expect([...both.errors.keys()]).toEqual([0]);
  });
});

describe("the errors of pushAll", () => {
  it("nothing moves if something is wrong", async () => {
    const pool = await poolOf({ vocabulary });
    const [a, gone] = [pool.stream(), pool.stream()];
    const foreign = (await poolOf({ vocabulary })).stream();
    await a.push(1);
    gone.dispose();
    const before = await a.state.toBytes();
    const push = (streams: unknown, tokens: unknown, options?: object) =>
      pool.pushAll(streams as PoolStream[], tokens as number[], options);
    await expectRejection(push([a, gone], [1, 1]), StateError, "pushAll: streams[1]: …disposed");
    await expectRejection(
      push([a, foreign], [1, 1]),
      StateError,
      "pushAll: streams[1]: …another pool",
    );
    await expectRejection(push([a, {}], [1, 1]), TypeError, "pushAll: streams[1]: …got Object");
    await expectRejection(push(a, [1]), TypeError, "pushAll: streams: expected an array…");
    await expectRejection(push([a], [1, 2]), ShapeError, "pushAll: tokens: expected 1, …got 2");
    await expectRejection(push([a, a], [1, 11]), RangeError, "pushAll: tokens[1]: …0 … 10, got 11");
    await expectRejection(push([a], ["z"]), UnknownTokenError, "pushAll: tokens[0]: …");
    await expectRejection(push([a], [1], { state: true }), TypeError, "…did you mean states?");
    await expectRejection(push([a], [1], { states: 1 }), TypeError, "pushAll: states: …got number");
    expect(await a.state.toBytes()).toEqual(before);
    expect(await push([], [])).toEqual(new Float64Array(0));
    expectSaid(
      thrownBy(() => pool.stream({ from: [] as never })),
      TypeError,
      "stream: from: …Array",
    );
    await pool.close();
    await expectRejection(push([a], [1]), StateError, "pushAll: the pool is closed");
  });

  it("a signal that aborts before the turn ends: the streams have read nothing", async () => {
    const pool = await poolOf({ vocabulary });
    const [a, b] = [pool.stream(), pool.stream()];
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [pool.pushAll([a, b], [1, 2], { signal }), a.push(3, { signal })];
    const other = b.push(4);
    controller.abort(new Error("gone"));
    for (const call of calls) {
      const error = await rejection(call as Promise<unknown>);
      expectSaid(error, AbortedError, /^push(All)?: aborted after 0 of [12]$/);
    }
    expect(await other).toBe(0);
    await expectRejection(a.next(), StateError, "next: no token was read…");
    await expectRejection(a.push(1, { signal }), AbortedError, "push: aborted after 0 of 1");
    expect(pool.stats().calls).toBe(0);
  });

  it("a worker that ends: its streams have errors, the others their results", async () => {
    const { worker } = workerFactory(`${root}test/pool/killer.mjs`);
    const [pool, model] = [await poolOf({ vocabulary, worker }), await modelOf({ vocabulary })];
    const [a, b] = [pool.stream({ checkpointEvery: 1 }), pool.stream()];
    const here = [model.stream(), model.stream()];
    await pool.pushAll([a, b], [1, 2]);
    for (const [i, stream] of here.entries()) stream.push(i + 1);
    // Token 10 ends its worker.
    const { logProbs, errors } = await pool.pushAll([a, b], [10, 3], { onError: "return" });
    expect([...logProbs]).toEqual([Number.NaN, here[1]?.push(3)]);
    const error = errors.get(0) as StreamLostError;
    expectSaid(error, StreamLostError, "pushAll: …the state after 1 tokens…");
    expect(error.state).toEqual(here[0]?.state.toBytes());
    await expectRejection(pool.pushAll([b, a], [1, 1]), StreamLostError, "pushAll: …");
    here[1]?.push(1);
    expect(await b.next()).toEqual(here[1]?.next());
  });
});

it("a worker that is not ready within startTimeout is a FeatureError", async () => {
  const { worker } = workerFactory(`${root}test/pool/silent.mjs`);
  await expectRejection(
    poolOf({ worker, startTimeout: 200 }),
    FeatureError,
    "createPool: the worker did not start: it was not ready within 200 ms (option startTimeout)…",
  );
  await expectRejection(
    poolOf({ startTimeout: 0 }),
    RangeError,
    "createPool: startTimeout: …got 0",
  );
});

it("a short call does not wait for a long sequence on the only worker", async () => {
  const pool = await poolOf({ size: 1, vocabulary });
  const controller = new AbortController();
  const { signal } = controller;
  const order: string[] = [];
  // Minutes of work each, if it were done.
  const long = ["abcdefghijk".repeat(3_000_000), "bcdefghijka".repeat(3_000_000)];
  const calls = long.map((text) => pool.score([text], { signal }).catch(() => order.push("long")));
  await pool.score(["abc", "b"]);
  order.push("short");
  controller.abort();
  await Promise.all(calls);
  expect(order).toEqual(["short", "long", "long"]);
});
