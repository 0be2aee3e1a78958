import { readFileSync } from "node:fs";
import { createEngine, type LanguageModel, loadLanguageModel } from "recurra";
import { beforeAll, describe, expect, it } from "vitest";
import type { Server } from "../src/index.js";
import { ENGLISH, post, server } from "./support/server.js";

let one: Server;
let model: LanguageModel;

beforeAll(async () => {
  one = await server();
  model = await loadLanguageModel(await createEngine(), readFileSync(ENGLISH));
});

const LINES = ["We waited all day for the last train.", "The ship came home.", "", "a"];

describe("POST /v1/score", () => {
  it("gives the numbers of scoreSync, with all their digits", async () => {
    const response = await post(`${one.url}/v1/score`, {
      model: "english",
      sequences: LINES,
      tokenLogProbs: true,
    });
    expect(response.status).toBe(200);
    const {
      model: name,
      version,
      results,
    } = (await response.json()) as { model: string; version: string; results: object[] };
    expect([name, version]).toEqual(["english", "1"]);
    const wanted = model.scoreSync(LINES).map(({ tokenLogProbs, ...score }) => ({
      ...score,
      perplexity: Number.isNaN(score.perplexity) ? null : score.perplexity,
      bitsPerToken: Number.isNaN(score.bitsPerToken) ? null : score.bitsPerToken,
      tokenLogProbs: [...tokenLogProbs],
    }));
    expect(results).toEqual(wanted);
  });

  it("gives many small requests that are gathered the bits of each alone", async () => {
    const lines = Array.from({ length: 200 }, (_, i) =>
      "It was the best of times, it was the worst of times.".slice(i % 40),
    );
    const responses = await Promise.all(
      lines.map((line) => post(`${one.url}/v1/score`, { sequences: [line] })),
    );
    const got = await Promise.all(
      responses.map(
        async (response) => (await response.json()) as { results: { logProb: number }[] },
      ),
    );
    expect(got.map(({ results }) => results[0]?.logProb)).toEqual(
      model.scoreSync(lines).map(({ logProb }) => logProb),
    );
  });

  it("puts the error of a sequence in its place", async () => {
    const response = await post(`${one.url}/v1/score`, { sequences: ["fine", [1, 999_999]] });
    const { results } = (await response.json()) as { results: [object, { error: object }] };
    expect(results[0]).toHaveProperty("logProb");
    expect(results[1].error).toMatchObject({ code: "invalid-sequence" });
  });
});

describe("a long sequence", () => {
  it("does not hold a short one up, on one worker", async () => {
    const { url } = await server({ workers: 1 });
    const controller = new AbortController();
    let isDone = false;
    const long = fetch(`${url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sequences: ["The ship came home. ".repeat(100_000)] }),
      signal: controller.signal,
    }).finally(() => {
      isDone = true;
    });
    await expect
      .poll(async () => (await fetch(`${url}/metrics`)).text())
      .toMatch(/recurra_running_sequences\{[^}]*\} 1/);
    const response = await post(`${url}/v1/score`, { sequences: ["The ship came home."] });
    expect([response.status, isDone]).toEqual([200, false]);
    controller.abort();
    await expect(long).rejects.toThrow("aborted");
  });
});

/** Posts lines of NDJSON; gives the lines of the answer. */
async function lines(
  body: string | ReadableStream<Uint8Array>,
  query = "",
): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${one.url}/v1/score${query}`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body,
    duplex: "half",
  } as RequestInit);
  expect(response.headers.get("content-type")).toContain("application/x-ndjson");
  const text = await response.text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("POST /v1/score, NDJSON", () => {
  it("gives the scores of a long list in order, with all their digits", async () => {
    const texts = Array.from({ length: 1000 }, (_, i) => `Line ${i} of a list.`.slice(i % 9));
    const got = await lines(texts.map((text) => JSON.stringify(text)).join("\n"));
    expect(got.map(({ index }) => index)).toEqual(texts.map((_, i) => i));
    expect(got.map(({ logProb }) => logProb)).toEqual(
      model.scoreSync(texts).map(({ logProb }) => logProb),
    );
  });

  it("answers a line before the next one is sent", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const response = fetch(`${one.url}/v1/score?tokenLogProbs=true`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: readable,
      duplex: "half",
    } as RequestInit);
    await writer.write(Buffer.from('{"sequence": "abc", "id": {"row": 7}}\n[1, 2'));
    const reader = (await response).body?.getReader();
    const first = JSON.parse(Buffer.from((await reader?.read())?.value ?? []).toString());
    const [abc] = model.scoreSync(["abc"]);
    expect(first).toMatchObject({
      index: 0,
      id: { row: 7 },
      logProb: abc?.logProb,
      tokenLogProbs: [...(abc?.tokenLogProbs ?? [])],
    });
    await writer.write(Buffer.from(", 3]\n"));
    const second = JSON.parse(Buffer.from((await reader?.read())?.value ?? []).toString());
    expect(second).toMatchObject({ index: 1, logProb: model.scoreSync([[1, 2, 3]])[0]?.logProb });
    await writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("puts the error of a line in its place", async () => {
    const got = await lines('"fine"\nnot json\n{"sequence": null}\n[1.5]\n\n[0, 999999]\n"fine"\n');
    const codes = got.map(({ error }) => (error as { code: string } | undefined)?.code);
    expect(codes).toEqual([
      undefined,
      "invalid-json",
      "invalid-request",
      "invalid-request",
      "invalid-sequence",
      undefined,
    ]);
  });

  it("ends with an error at a line that is too long", async () => {
    const small = await server({ maxBody: 2048 });
    const response = await fetch(`${small.url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: `"fine"\n"${"a".repeat(100_000)}"\n`,
    });
    const last = (await response.text()).trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({ error: { code: "too-large" } });
  });
});
