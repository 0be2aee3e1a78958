import { createEngineSync, loadLanguageModel, type Score } from "recurra";
import { describe, expect, it } from "vitest";
import { describedOf, textsOf as idsOf, LANGUAGE } from "../support/models.js";
import { description, modelOf, poolOf, textsOf, vocabulary } from "./pools.js";

const texts = textsOf(300);

describe("pool.score gives the bits of scoreSync", () => {
  it.each([1, 2, 3])("%i workers: 300 texts, and the same as ids", async (size) => {
    const pool = await poolOf({ size, vocabulary });
    const model = await modelOf({ vocabulary });
    const want = model.scoreSync(texts);
    expect(await pool.score(texts)).toEqual(want);
    const ids = texts.map((text) => model.vocabulary?.encode(text) as Int32Array);
    expect(await pool.score(ids)).toEqual(want);
    expect(await pool.score(ids.map((each) => [...each]))).toEqual(want);
    expect(await pool.score([])).toEqual([]);
    expect(await pool.score([""])).toEqual(model.scoreSync([""]));
  });

  it.each(LANGUAGE)("$name", async (plan) => {
    const described = describedOf(plan);
    const sequences = idsOf(Array.from({ length: 40 }, (_, i) => (i * 11) % 37));
    // Each number type for each second one: what differs between models is not in the pool.
    const precision = LANGUAGE.indexOf(plan) % 2 === 0 ? "f64" : "f32";
    const pool = await poolOf({ precision }, described);
    const model = await modelOf({ precision }, described);
    const { size, assumptions } = model;
    expect(pool.model).toMatchObject({ size, precision, assumptions, start: undefined });
    expect(await pool.score(sequences)).toEqual(model.scoreSync(sequences));
    await pool.close();
  });

  it("with a start token, and an unknown one", async () => {
    const options = { vocabulary, start: "b", unknown: "k" };
    const [pool, model] = [await poolOf(options), await modelOf(options)];
    expect([pool.model.start, pool.model.vocabulary?.unknown]).toEqual([1, 10]);
    expect(pool.model.vocabulary?.encode("abz")).toEqual(Int32Array.of(0, 1, 10));
    expect(await pool.score(["abz", ...texts])).toEqual(model.scoreSync(["abz", ...texts]));
  });

  it("of 50 calls at once, which take turns", async () => {
    const pool = await poolOf({ vocabulary });
    const want = (await modelOf({ vocabulary })).scoreSync(texts);
    const calls = Array.from({ length: 50 }, (_, i) => pool.score(texts.slice(i, i + 6)));
    (await Promise.all(calls)).forEach((scores, i) => {
      expect(scores).toEqual(want.slice(i, i + 6));
    });
    expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0, finished: 300 });
  });

  it("continues a stream of the pool as it was at the time of the call", async () => {
    const pool = await poolOf({ vocabulary });
    const model = await modelOf({ vocabulary });
    const [stream, here] = [pool.stream(), model.stream()];
    for (const token of "abca") {
      void stream.push(token);
      here.push(token);
    }
    const scores = pool.score(texts, { from: stream });
    const many = pool.scoreMany(texts, { from: stream });
    void stream.push("k");
    const want = model.scoreSync(texts, { from: here });
    expect(await scores).toEqual(want);
    const got: Score[] = [];
    for await (const score of many) got.push(score);
    expect(got).toEqual(want);
    stream.dispose();
    here.dispose();
  });

  it("ids are copied: a caller may change them after the call", async () => {
    const pool = await poolOf();
    const ids = [1, 2, 3, 4];
    const want = (await modelOf()).scoreSync([ids]);
    const call = pool.score([ids]);
    ids[2] = 9;
    expect(await call).toEqual(want);
  });

  it("each result owns its numbers", async () => {
    const pool = await poolOf({ vocabulary });
    for (const { tokenLogProbs } of await pool.score(["abc", "abcd"])) {
      expect(tokenLogProbs.byteLength).toBe(tokenLogProbs.buffer.byteLength);
    }
  });

  it("progress ends at the number of sequences, and never falls", async () => {
    const pool = await poolOf({ vocabulary });
    const told: number[] = [];
    await pool.score(texts, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(300);
        told.push(done);
      },
    });
    expect(told.at(-1)).toBe(300);
    expect(told.length).toBeGreaterThan(2);
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
  });
});

describe("a model comes in any form", () => {
  it("a description is not changed, and its own weights may change afterwards", async () => {
    const mine = structuredClone(description);
    const pool = await poolOf({}, mine);
    const want = (await modelOf()).scoreSync([[1, 2, 3]]);
    expect(mine).toEqual(description);
    (mine.dense[0] as { weight: { data: Float64Array } }).weight.data.fill(0);
    expect(await pool.score([[1, 2, 3]])).toEqual(want);
  });

  it("the bytes of a file, a Blob, a Response, its address", async () => {
    const { readFileSync } = await import("node:fs");
    const { root } = await import("../support/project.js");
    const url = new URL(`file://${root}models/english-characters.safetensors`);
    const bytes = readFileSync(url);
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, bytes);
    const sentences = ["We waited all day for the last train.", "The ship came home."];
    const want = model.scoreSync(sentences);
    for (const source of [bytes, new Blob([bytes]), new Response(bytes), url, url.href]) {
      const pool = await poolOf({ size: 1 }, source);
      expect(await pool.score(sentences)).toEqual(want);
      await pool.close();
    }
    engine.dispose();
  });
});

describe("pool.scoreMany", () => {
  it.each([1, 5, 64, 1000])(
    "in order with the bits of scoreSync, at most %i held",
    async (concurrency) => {
      const pool = await poolOf({ vocabulary });
      const want = (await modelOf({ vocabulary })).scoreSync(texts);
      let [read, given, most] = [0, 0, 0];
      async function* source() {
        for (const text of texts) {
          read++;
          most = Math.max(most, read - given);
          yield text;
        }
      }
      const got: Score[] = [];
      for await (const score of pool.scoreMany(source(), { concurrency })) {
        given++;
        got.push(score);
      }
      expect(got).toEqual(want);
      // The consumer's counter moves after the pool's, and one more item is asked for before it is held.
      expect(most).toBeLessThanOrEqual(concurrency + 2);
    },
  );

  it("gives what has arrived while the source is silent, and reads on while its consumer is slow", async () => {
    const pool = await poolOf({ vocabulary });
    let release = (_: unknown): void => undefined;
    const later = new Promise((resolve) => {
      release = resolve;
    });
    async function* source() {
      yield "abc";
      await later;
      yield "bcd";
    }
    const scores = pool.scoreMany(source());
    const want = (await modelOf({ vocabulary })).scoreSync(["abc", "bcd"]);
    expect((await scores.next()).value).toEqual(want[0]);
    release(undefined);
    expect((await scores.next()).value).toEqual(want[1]);
    expect((await scores.next()).done).toBe(true);
  });

  it("the source's return is called if it is left early, and the work ends", async () => {
    const pool = await poolOf({ vocabulary });
    let ended = 0;
    async function* source() {
      try {
        for (;;) yield* texts;
      } finally {
        ended++;
      }
    }
    for await (const _ of pool.scoreMany(source())) break;
    expect(ended).toBe(1);
    await pool.close();
    expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0 });
  });
});
