import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
import { afterAll, describe, expect, it } from "vitest";
import { ENGLISH, post, server } from "./support/server.js";

const folder = mkdtempSync(join(tmpdir(), "recurra-models-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The shipped model with other numbers: another model. */
function changed(): Uint8Array {
  const { tensors, metadata } = readSafetensors(readFileSync(ENGLISH));
  const first = [...tensors.values()].find(({ data }) => data instanceof Float32Array);
  if (first !== undefined) first.data[0] = Number(first.data[0]) + 0.5;
  return writeSafetensors(tensors, metadata);
}

const SECRET = "an-administrator's-token";
const admin = { authorization: `Bearer ${SECRET}` };
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

interface Model {
  readonly version: string;
  readonly sha256: string;
}
const modelAt = async (url: string, name = "english"): Promise<Model> =>
  (await (await fetch(`${url}/v1/models/${name}`)).json()) as Model;
const score = async (
  url: string,
  name = "english",
): Promise<{ version: string; logProb: number }> => {
  const response = await post(`${url}/v1/score`, {
    model: name,
    sequences: ["The ship came home."],
  });
  const { version, results } = (await response.json()) as {
    version: string;
    results: { logProb: number }[];
  };
  return { version, logProb: results[0]?.logProb ?? Number.NaN };
};
const put = (
  url: string,
  body: Uint8Array,
  headers: Record<string, string> = admin,
  name = "english",
): Promise<Response> =>
  fetch(`${url}/v1/models/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream", ...headers },
    body: body as Uint8Array<ArrayBuffer>,
  });

describe("GET /v1/models", () => {
  it("tells name, version, kind and hash of each model", async () => {
    const { url } = await server({ models: { a: { file: ENGLISH }, b: { file: ENGLISH } } });
    const { models } = (await (await fetch(`${url}/v1/models`)).json()) as { models: object[] };
    const hash = sha256(readFileSync(ENGLISH)).toString("hex");
    expect(models).toMatchObject([
      { name: "a", version: "1", kind: "language", sha256: hash, tokens: expect.any(Number) },
      { name: "b", version: "1", kind: "language", sha256: hash },
    ]);
    const response = await post(`${url}/v1/score`, { sequences: ["a"] });
    expect(await response.json()).toMatchObject({
      code: "invalid-request",
      detail: "model: expected one of a, b",
    });
  });
});

describe("PUT /v1/models/{name}", () => {
  it("is not there unless it is allowed", async () => {
    const { url } = await server({ adminToken: SECRET });
    const refused = await put(url, changed());
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("needs the administrator's token", async () => {
    const { url } = await server({
      allowUpload: true,
      adminToken: SECRET,
      token: "the-token-of-a-user",
    });
    for (const headers of [
      {},
      { authorization: "Bearer the-token-of-a-user" },
      { authorization: `Basic ${SECRET}` },
    ]) {
      const response = await put(url, changed(), headers as Record<string, string>);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        401,
        "unauthorized",
      ]);
    }
  });

  it("lets the new version take over, while a stream goes on with the one that it began on", async () => {
    const { url, registry } = await server({ allowUpload: true, adminToken: SECRET });
    const before = await score(url);
    const { id } = (await (await post(`${url}/v1/streams`, {})).json()) as { id: string };
    const push = async (text: string) =>
      (await (await post(`${url}/v1/streams/${id}/push`, { text })).json()) as {
        logProbs: number[];
      };
    const first = await push("The ship");
    const response = await put(url, changed());
    expect([response.status, ((await response.json()) as Model).version]).toEqual([200, "2"]);
    const after = await score(url);
    expect([before.version, after.version, before.logProb === after.logProb]).toEqual([
      "1",
      "2",
      false,
    ]);
    const rest = await push(" came home.");
    const sum = [...first.logProbs, ...rest.logProbs].reduce((all, each) => all + each, 0);
    expect(Math.abs(sum - before.logProb)).toBeLessThan(1e-9);
    expect(registry.versions.map(({ number }) => number)).toEqual([1, 2]);
    await fetch(`${url}/v1/streams/${id}`, { method: "DELETE" });
    await expect.poll(() => registry.versions.map(({ number }) => number)).toEqual([2]);
  });

  it("loses no request and mixes no versions while versions change under load", async () => {
    const { url } = await server({ allowUpload: true, adminToken: SECRET });
    const [old, young] = [await score(url), changed()];
    const answers: Promise<{ version: string; logProb: number }>[] = [];
    for (const bytes of [young, readFileSync(ENGLISH), young]) {
      for (let i = 0; i < 40; i++) answers.push(score(url));
      expect((await put(url, bytes)).status).toBe(200);
    }
    const latest = await score(url);
    for (const { version, logProb } of await Promise.all(answers)) {
      expect(logProb).toBe(Number(version) % 2 === 1 ? old.logProb : latest.logProb);
    }
    expect(latest.version).toBe("4");
  });

  it("does not load again what it serves, and keeps one file of it", async () => {
    const { url, registry } = await server({ allowUpload: true, adminToken: SECRET, models: {} });
    const upload = async (bytes: Uint8Array): Promise<[string, string]> => {
      const { version } = (await (await put(url, bytes, admin, "x")).json()) as Model;
      return [version, registry.settingsOf("x")?.file ?? ""];
    };
    const first = await upload(readFileSync(ENGLISH));
    const second = await upload(readFileSync(ENGLISH));
    const third = await upload(changed());
    expect([first[0], second[0], third[0]]).toEqual(["1", "1", "2"]);
    expect([first[1], second[1], third[1]].map((file) => existsSync(file))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("a model that is uploaded for the first time, twice at once, is that of the file that is right", async () => {
    const { url, registry } = await server({ allowUpload: true, adminToken: SECRET });
    const uploads = [Buffer.from("none"), readFileSync(ENGLISH), Buffer.from("none either")];
    let isDone = false;
    const answers = Promise.all(uploads.map((bytes) => put(url, bytes, admin, "new")));
    void answers.finally(() => {
      isDone = true;
    });
    const ready: boolean[] = [];
    while (!isDone) {
      ready.push(registry.isReady);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect((await answers).map(({ status }) => status)).toEqual([422, 200, 422]);
    expect((await score(url, "new")).version).toBe("1");
    expect(ready.length).toBeGreaterThan(3);
    expect(ready).not.toContain(false);
  });

  it("a model that is removed while a version is loaded has none afterwards", async () => {
    const { registry } = await server();
    const file = join(mkdtempSync(join(folder, "late-")), "late.safetensors");
    writeFileSync(file, changed());
    const loading = registry.load("english", { file });
    registry.remove("english");
    await expect(loading).rejects.toMatchObject({
      code: "model-not-found",
      message: expect.stringContaining("it was removed while it was loaded"),
    });
    await expect.poll(() => [registry.names, registry.versions]).toEqual([[], []]);
  });

  it("with a folder it is there after a restart, until it is deleted", async () => {
    const own = mkdtempSync(join(folder, "kept-"));
    const options = { allowUpload: true, adminToken: SECRET, models: {}, folder: own };
    const first = await server(options);
    expect((await put(first.url, readFileSync(ENGLISH), admin, "mine")).status).toBe(200);
    expect(existsSync(join(own, "mine.safetensors"))).toBe(true);
    const other = await put(first.url, Buffer.from("onnx, perhaps"), admin, "mine");
    expect([other.status, await other.json()]).toMatchObject([
      400,
      { detail: expect.stringContaining("the folder has it as mine.safetensors: DELETE it first") },
    ]);
    await first.close();
    const { url, registry } = await server(options);
    const { version, logProb } = await score(url, "mine");
    expect(version).toBe("1");
    const again = (await (await put(url, readFileSync(ENGLISH), admin, "mine")).json()) as Model;
    expect(again.version).toBe("1");
    const young = (await (await put(url, changed(), admin, "mine")).json()) as Model;
    expect(young.version).toBe("2");
    expect((await score(url, "mine")).logProb).not.toBe(logProb);
    await registry.reload();
    expect((await modelAt(url, "mine")).version).toBe("2");
    const deleted = await fetch(`${url}/v1/models/mine`, { method: "DELETE", headers: admin });
    expect([deleted.status, existsSync(join(own, "mine.safetensors")), registry.names]).toEqual([
      204,
      false,
      [],
    ]);
  });

  it("checks Content-Digest", async () => {
    const { url } = await server({ allowUpload: true, adminToken: SECRET });
    const bytes = changed();
    const wrong = await put(url, bytes, {
      ...admin,
      "content-digest": `sha-256=:${sha256(Buffer.from("x")).toString("base64")}:`,
    });
    expect([wrong.status, ((await wrong.json()) as { code: string }).code]).toEqual([
      422,
      "invalid-model",
    ]);
    const right = await put(url, bytes, {
      ...admin,
      "content-digest": `sha-256=:${sha256(bytes).toString("base64")}:`,
    });
    expect(((await right.json()) as Model).sha256).toBe(sha256(bytes).toString("hex"));
  });

  it.each([
    ["a file that is no model", Buffer.from("nothing that anybody knows")],
    ["half a file", readFileSync(ENGLISH).subarray(0, 20_000)],
  ])("%s: 422, and the version that serves stays", async (_, bytes) => {
    const { url } = await server({ allowUpload: true, adminToken: SECRET });
    const response = await put(url, bytes);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      422,
      "invalid-model",
    ]);
    expect((await score(url)).version).toBe("1");
  });

  it("takes no name that leads elsewhere", async () => {
    const { url } = await server({ allowUpload: true, adminToken: SECRET });
    const names = [
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e",
      "a%2fb",
      "a%00b",
      ".hidden",
      "a%20b",
      "%5c..%5c",
      "%ff",
    ];
    for (const name of names) {
      const response = await put(url, Buffer.from("x"), admin, name);
      expect([400, 404], name).toContain(response.status);
      expect(response.headers.get("content-type"), name).toContain("application/problem+json");
    }
  });
});

describe("a version that fails its test", () => {
  it("another log-probability than that of the settings: the server does not start", async () => {
    const selfTest = { sequence: "abc", logProb: -1 };
    await expect(server({ models: { english: { file: ENGLISH, selfTest } } })).rejects.toThrow(
      /self-test: expected the log-probability -1, got -/,
    );
  });

  it("another SHA-256 than that of the settings: the server does not start", async () => {
    const digest = "0".repeat(64);
    await expect(
      server({ models: { english: { file: ENGLISH, sha256: digest } } }),
    ).rejects.toThrow(/SHA-256: expected 0{64}, got/);
  });
});

describe("a folder that is watched", () => {
  it("serves what is in it, takes new versions and new models, refuses bad ones, ends those that are gone", async () => {
    copyFileSync(ENGLISH, join(folder, "first.safetensors"));
    const { url } = await server({ models: {}, folder });
    const names = async () =>
      (
        (await (await fetch(`${url}/v1/models`)).json()) as {
          models: { name: string; version: string }[];
        }
      ).models.map(({ name, version }) => `${name} ${version}`);
    expect(await names()).toEqual(["first 1"]);
    // As programs do that do not want half a file to be read: under another name, then renamed.
    writeFileSync(join(folder, ".new"), changed());
    renameSync(join(folder, ".new"), join(folder, "first.safetensors"));
    copyFileSync(ENGLISH, join(folder, "second.safetensors"));
    writeFileSync(join(folder, "bad.safetensors"), "nothing");
    await expect.poll(names, { timeout: 15_000, interval: 100 }).toEqual(["first 2", "second 1"]);
    rmSync(join(folder, "second.safetensors"));
    await expect.poll(names, { timeout: 15_000, interval: 100 }).toEqual(["first 2"]);
  });
});
