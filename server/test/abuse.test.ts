import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { tokenCheck } from "../src/http/tokens.js";
import { PROBLEMS, type ProblemBody, type Server } from "../src/index.js";
import { post, server } from "./support/server.js";

let one: Server;

beforeAll(async () => {
  one = await server({ maxBody: 20_000, maxDepth: 16, bodyTimeout: 600, maxLoopDelay: 0 });
});

/** The problem of an answer, which has to be one. */
async function problem(response: Response): Promise<[number, string]> {
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  const body = (await response.json()) as ProblemBody & { requestId: string };
  const [status, title] = PROBLEMS[body.code];
  expect(body).toMatchObject({
    type: `urn:recurra:problem:${body.code}`,
    status,
    title,
    detail: expect.any(String),
    requestId: response.headers.get("x-request-id"),
  });
  return [response.status, body.code];
}

const scoreOf = (body: unknown) => post(`${one.url}/v1/score`, body);

describe("a body that cannot be used", () => {
  it.each([
    ["no JSON", "{", 400, "invalid-json"],
    ["nothing", "", 400, "invalid-json"],
    ["NaN", '{"sequences":[[NaN]]}', 400, "invalid-json"],
    ["1e999 as an id", '{"sequences":[[1e999]]}', 400, "invalid-request"],
    ["-0.5 as an id", '{"sequences":[[-0.5]]}', 400, "invalid-request"],
    ["an id beyond int32", '{"sequences":[[3000000000]]}', 400, "invalid-request"],
    ["null as a list", '{"sequences":null}', 400, "invalid-request"],
    ["null as a sequence", '{"sequences":[null]}', 400, "invalid-request"],
    ["null as an id", '{"sequences":[[null]]}', 400, "invalid-request"],
    ["a text as a list", '{"sequences":"abc"}', 400, "invalid-request"],
    ["a text as a boolean", '{"sequences":["a"],"tokenLogProbs":"true"}', 400, "invalid-request"],
    ["a number as a name", '{"sequences":["a"],"model":1}', 400, "invalid-request"],
    ["an unknown field", '{"sequences":["a"],"modle":"english"}', 400, "invalid-request"],
    ["a list as a body", "[]", 400, "invalid-request"],
    ["lists in lists", `{"sequences":${"[".repeat(5000)}${"]".repeat(5000)}}`, 400, "invalid-json"],
    ["objects in objects", `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`, 400, "invalid-json"],
    ["__proto__", '{"sequences":["a"],"__proto__":{"polluted":true}}', 400, "invalid-json"],
    [
      "__proto__, escaped",
      '{"sequences":["a"],"\\u005f_proto__":{"polluted":true}}',
      400,
      "invalid-json",
    ],
    [
      "constructor.prototype",
      '{"sequences":["a"],"constructor":{"prototype":{"polluted":true}}}',
      400,
      "invalid-json",
    ],
    ["more bytes than are allowed", `{"sequences":["${"a".repeat(20_000)}"]}`, 413, "too-large"],
    ["a path as a model", '{"sequences":["a"],"model":"../../etc/passwd"}', 404, "model-not-found"],
    [
      "a member of objects as a model",
      '{"sequences":["a"],"model":"constructor"}',
      404,
      "model-not-found",
    ],
    ["__proto__ as a model", '{"sequences":["a"],"model":"__proto__"}', 404, "model-not-found"],
  ])("%s: a problem", async (_, body, status, code) => {
    expect(await problem(await scoreOf(body))).toEqual([status, code]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("numbers that are no numbers are no rows either", async () => {
    const { id } = (await (await post(`${one.url}/v1/streams`, {})).json()) as { id: string };
    for (const rows of ["[[1e999]]", "[[null]]", '[["1"]]', "[[true]]"]) {
      expect(
        await problem(await post(`${one.url}/v1/streams/${id}/push`, `{"rows":${rows}}`)),
      ).toEqual([400, "invalid-request"]);
    }
  });

  it("another content type, and a length that is a lie", async () => {
    const response = await fetch(`${one.url}/v1/score`, {
      method: "POST",
      body: "a=1",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(await problem(response)).toEqual([415, "unsupported-media-type"]);
    expect(
      await raw(
        "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n",
      ),
    ).toMatch(/^HTTP\/1\.1 413 .*"code":"too-large"/s);
  });
});

describe("bytes that are no UTF-8", () => {
  /** A text with a byte that no character has. */
  const wrong = (before: string, after: string) =>
    Buffer.concat([Buffer.from(before), Buffer.of(0xff), Buffer.from(after)]);
  const send = (path: string, body: Buffer, headers: Record<string, string>) =>
    fetch(`${one.url}${path}`, { method: "POST", body: body as Buffer<ArrayBuffer>, headers });

  it("a body of JSON: 400", async () => {
    const body = wrong('{"sequences":["a', '"]}');
    const response = await send("/v1/score", body, { "content-type": "application/json" });
    const { code, detail } = (await response.json()) as ProblemBody;
    expect([response.status, code, detail]).toEqual([400, "invalid-json", "body: expected UTF-8"]);
  });

  it("half a character at the end of a body: 400", async () => {
    const body = Buffer.concat([Buffer.from('{"sequences":["'), Buffer.of(0xe2, 0x98)]);
    const response = await send("/v1/score", body, { "content-type": "application/json" });
    expect(await problem(response)).toEqual([400, "invalid-json"]);
  });

  it("the JSON before bytes of tensors: 400", async () => {
    const body = wrong('{"inputs":[],"id":"', '"}');
    const response = await send("/v2/models/english/infer", body, {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(body.length),
    });
    expect(await problem(response)).toEqual([400, "invalid-json"]);
  });

  it("a line: its own answer is an error, the others are scored", async () => {
    // The last line ends within a character.
    const half = Buffer.of(0x22, 0xe2, 0x98);
    const lines = Buffer.concat([wrong('"a"\n"b', '"\n"c"\n'), half]);
    const response = await send("/v1/score", lines, { "content-type": "application/x-ndjson" });
    const answers = (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { index: number; error?: { code: string } });
    expect(answers.map(({ index, error }) => [index, error?.code])).toEqual([
      [0, undefined],
      [1, "invalid-json"],
      [2, undefined],
      [3, "invalid-json"],
    ]);
  });
});

describe("a method that a path does not have", () => {
  it.each([
    ["GET", "/v1/score", "POST"],
    ["DELETE", "/v1/score?model=english", "POST"],
    ["PATCH", "/v1/streams/some-id", "DELETE, GET, HEAD"],
    ["POST", "/v2/health/ready", "GET, HEAD"],
    ["PUT", "/v2/models/english/versions/1/infer", "POST"],
    ["OPTIONS", "/metrics", "GET, HEAD"],
    ["PROPFIND", "/v2", "GET, HEAD"],
    ["POST", "/docs/static/index.css", "GET, HEAD"],
    ["POST", "/v1/live", "GET, HEAD"],
  ])("%s %s: 405, and Allow has %s", async (method, path, allowed) => {
    const response = await fetch(`${one.url}${path}`, { method });
    expect(response.headers.get("allow")).toBe(allowed);
    expect(await problem(response)).toEqual([405, "method-not-allowed"]);
  });

  it("HEAD of a call without GET: 405 without a body", async () => {
    const response = await fetch(`${one.url}/v1/score`, { method: "HEAD" });
    expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([
      405,
      "POST",
      "",
    ]);
  });

  it.each(["/v1", "/v1/score/x", "/v2/models/english/infer/", "/x", "/v1/streams//push"])(
    "a path that no call has, %s: 404",
    async (path) => {
      const response = await fetch(`${one.url}${path}`, { method: "PATCH" });
      expect(response.headers.get("allow")).toBeNull();
      expect(await problem(response)).toEqual([404, "not-found"]);
    },
  );
});

describe("a body of another kind", () => {
  it("no body, and bytes in the place of JSON: 415", async () => {
    expect(await problem(await fetch(`${one.url}/v1/score`, { method: "POST" }))).toEqual([
      415,
      "unsupported-media-type",
    ]);
    const document = (await (await fetch(`${one.url}/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const posts = Object.entries(document.paths).filter(([, methods]) => "post" in methods);
    expect(posts.length).toBeGreaterThan(6);
    for (const [path] of posts) {
      const url = `${one.url}${path.replace("{name}", "english").replace("{version}", "1").replace("{id}", "none")}`;
      for (const type of ["application/octet-stream", "application/x-ndjson", "text/xml"]) {
        const isTaken =
          (type.endsWith("ndjson") && path === "/v1/score") ||
          (type.endsWith("stream") && path.endsWith("/infer"));
        if (isTaken) continue;
        const response = await fetch(url, {
          method: "POST",
          body: "x",
          headers: { "content-type": type },
        });
        // A fork reads no body.
        const [status] = await problem(response);
        expect(path.endsWith("/fork") ? [404, 415] : [415], `${path} ${type}`).toContain(status);
      }
    }
  });

  it("no body, bytes or lines: below 500 for every call of the document that reads a body", async () => {
    const document = (await (await fetch(`${one.url}/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const paths = Object.entries(document.paths).filter(([, methods]) => "post" in methods);
    expect(paths.length).toBeGreaterThan(4);
    for (const [path] of paths) {
      const place = path.replace("{name}", "english").replace("{version}", "1");
      for (const type of [undefined, "application/octet-stream", "application/x-ndjson"]) {
        const response = await fetch(`${one.url}${place.replace("{id}", "none")}`, {
          method: "POST",
          headers: type === undefined ? {} : { "content-type": type },
          body: type === undefined ? null : Uint8Array.of(1, 2, 3),
        });
        await response.arrayBuffer();
        expect(response.status, `${path} ${type}`).toBeLessThan(500);
      }
    }
  });

  it("a compressed body: 400", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const body = Uint8Array.from(gzipSync('{"sequences":[]}'));
    expect(
      await problem(await fetch(`${one.url}/v1/score`, { method: "POST", body, headers })),
    ).toEqual([400, "invalid-json"]);
  });
});

describe("an address that leads nowhere", () => {
  it.each([
    "/v2/models/..%2f..%2fetc%2fpasswd",
    "/v2/models/__proto__",
    "/v2/models/constructor/ready",
    "/v1/streams/../../etc",
    "/%00",
    "/v1/%ff",
    `/v1/models/${"a".repeat(5000)}`,
  ])("%s", async (path) => {
    const [status] = await problem(await fetch(`${one.url}${path}`));
    expect([400, 404]).toContain(status);
  });
});

/** Sends bytes over a socket; gives what comes back until the server ends it. */
function raw(...pieces: string[]): Promise<string> {
  const { port } = new URL(one.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    let text = "";
    socket.on("data", (data) => {
      text += data;
      // A connection that is kept is ended here.
      if (/^HTTP\/1\.1 (?!408)/.test(text)) socket.end();
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    for (const piece of pieces) socket.write(piece);
  });
}

describe("HTTP that is none, or comes too slowly", () => {
  it("no HTTP at all: 400", async () => {
    expect(await raw("hello\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"invalid-request"/s,
    );
  });

  it("headers without end: 431", async () => {
    expect(await raw("GET /v2 HTTP/1.1\r\nHost: x\r\n", `X-A: ${"a".repeat(20_000)}\r\n`)).toMatch(
      /^HTTP\/1\.1 431 .*"code":"headers-too-large"/s,
    );
  });

  it("headers that do not end: 408, and the socket is closed", async () => {
    expect(await raw("GET /v2 HTTP/1.1\r\nHost: x\r\n")).toMatch(
      /^HTTP\/1\.1 408 .*"code":"timeout"/s,
    );
  });

  it("a body that does not end: 408, and the socket is closed", async () => {
    const head =
      "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 408 .*"code":"timeout"/s);
  });

  it("lines that do not come: the last line says so", async () => {
    const head =
      'POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n"a"\n';
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("more than there is room for", () => {
  it("a queue that is full: 503 with Retry-After, and the others are answered", async () => {
    const small = await server({ maxQueue: 4, workers: 1, maxLoopDelay: 0 });
    const sequences = ["The ship came home. ".repeat(40)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => post(`${small.url}/v1/score`, { sequences })),
    );
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200).length).toBe(40 - refused.length);
    for (const each of refused) {
      expect(Number(each.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect(await problem(each)).toEqual([503, "overloaded"]);
    }
  });

  it("more requests in a minute than an address may make: 429", async () => {
    const small = await server({ rateLimit: 3 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await fetch(`${small.url}/v2`)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await problem(await fetch(`${small.url}/v2`))).toEqual([429, "rate-limited"]);
  });
});

describe("work that nobody waits for", () => {
  const LONG = JSON.stringify({ sequences: ["The ship came home. ".repeat(50_000)] });

  it("ends with its deadline: 504", async () => {
    const large = await server({ workers: 1, maxLoopDelay: 0 });
    const response = await post(`${large.url}/v1/score`, LONG, { "x-request-timeout-ms": "50" });
    expect(await problem(response)).toEqual([504, "deadline-exceeded"]);
    await expect.poll(() => large.registry.get("english").backend.stats().running).toBe(0);
  });

  it("ends with its client", async () => {
    const large = await server({ workers: 1, maxLoopDelay: 0 });
    const controller = new AbortController();
    const answer = fetch(`${large.url}/v1/score`, {
      method: "POST",
      body: LONG,
      headers: { "content-type": "application/json" },
      signal: controller.signal,
    });
    const running = () => large.registry.get("english").backend.stats().running;
    await expect.poll(running).toBe(1);
    controller.abort();
    await expect(answer).rejects.toThrow("aborted");
    await expect.poll(running).toBe(0);
  });

  it.each(["0", "-1", "1.5", "soon", "99999999999"])(
    "a deadline of %s: 400",
    async (milliseconds) => {
      expect(
        await problem(
          await post(
            `${one.url}/v1/score`,
            { sequences: ["a"] },
            { "x-request-timeout-ms": milliseconds },
          ),
        ),
      ).toEqual([400, "invalid-request"]);
    },
  );
});

describe("tokens", () => {
  const TOKEN = "a-token-of-thirty-two-characters";

  it("are asked for everywhere but at health, and never told", async () => {
    const { url } = await server({ token: TOKEN });
    const status = async (path: string, authorization?: string) =>
      (
        await fetch(
          `${url}${path}`,
          authorization === undefined ? {} : { headers: { authorization } },
        )
      ).status;
    for (const path of [
      "/v1/models",
      "/metrics",
      "/v2",
      "/openapi.json",
      "/docs",
      "/v1/live",
      "/nothing",
    ]) {
      expect([path, await status(path)]).toEqual([path, 401]);
      expect([path, await status(path, `Bearer ${TOKEN.slice(1)}`)]).toEqual([path, 401]);
    }
    expect(await status("/v1/models", `Bearer ${TOKEN}`)).toBe(200);
    for (const path of ["/v2/health/live", "/v2/health/ready", "/v2/models/english/ready"])
      expect(await status(path)).toBe(200);
    const refused = await fetch(`${url}/v2`);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problem(refused)).toEqual([401, "unauthorized"]);
  });

  it.each([
    [TOKEN, true],
    [TOKEN.slice(0, -1), false],
    [`${TOKEN}x`, false],
    ["", false],
    [TOKEN.toUpperCase(), false],
  ])("%j: %j", (given, wanted) => {
    expect(tokenCheck(TOKEN)(given)).toBe(wanted);
  });
});
