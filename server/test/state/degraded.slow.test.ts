import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestRedis } from "../support/redis.js";
import { post, server } from "../support/server.js";

let redis: TestRedis;
beforeEach(async () => {
  redis = await TestRedis.start();
});
afterEach(() => redis.stop());

const TEXT = "The ship came home.";

test.each(["halt", "freeze"] as const)(
  "Redis away for 5 s by %s: degraded in all that tells of it, texts are scored; then well again",
  async (how) => {
    const { url } = await server({ workers: 1, state: redis.url });
    const ready = async () => (await fetch(`${url}/v2/health/ready`)).json();
    const strict = async () => (await fetch(`${url}/v2/health/ready?require=store`)).status;
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
    };
    const well = { ready: true, status: "ok", store: "up" };
    expect(await ready()).toEqual(well);
    const { id } = (await (await post(`${url}/v1/streams`, {})).json()) as { id: string };
    const push = async (text: string): Promise<[number, { code?: string; position?: number }]> => {
      const response = await post(`${url}/v1/streams/${id}/push`, { text });
      return [response.status, (await response.json()) as { code?: string; position?: number }];
    };
    expect((await push("The"))[0]).toBe(200);
    const end = performance.now() + 5000;
    await redis[how]();
    await expect
      .poll(ready, { timeout: 4000 })
      .toEqual({ ready: true, status: "degraded", store: "down" });
    expect(await strict()).toBe(503);
    expect(await metric("recurra_state_store_up")).toBe(0);
    expect(await push("x")).toMatchObject([503, { code: "state-unavailable" }]);
    while (performance.now() < end) {
      expect((await post(`${url}/v1/score`, { sequences: [TEXT] })).status).toBe(200);
      expect(await ready()).toMatchObject({ status: "degraded" });
      await wait(100);
    }
    await redis.resume();
    await expect.poll(ready, { timeout: 5000 }).toEqual(well);
    expect([await strict(), await metric("recurra_state_store_up")]).toEqual([200, 1]);
    expect(await metric("recurra_state_store_losses_total")).toBe(1);
    // Nothing was read while the store was away.
    expect(await push(" ship")).toMatchObject([200, { position: 8 }]);
  },
  60_000,
);
