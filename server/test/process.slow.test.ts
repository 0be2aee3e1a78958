import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { ENGLISH, post } from "./support/server.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "recurra-operation-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command; gives what it said when it ended. */
async function run(words: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...process.env, ...environment },
  });
  children.push(child);
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const [code] = await once(child, "close");
  return { code, out, err };
}

/** Starts the command; resolves when it listens. */
async function start(words: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...words, "--port", "0"], {
    env: { ...process.env, ...environment },
  });
  children.push(child);
  let log = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text) => {
      log += text;
      const [, found] = /listening at (http:[^"]+)"/.exec(log) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once("close", () => reject(new Error(log)));
  });
  return { child, url, log: () => log };
}

describe("settings", () => {
  it.each([
    [["--port", "80x"], /--port <n>.*Expected a number/s],
    [["--port", "70000"], /port: must be <= 65535/],
    [["--model", "english"], /Expected NAME=FILE/],
    [["--allow-upload"], /allowUpload: needs adminToken/],
    [["--token", "short"], /token: must not have fewer than 16 characters/],
    [["--state", "file:///tmp"], /state: must match pattern/],
    [["--model", `..=${ENGLISH}`], /model: "\.\.": expected a letter or digit/],
    [["--model", "english=/no/such.safetensors"], /\/no\/such\.safetensors: .*no such file/],
    [["--config", "/no/such.json"], /--config: \/no\/such\.json: expected a file of JSON/],
  ])("%j: an error that names it, and no start", async (words, said) => {
    const { code, err, out } = await run(words);
    expect(code).not.toBe(0);
    expect(err + out).toMatch(said);
    expect(err).not.toMatch(/\n {4}at /);
  });

  it("are taken from flags, then the environment, then the file, and printed without secrets", async () => {
    const config = join(folder, "settings.json");
    writeFileSync(
      config,
      JSON.stringify({
        maxBatch: 7,
        maxDelay: 3,
        workers: 1,
        models: { english: { file: ENGLISH } },
      }),
    );
    const words = ["--config", config, "--max-batch", "9", "--state", "memory"];
    const { child, log } = await start(words, {
      RECURRA_MAX_DELAY: "5",
      RECURRA_MAX_BATCH: "8",
      RECURRA_TOKEN: "a-token-of-the-environment",
    });
    child.kill("SIGTERM");
    await once(child, "close");
    const { settings } = JSON.parse(log().split("\n")[0] ?? "");
    expect(settings).toMatchObject({ maxBatch: 9, maxDelay: 5, workers: 1, token: "[secret]" });
    expect(log()).not.toContain("a-token-of-the-environment");
  });

  it("a setting of the file that nobody knows is an error", async () => {
    const config = join(folder, "unknown.json");
    writeFileSync(config, JSON.stringify({ maxBach: 7 }));
    const { code, err } = await run(["--config", config]);
    expect([code, err]).toEqual([2, expect.stringContaining("maxBach: no such setting")]);
  });
});

describe("the process", () => {
  it("ends after the requests that run, when it gets SIGTERM: readiness goes first", async () => {
    const { child, url, log } = await start(["--model", `english=${ENGLISH}`, "--workers", "1"]);
    const sequences = ["The ship came home. ".repeat(3000)];
    const answer = post(`${url}/v1/score`, { sequences });
    await expect
      .poll(async () => await (await fetch(`${url}/metrics`)).text())
      .toMatch(/recurra_running_sequences\{[^}]*\} 1/);
    child.kill("SIGTERM");
    expect((await answer).status).toBe(200);
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    const requests = log()
      .split("\n")
      .filter((line) => line.includes('"url":"/v1/score"'));
    expect(JSON.parse(requests[0] ?? "{}")).toMatchObject({
      status: 200,
      method: "POST",
      reqId: expect.any(String),
    });
  });
});
