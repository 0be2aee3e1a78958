import { describe, expect, it } from "vitest";
import { checkSettings, printableSettings } from "../src/settings.js";
import { freePort } from "./support/redis.js";
import { post, server } from "./support/server.js";

describe("settings", () => {
  it.each([
    [{ port: "80" }, /^port: must be integer/],
    [{ port: 70_000 }, /^port: must be <= 65535/],
    [{ workers: 0 }, /^workers: must be >= 1/],
    [{ token: "short" }, /^token: must not have fewer than 16 characters/],
    [{ state: "file:///tmp" }, /^state: must match pattern/],
    [{ maxBach: 7 }, /^maxBach: no such setting/],
    [{ models: { a: { file: "x", knd: "tagger" } } }, /^models.a.knd: no such setting/],
    [{ allowUpload: true }, /^allowUpload: needs adminToken/],
  ])("%j: an error that names it", (given, said) => {
    expect(() => checkSettings(given)).toThrow(said);
  });

  it("are printed without secrets", () => {
    const settings = checkSettings({
      token: "a-token-that-is-long",
      state: "redis://user:password@host:6379",
    });
    const text = JSON.stringify(printableSettings(settings));
    expect(text).not.toMatch(/a-token|user|password/);
    expect(text).toContain("redis://[secret]@host:6379");
  });
});

describe("/metrics", () => {
  it("counts requests, tokens, batches and streams", async () => {
    const { url } = await server();
    const text = "The ship came home.";
    await post(`${url}/v1/score`, { sequences: [text, text] });
    await post(`${url}/v1/score`, { sequences: null });
    await post(`${url}/v1/streams`, {});
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const value = (name: string): number => {
      const line = metrics.split("\n").find((each) => each.startsWith(`${name} `));
      return Number(line?.split(" ").at(-1));
    };
    expect(value('recurra_requests_total{route="/v1/score",status="200"}')).toBe(1);
    expect(value('recurra_requests_total{route="/v1/score",status="400"}')).toBe(1);
    expect(value('recurra_problems_total{code="invalid-request"}')).toBe(1);
    expect(value('recurra_tokens_total{model="english"}')).toBe(2 * text.length);
    expect(value('recurra_batch_size_sum{model="english"}')).toBe(2);
    expect(value('recurra_queue_seconds_count{model="english"}')).toBeGreaterThan(0);
    expect(value("recurra_streams")).toBe(1);
    expect(value('recurra_workers_ready{model="english",version="1"}')).toBe(2);
    expect(value('recurra_worker_restarts{model="english",version="1"}')).toBe(0);
    expect(value("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });
});

describe("a store of states that is not there", () => {
  it("makes the server degraded, not unready: texts are scored, streams are answered with 503", async () => {
    const { url } = await server({ state: `redis://127.0.0.1:${await freePort()}` });
    const ready = await fetch(`${url}/v2/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { ready: true, status: "degraded", store: "down" },
    ]);
    const strict = await fetch(`${url}/v2/health/ready?require=store`);
    expect([strict.status, strict.headers.get("retry-after"), await strict.json()]).toMatchObject([
      503,
      "1",
      { code: "not-ready" },
    ]);
    expect((await post(`${url}/v1/score`, { sequences: ["a"] })).status).toBe(200);
    const opened = await post(`${url}/v1/streams`, {});
    expect([opened.status, await opened.json()]).toMatchObject([
      503,
      { code: "state-unavailable" },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^recurra_state_store_up 0$/m);
    expect(metrics).toMatch(/^recurra_state_store_losses_total 1$/m);
  });

  it("something else than the store cannot be asked for", async () => {
    const { url } = await server();
    const response = await fetch(`${url}/v2/health/ready?require=redis`);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: "invalid-request" },
    ]);
  });
});

describe("ids of requests", () => {
  it("are those of the client, if they are plain, else new ones, and come back", async () => {
    const { url } = await server();
    const idOf = async (id: string): Promise<string | null> =>
      (await fetch(`${url}/v2`, { headers: { "x-request-id": id } })).headers.get("x-request-id");
    expect(await idOf("my-request.7")).toBe("my-request.7");
    expect(await idOf("no plain id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});
