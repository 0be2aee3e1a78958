import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { createEngineSync, loadLanguageModel } from "recurra";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, temporaryFolder } from "../support/project.js";
import { launch } from "./hosts.js";

// The page is opened from the disk, without a server, as a user would open it.

let browser: BrowserContext;
let page: Page;
const said: string[] = [];

beforeAll(async () => {
  const file = join(temporaryFolder(), "train.html");
  execFileSync(process.execPath, ["scripts/example_page.mjs", "train", file], { cwd: root });
  browser = await launch();
  page = await browser.newPage();
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  await page.goto(pathToFileURL(file).href);
});

afterAll(() => browser.close());

const status = (pattern: string): Promise<unknown> =>
  page.waitForFunction(
    (text) => new RegExp(text).test(document.getElementById("status")?.textContent ?? ""),
    pattern,
    { timeout: 120_000 },
  );

/** What "Download the model" saves. */
async function downloaded(): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  expect(download.suggestedFilename()).toBe("model.safetensors");
  return readFileSync(await download.path());
}

describe("examples/train-page in Chromium, from the disk", () => {
  let whole: Buffer;

  it("300 steps on 100 kB of text: the curve is drawn as it comes, and the model scores", async () => {
    expect((await page.locator("#text").inputValue()).length).toBe(100_000);
    await page.click("#start");
    await status("^Step \\d\\d of 300, loss \\d");
    expect(await page.locator("#curve canvas").count()).toBe(1);
    await status("^Done: 300 steps");
    whole = await downloaded();
    const engine = createEngineSync();
    const model = await loadLanguageModel(engine, whole);
    const [good, bad] = await model.score(["The model that comes", "htT eledom mo csethta"]);
    expect(good?.bitsPerToken).toBeLessThan((bad?.bitsPerToken ?? 0) - 1);
    engine.dispose();
    expect((await page.locator("#sample").textContent())?.length).toBe(280);
  });

  it("stopped and resumed, it ends with the same bytes", async () => {
    await page.click("#start");
    await status("^Step \\d\\d of 300");
    await page.click("#stop");
    await status("^Stopped after step \\d+\\.");
    const half = await downloaded();
    expect(half.equals(whole)).toBe(false);
    expect(await page.locator("#steps").isDisabled()).toBe(true);
    expect(await page.locator("#start").textContent()).toBe("Resume");
    await page.click("#start");
    await status("^Done: 300 steps");
    expect((await downloaded()).equals(whole)).toBe(true);
  });

  it("a text that is too short: a message that says so", async () => {
    await page.locator("#text").fill("short");
    await page.click("#start");
    expect(await page.locator("#problem:visible").textContent()).toMatch(
      /at least 2,000 characters/,
    );
  });

  it("says nothing on the console", () => {
    expect(said).toEqual([]);
  });
});
