import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MessageChannel, Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { root } from "../support/project.js";
import { poolOf, vocabulary } from "./pools.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

it("10,000 calls leave the memory of the pool and of its worker as it was, within 1 MiB and 512 KiB", async () => {
  const { port1, port2 } = new MessageChannel();
  const script = `${root}test/pool/weighed.mjs`;
  const worker = () => new Worker(script, { workerData: { port: port2 }, transferList: [port2] });
  const pool = await poolOf({ vocabulary, size: 1, worker });
  const stream = pool.stream({ checkpointEvery: 2 });
  const bytes = async (): Promise<readonly [number, number]> => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    port1.postMessage("weigh");
    const [there] = await once(port1, "message");
    return [heapUsed + external, there];
  };
  const work = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) {
      await pool.score(["abcdefghij", "abc"], { from: i % 3 === 0 ? stream : undefined });
      await stream.push(i % 11);
      const fork = stream.fork();
      fork.dispose();
    }
  };
  await work(2000);
  const before = await bytes();
  await work(10_000);
  const after = await bytes();
  expect(pool.stats()).toMatchObject({ calls: 0, waiting: 0, running: 0, restarts: 0 });
  // A disposed stream that were kept would take 100 bytes, a call more.
  expect(after[0] - before[0]).toBeLessThan(2 ** 20);
  expect(after[1] - before[1]).toBeLessThan(2 ** 19);
  port1.close();
});
