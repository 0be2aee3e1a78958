import { ModelFormatError, StateError, UnknownTokenError } from "recurra";
import { StreamLostError } from "recurra/pool";
import { describe, expect, it } from "vitest";
import { expectRejection, expectSaid, thrownBy } from "../support/errors.js";
import { root } from "../support/project.js";
import { modelOf, poolOf, rejection, vocabulary, workerFactory } from "./pools.js";

const text = "abcdefghijkkjihgfedcba";

describe("a stream of a pool gives the bits of a LanguageStream", () => {
  it("push, next, fork, reset", async () => {
    const [pool, model] = [await poolOf({ vocabulary }), await modelOf({ vocabulary })];
    const [stream, here] = [pool.stream(), model.stream()];
    for (const token of text) {
      expect(await stream.push(token)).toBe(here.push(token));
      expect(await stream.next()).toEqual(here.next());
    }
    const [fork, hereFork] = [stream.fork(), here.fork()];
    expect(await fork.push(3)).toBe(hereFork.push(3));
    expect(await stream.push(4)).toBe(here.push(4));
    expect(await fork.next()).toEqual(hereFork.next());
    await stream.reset();
    here.reset();
    expect(await stream.push("a")).toBe(here.push("a"));
    expect(await stream.next()).toEqual(here.next());
    expect(await fork.next()).toEqual(hereFork.next());
  });

  it("calls that do not wait for each other take effect in order", async () => {
    const [pool, model] = [await poolOf({ vocabulary }), await modelOf({ vocabulary })];
    const [stream, here] = [pool.stream(), model.stream()];
    const pushes = [...text].map((token) => stream.push(token));
    const fork = stream.fork();
    const next = stream.next();
    expect(await Promise.all(pushes)).toEqual([...text].map((token) => here.push(token)));
    expect(await next).toEqual(here.next());
    expect(await fork.next()).toEqual(here.next());
  });

  it("the state goes to a stream without a pool, and back", async () => {
    const [pool, model] = [await poolOf({ vocabulary }), await modelOf({ vocabulary })];
    const [stream, here] = [pool.stream(), model.stream()];
    for (const token of text) await stream.push(token);
    const bytes = await stream.state.toBytes();
    here.state.fromBytes(bytes);
    expect(here.next()).toEqual(await stream.next());
    expect(here.state.toBytes()).toEqual(bytes);
    here.push("k");
    const again = pool.stream();
    await again.state.fromBytes(here.state.toBytes());
    expect(await again.next()).toEqual(here.next());
  });

  it("while the pool scores, a stream does not wait for the end", async () => {
    const pool = await poolOf({ size: 1, vocabulary });
    const stream = pool.stream();
    const order: string[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    // Minutes of work, if it were done.
    const call = pool
      .score(["abcdefghijk".repeat(3_000_000)], { signal })
      .catch(() => order.push("score"));
    await stream.push("a");
    order.push("push");
    controller.abort();
    await call;
    expect(order).toEqual(["push", "score"]);
  });

  it("streams are spread over the workers, and their ends are counted", async () => {
    const pool = await poolOf({ size: 3 });
    const streams = Array.from({ length: 7 }, () => pool.stream());
    const counts = () => pool.stats().workers.map((worker) => worker.streams);
    expect(counts()).toEqual([3, 2, 2]);
    streams[0]?.fork();
    expect(counts()).toEqual([4, 2, 2]);
    for (const stream of streams) stream.dispose();
    expect(counts()).toEqual([1, 0, 0]);
  });
});

describe("the errors of a stream", () => {
  it("are those of a LanguageStream", async () => {
    const pool = await poolOf({ vocabulary });
    const stream = pool.stream();
    await expectRejection(stream.next(), StateError, "next: no token was read: push one first");
    await expectRejection(stream.push("z"), UnknownTokenError, 'push: token: "z" …');
    await expectRejection(
      stream.push(11),
      RangeError,
      "push: token: expected an id in 0 … 10, got 11",
    );
    await expectRejection(stream.state.fromBytes(5 as never), TypeError, "fromBytes: bytes: …");
    const error = await rejection(stream.state.fromBytes(new Uint8Array(9)));
    expectSaid(error, ModelFormatError, "fromBytes: …");
    expect(error).toMatchObject({ code: "state" });
    stream.dispose();
    stream.dispose();
    await expectRejection(stream.push("a"), StateError, "push: the stream is disposed");
    expectSaid(
      thrownBy(() => stream.fork()),
      StateError,
      "fork: the stream is disposed",
    );
    expectSaid(
      thrownBy(() => stream.state),
      StateError,
      "state: the stream is disposed",
    );
    await expectRejection(
      pool.score([], { from: stream }),
      StateError,
      "score: the stream is disposed",
    );
    const other = (await poolOf({ vocabulary })).stream();
    await expectRejection(
      pool.score([], { from: other }),
      StateError,
      "score: from: a stream of another pool",
    );
    const wrong = thrownBy(() => pool.stream({ checkpointEvery: 0 }));
    expectSaid(wrong, RangeError, "stream: checkpointEvery: expected an integer ≥ 1, got 0");
  });

  it("its worker ends: a StreamLostError with the last saved state, from which another one goes on", async () => {
    const { worker } = workerFactory(`${root}test/pool/killer.mjs`);
    const pool = await poolOf({ vocabulary, worker });
    const here = (await modelOf({ vocabulary })).stream();
    const [stream, bare] = [pool.stream({ checkpointEvery: 3 }), pool.stream()];
    for (const token of "abcdefgh") await stream.push(token);
    await bare.push("a");
    const fork = stream.fork();
    const calls = [stream.push("k"), stream.next(), fork.push("a")].map(rejection);
    for (const error of await Promise.all(calls)) {
      expectSaid(
        error,
        StreamLostError,
        /^(push|next): the worker of the stream ended: the state after 6 tokens is in the error's field state$/,
      );
      expect(error).toMatchObject({ name: "StreamLostError", pushed: 6 });
      const { state } = error as StreamLostError;
      for (const token of "abcdef") here.push(token);
      expect(state).toEqual(here.state.toBytes());
      here.reset();
    }
    // For good, whatever has taken the worker's place.
    const error = (await rejection(stream.push("a"))) as StreamLostError;
    expect(error).toMatchObject({ pushed: 6, cause: { message: expect.stringContaining("8") } });
    stream.dispose();
    expect(await bare.push("b")).toBeLessThan(0);
    const again = pool.stream();
    await again.state.fromBytes(error.state as Uint8Array);
    for (const token of "abcdef") here.push(token);
    for (const token of "gh") expect(await again.push(token)).toBe(here.push(token));
  });

  it("after reset and fromBytes the saved state is the one that they set", async () => {
    const { worker } = workerFactory(`${root}test/pool/killer.mjs`);
    const pool = await poolOf({ vocabulary, worker });
    const [stored, reset] = [pool.stream(), pool.stream({ checkpointEvery: 2 })];
    await stored.push("a");
    const bytes = await stored.state.toBytes();
    await stored.push("b");
    await stored.state.fromBytes(bytes);
    await stored.push("c");
    expect(await rejection(stored.push("k"))).toMatchObject({ state: bytes, pushed: 0 });
    for (const token of "abcd") await reset.push(token);
    await reset.reset();
    await reset.push("c");
    expect(await rejection(reset.push("k"))).toMatchObject({ state: undefined, pushed: 0 });
  });

  it("without checkpointEvery no state is there", async () => {
    const { worker } = workerFactory(`${root}test/pool/killer.mjs`);
    const pool = await poolOf({ vocabulary, worker });
    const error = await rejection(pool.stream().push("k"));
    expectSaid(
      error,
      StreamLostError,
      "push: … no state was saved: pass { checkpointEvery } to stream()",
    );
    expect(error).toMatchObject({ state: undefined, pushed: 0 });
  });
});
