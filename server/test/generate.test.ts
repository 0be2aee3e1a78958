import { readFileSync } from "node:fs";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { generate } from "recurra/generate";
import { beforeAll, describe, expect, it } from "vitest";
import type { Server } from "../src/index.js";
import { ENGLISH, post, server } from "./support/server.js";

let one: Server;
let model: LanguageModel;

beforeAll(async () => {
  one = await server({ maxLoopDelay: 0 });
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});

const OPTIONS = { prompt: "The ship ", maxTokens: 40, temperature: 0.8, topK: 20, seed: 7 };

/** What the library generates. */
async function wanted() {
  const tokens = generate(model, OPTIONS);
  const each = [];
  for (let next = await tokens.next(); ; next = await tokens.next()) {
    if (next.done === true) return { each, all: next.value };
    each.push(next.value);
  }
}
const plain = (value: object) =>
  JSON.parse(
    JSON.stringify(value, (_, each) =>
      ArrayBuffer.isView(each) ? [...(each as Float64Array)] : each,
    ),
  );

describe("POST /v1/generate", () => {
  it("gives what the library generates with the same seed", async () => {
    const response = await post(`${one.url}/v1/generate`, OPTIONS);
    expect([response.status, await response.json()]).toEqual([200, plain((await wanted()).all)]);
  });

  it("sends tokens as they come, as server-sent events", async () => {
    const response = await post(`${one.url}/v1/generate`, { ...OPTIONS, stream: true });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = (await response.text()).trim().split("\n\n");
    const { each, all } = await wanted();
    expect(events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, "")))).toEqual(
      plain(each),
    );
    expect(events.at(-1)).toBe(`event: end\ndata: ${JSON.stringify(plain(all))}`);
  });

  it.each([
    ["too many tokens", { maxTokens: 1e6 }, "invalid-request"],
    ["a negative temperature", { temperature: -1 }, "invalid-request"],
    ["an id that the model does not have", { prompt: [99_999] }, "invalid-request"],
    ["an unknown option", { topQ: 1 }, "invalid-request"],
  ])("%s: 400", async (_, options, code) => {
    for (const stream of [false, true]) {
      const response = await post(`${one.url}/v1/generate`, { prompt: "a", ...options, stream });
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        400,
        code,
      ]);
    }
  });

  it("ends with its client and with its deadline, and the model can be retired then", async () => {
    const { registry, url } = await server({ workers: 1, maxTokens: 100_000_000, maxLoopDelay: 0 });
    const body = { prompt: "a", maxTokens: 100_000_000 };
    const late = await post(`${url}/v1/generate`, body, { "x-request-timeout-ms": "300" });
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([
      504,
      "deadline-exceeded",
    ]);
    const controller = new AbortController();
    const response = await fetch(`${url}/v1/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    expect(registry.get("english").uses).toBe(1);
    controller.abort();
    await expect.poll(() => registry.get("english").uses).toBe(0);
  });
});
