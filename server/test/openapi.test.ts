import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { transform } from "esbuild";
import { generateApi } from "swagger-typescript-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROBLEMS, type Server } from "../src/index.js";
import { server } from "./support/server.js";

let one: Server;
let document: string;
const folder = mkdtempSync(join(tmpdir(), "recurra-client-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  // The generator of clients keeps the event loop, which is the server's here, too.
  one = await server({
    allowUpload: true,
    adminToken: "an-administrator's-token",
    maxLoopDelay: 0,
  });
  document = await (await fetch(`${one.url}/openapi.json`)).text();
});

describe("/openapi.json", () => {
  it("is valid by Redocly's linter, 0 errors", async () => {
    const config = await createConfig({
      extends: ["recommended"],
      rules: { "no-server-example.com": "off", "security-defined": "off" },
    });
    const problems = await lintFromString({
      source: document,
      absoluteRef: "openapi.json",
      config,
    });
    const errors = problems.filter(({ severity }) => severity === "error");
    expect(
      errors.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]),
    ).toEqual([]);
  });

  it("names every route, and an operation of its own for each", () => {
    const { paths } = JSON.parse(document) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const names = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(names).toEqual(
      expect.arrayContaining([
        "post /v1/score",
        "post /v2/models/{name}/infer",
        "post /v1/streams/{id}/push",
        "put /v1/models/{name}",
        "get /metrics",
      ]),
    );
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });

  it("has for each operation the answer to another method, and all codes of problems", () => {
    const { paths, components } = JSON.parse(document) as {
      paths: Record<string, Record<string, { responses: Record<string, { headers?: object }> }>>;
      components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { responses }] of Object.entries(methods))
        expect(Object.keys(responses["405"]?.headers ?? {}), `${method} ${path}`).toEqual([
          "Allow",
        ]);
    }
    expect(components.schemas.Problem.properties.code.enum).toEqual(Object.keys(PROBLEMS));
  });

  it("makes a client that scores, opens a stream, and meets a problem", async () => {
    const { files } = await generateApi({
      spec: JSON.parse(document),
      silent: true,
      httpClientType: "fetch",
    });
    const source = files.map(({ fileContent }) => fileContent).join("\n");
    const { code } = await transform(source, { loader: "ts", format: "esm" });
    const path = join(folder, "client.mjs");
    writeFileSync(path, code);
    const { Api } = await import(pathToFileURL(path).href);
    const { v1, v2 } = new Api({ baseUrl: one.url });
    const { data } = await v1.score({ model: "english", sequences: ["The ship came home."] });
    expect(data.results[0].tokens).toBe(19);
    const { data: opened } = await v1.openStream({ model: "english" });
    const { data: pushed } = await v1.pushStream(opened.id, { text: "The ship" });
    expect(pushed.position).toBe(8);
    const inputs = [{ name: "text", datatype: "BYTES", shape: [1], data: ["The ship came home."] }];
    const { data: inferred } = await v2.infer("english", { inputs });
    expect(inferred.outputs[0].data).toEqual([data.results[0].logProb]);
    const failed = await v1
      .score({ model: "none", sequences: [] })
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ status: 404, error: { code: "model-not-found" } });
  });
});

describe("/docs", () => {
  it("is where / leads", async () => {
    const response = await fetch(`${one.url}/`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/docs"]);
    expect((await fetch(`${one.url}/`)).headers.get("content-type")).toContain("text/html");
    expect(Object.keys((JSON.parse(document) as { paths: object }).paths)).not.toContain("/");
  });

  it("is a page that reads the document", async () => {
    const page = await fetch(`${one.url}/docs/`);
    expect([page.status, page.headers.get("content-type")]).toEqual([
      200,
      expect.stringContaining("text/html"),
    ]);
    expect(await page.text()).toContain("swagger-ui");
    expect((await fetch(`${one.url}/docs/json`)).status).toBe(200);
  });
});
