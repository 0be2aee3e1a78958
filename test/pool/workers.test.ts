import { spawnSync } from "node:child_process";
import { WorkerLostError } from "recurra/pool";
import { describe, expect, it } from "vitest";
import { expectSaid } from "../support/errors.js";
import { root } from "../support/project.js";
import {
  description,
  modelOf,
  poolOf,
  rejection,
  textsOf,
  vocabulary,
  workerFactory,
} from "./pools.js";

const killer = `${root}test/pool/killer.mjs`;
/** Without the text that ends a worker. */
const harmless = textsOf(200).map((text) => text.replaceAll("aa", "ab"));

describe("a worker that ends is replaced", () => {
  it("its sequences are scored elsewhere, with the same bits", async () => {
    const { all, worker } = workerFactory();
    const pool = await poolOf({ vocabulary, worker });
    const want = (await modelOf({ vocabulary })).scoreSync(harmless);
    const call = pool.score(harmless);
    await all[0]?.terminate();
    expect(await call).toEqual(want);
    await all[1]?.terminate();
    expect(await pool.score(harmless)).toEqual(want);
    expect(pool.stats()).toMatchObject({ restarts: 2, finished: 400 });
  });

  it("by one with the weights of the beginning, though the caller changed them since", async () => {
    const mine = structuredClone(description);
    const { all, worker } = workerFactory();
    const pool = await poolOf({ size: 1, vocabulary, worker }, mine);
    (mine.dense[0] as { weight: { data: Float64Array } }).weight.data.fill(0);
    await all[0]?.terminate();
    const want = (await modelOf({ vocabulary })).scoreSync(harmless);
    expect(await pool.score(harmless)).toEqual(want);
    expect(pool.stats().restarts).toBe(1);
  });

  it.each([1, 2, 3, 5])(
    "one sequence ends each worker that has it: after %i of them it has an error, and all others their scores",
    async (tries) => {
      const { worker } = workerFactory(killer);
      const pool = await poolOf({ vocabulary, worker, tries });
      const texts = [...harmless];
      texts[40] = "baa";
      const got = await pool.score(texts, { onError: "return" });
      const want = (await modelOf({ vocabulary })).scoreSync(texts);
      const times = tries === 1 ? "" : `, and so did ${tries - 1} before it`;
      expectSaid(
        got[40],
        WorkerLostError,
        `score: sequences[40]: the worker that scored it ended${times}: the worker ended with code 7`,
      );
      const lost = got.flatMap((each, i) => (each instanceof Error ? [i] : []));
      // With one try, those that were with it are not tried again, either.
      if (tries > 1) expect(lost).toEqual([40]);
      // The first one may have ended while it was at work on others.
      expect(pool.stats().restarts - tries).toBeOneOf([0, 1]);
      got.forEach((each, i) => {
        if (!lost.includes(i)) expect(each).toEqual(want[i]);
      });
      const error = await rejection(pool.score(["ab", "baa"]));
      expectSaid(error, WorkerLostError, "score: sequences[1]: …");
      expect(await pool.score(harmless)).toEqual(
        (await modelOf({ vocabulary })).scoreSync(harmless),
      );
    },
  );

  it("if no worker starts any more, calls are rejected with the reason", async () => {
    const { all, worker } = workerFactory();
    let starts = 0;
    const pool = await poolOf({
      vocabulary,
      worker: () => {
        starts++;
        if (starts > 2) throw new Error("no more of them");
        return worker();
      },
    });
    const call = rejection(pool.score(Array(40).fill("abcdefghijk".repeat(300_000))));
    await Promise.all(all.map((each) => each.terminate()));
    const message = "score: the workers of the pool do not start any more: no more of them";
    expectSaid(await call, WorkerLostError, message);
    expectSaid(await rejection(pool.score(["a"])), WorkerLostError, message);
    expect(starts).toBe(2 + 2 * 3);
  });
});

describe("a Node process", () => {
  const run = (program: string, type = "module") => {
    const args = [`--input-type=${type}`, "--eval", program];
    return spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 50_000 });
  };
  const model = JSON.stringify(`file://${root}models/english-characters.safetensors`);

  it("ends without close when no call is open, and not before", () => {
    const { status, stdout, stderr } = run(`
      import { createPool } from "recurra/pool";
      const pool = await createPool(${model}, { size: 2 });
      const stream = pool.stream();
      pool.score(["We waited all day."]).then(([score]) => console.log(score.tokens));
      stream.push("a").then((logProb) => console.log(logProb < 0));
    `);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").sort()).toEqual(["", "18", "true"]);
  });

  it("ends after close, which may be awaited", () => {
    const { status, stdout, stderr } = run(`
      import { createPool } from "recurra/pool";
      const pool = await createPool(${model}, { size: 2 });
      await pool.close();
      console.log("closed");
    `);
    expect([status, stdout, stderr]).toEqual([0, "closed\n", ""]);
  });

  it("of CommonJS has the same pool, whose workers are CommonJS, too", () => {
    const { status, stdout, stderr } = run(
      `const { createPool } = require("recurra/pool");
      const { UnknownTokenError } = require("recurra");
      createPool(${model}, { size: 2, unknown: undefined }).then(async (pool) => {
        const [{ tokens }] = await pool.score(["We waited all day."]);
        const [error] = await pool.score(["a"], { onError: "return" });
        console.log(tokens, error instanceof UnknownTokenError);
      });`,
      "commonjs",
    );
    expect([status, stdout, stderr]).toEqual([0, "18 false\n", ""]);
  });
});
