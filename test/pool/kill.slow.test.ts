import type { Score } from "recurra";
import { type PoolStream, StreamLostError } from "recurra/pool";
import { describe, expect, it } from "vitest";
import { endAtRandom, modelOf, poolOf, textsOf, vocabulary, workerFactory } from "./pools.js";

const KILLS = 100;
const texts = textsOf(400, 120);

describe(`a worker ends at ${KILLS} random moments: nothing is lost or repeated`, () => {
  it("score and scoreMany", async () => {
    const { all, worker } = workerFactory();
    // A sequence may be hit by chance more than three times.
    const pool = await poolOf({ vocabulary, worker, tries: 1000 });
    const want = (await modelOf({ vocabulary })).scoreSync(texts);
    let isOver = false;
    let finished = 0;
    const calls = async (): Promise<void> => {
      while (!isOver) {
        const told: number[] = [];
        const onProgress = ({ done }: { done: number }) => told.push(done);
        expect(await pool.score(texts, { onProgress })).toEqual(want);
        expect(told.at(-1)).toBe(texts.length);
        expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
        const got: Score[] = [];
        for await (const score of pool.scoreMany(texts)) got.push(score);
        expect(got).toEqual(want);
        finished += 2 * texts.length;
      }
    };
    const working = calls();
    await endAtRandom(all, KILLS, 1);
    isOver = true;
    await working;
    expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0, finished });
    expect(pool.stats().restarts).toBeGreaterThanOrEqual(KILLS);
    expect(finished).toBeGreaterThan(0);
  });

  it("streams, which go on from their last saved states", async () => {
    const { all, worker } = workerFactory();
    const pool = await poolOf({ vocabulary, worker, tries: 1000 });
    const tokens = Array.from({ length: 500 }, (_, t) => (t * t + 3 * t) % 11);
    const here = (await modelOf({ vocabulary })).stream();
    const want = tokens.map((token) => here.push(token));
    let isOver = false;
    let lost = 0;
    /** Reads all tokens, as often as it has to. */
    const readAll = async (): Promise<void> => {
      const got: number[] = [];
      let stream: PoolStream = pool.stream({ checkpointEvery: 16 });
      let start = 0;
      while (got.length < tokens.length) {
        try {
          got.push(await stream.push(tokens[got.length] as number));
        } catch (error) {
          if (!(error instanceof StreamLostError)) throw error;
          lost++;
          start += error.pushed;
          stream = await resumed(error);
          got.length = start;
        }
      }
      expect(got).toEqual(want);
      stream.dispose();
    };
    /** A stream in the state that was saved; the worker may end at this, too. */
    const resumed = async ({ state }: StreamLostError): Promise<PoolStream> => {
      for (;;) {
        const stream = pool.stream({ checkpointEvery: 16 });
        try {
          if (state !== undefined) await stream.state.fromBytes(state);
          return stream;
        } catch (error) {
          if (!(error instanceof StreamLostError)) throw error;
        }
      }
    };
    const readers = Array.from({ length: 3 }, async () => {
      while (!isOver) await readAll();
    });
    await endAtRandom(all, KILLS, 2);
    isOver = true;
    await Promise.all(readers);
    expect(lost).toBeGreaterThan(10);
  });

  it("pushAll of 40 streams, each of which goes on from its last saved state", async () => {
    const { all, worker } = workerFactory();
    const pool = await poolOf({ vocabulary, worker, tries: 1000 });
    const tokens = Array.from({ length: 200 }, (_, t) => (t * t + 5 * t) % 11);
    const here = (await modelOf({ vocabulary })).stream();
    const want = tokens.map((token) => here.push(token));
    let isOver = false;
    let lost = 0;
    const readAll = async (): Promise<void> => {
      const open = (from?: Uint8Array) => pool.stream({ checkpointEvery: 8, from });
      const streams = Array.from({ length: 40 }, () => ({
        stream: open(),
        base: 0,
        got: [] as number[],
      }));
      for (;;) {
        const live = streams.filter(({ got }) => got.length < tokens.length);
        if (live.length === 0) break;
        const { logProbs, errors } = await pool.pushAll(
          live.map(({ stream }) => stream),
          live.map(({ got }) => tokens[got.length] as number),
          { onError: "return" },
        );
        live.forEach((each, i) => {
          const error = errors.get(i);
          if (error === undefined) {
            each.got.push(logProbs[i] as number);
            return;
          }
          if (!(error instanceof StreamLostError)) throw error;
          lost++;
          each.base += error.pushed;
          each.got.length = each.base;
          each.stream.dispose();
          each.stream = open(error.state);
        });
      }
      for (const { got, stream } of streams) {
        expect(got).toEqual(want);
        stream.dispose();
      }
    };
    const reading = (async () => {
      while (!isOver) await readAll();
    })();
    await endAtRandom(all, KILLS, 3);
    isOver = true;
    await reading;
    expect(lost).toBeGreaterThan(40);
    expect(pool.stats()).toMatchObject({
      calls: 0,
      streams: 0,
      pushes: { waiting: 0, running: 0 },
    });
  });
});
