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
