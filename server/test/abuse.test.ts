import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import type { Server } from "../src/index.js";
import { post, server } from "./support/server.js";

let one: Server;
beforeAll(async () => {
  one = await server({ workers: 1, maxBody: 65_536, token: "the-token-of-this-test" });
});

const authorization = "Bearer the-token-of-this-test";
const JSON_TYPE = { "content-type": "application/json", authorization };
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

test.each([
  [
    "a body over the limit",
    JSON.stringify({ sequences: ["x".repeat(70_000)] }),
    JSON_TYPE,
    413,
    "too-large",
  ],
  ["lists 5,000 deep", `{"sequences":${nested(5000)}}`, JSON_TYPE, 400, "invalid-json"],
  ["NaN", '{"sequences":[[NaN]]}', JSON_TYPE, 400, "invalid-json"],
  ["1e999", '{"sequences":[[1e999]]}', JSON_TYPE, 400, "invalid-request"],
  ["null, which is not 0", '{"sequences":[[null]]}', JSON_TYPE, 400, "invalid-request"],
  [
    "a text of digits, which is no number",
    '{"sequences":[["1"]]}',
    JSON_TYPE,
    400,
    "invalid-request",
  ],
  ["a field that nobody knows", '{"sequences":[],"x":1}', JSON_TYPE, 400, "invalid-request"],
  ["__proto__", '{"sequences":[],"__proto__":{"polluted":1}}', JSON_TYPE, 400, "invalid-json"],
  [
    "constructor.prototype",
    '{"sequences":[],"constructor":{"prototype":{"polluted":1}}}',
    JSON_TYPE,
    400,
    "invalid-json",
  ],
  [
    "bytes in the place of JSON",
    "x",
    { ...JSON_TYPE, "content-type": "application/octet-stream" },
    415,
    "unsupported-media-type",
  ],
  [
    "an unknown content type",
    "x",
    { ...JSON_TYPE, "content-type": "text/xml" },
    415,
    "unsupported-media-type",
  ],
  [
    "a wrong token",
    '{"sequences":[]}',
    { "content-type": "application/json", authorization: "Bearer the-token-of-this-tesu" },
    401,
    "unauthorized",
  ],
])("%s: a problem with a code", async (_, body, headers, status, code) => {
  const response = await post(`${one.url}/v1/score`, body, headers);
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  expect([response.status, await response.json()]).toMatchObject([status, { code, status }]);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test("no body at all, and a compressed one, are problems", async () => {
  const none = await fetch(`${one.url}/v1/score`, { method: "POST", headers: { authorization } });
  expect([none.status, await none.json()]).toMatchObject([415, { code: "unsupported-media-type" }]);
  const body = new Uint8Array(gzipSync('{"sequences":[]}'));
  const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
  const packed = await fetch(`${one.url}/v1/score`, { method: "POST", headers, body });
  expect([packed.status, await packed.json()]).toMatchObject([400, { code: "invalid-json" }]);
});

test("a body that is missing, or of bytes, is a problem of every call that reads one", async () => {
  const document = await (
    await fetch(`${one.url}/openapi.json`, { headers: { authorization } })
  ).json();
  const paths = Object.entries((document as { paths: Record<string, object> }).paths);
  const posts = paths.filter(([, methods]) => "post" in methods).map(([path]) => path);
  expect(posts.length).toBeGreaterThan(4);
  for (const path of posts) {
    const url = `${one.url}${path.replace("{name}", "english").replace("{version}", "1").replace("{id}", "none")}`;
    for (const type of [undefined, "application/octet-stream"]) {
      const headers = { authorization, ...(type === undefined ? {} : { "content-type": type }) };
      const body = type === undefined ? null : new Uint8Array([1, 2, 3]);
      const response = await fetch(url, { method: "POST", headers, body });
      expect([path, type, response.status < 500]).toEqual([path, type, true]);
      await response.arrayBuffer();
    }
  }
});

test.each(["..%2f..%2fetc%2fpasswd", "%00", "__proto__", "constructor", "a".repeat(150)])(
  "a model by the name %s is a problem",
  async (name) => {
    for (const path of [`/v1/models/${name}`, `/v2/models/${name}`, `/v2/models/${name}/ready`]) {
      const response = await fetch(`${one.url}${path}`, { headers: { authorization } });
      expect([400, 404]).toContain(response.status);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      await response.arrayBuffer();
    }
  },
);
