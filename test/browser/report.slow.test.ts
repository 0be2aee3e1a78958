import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SMALL, TABLE, TEXT } from "../cli/training.js";
import { recurra } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";
import { launch } from "./hosts.js";

// The page is opened from the disk, as a user would open it.

const folder = temporaryFolder();
let browser: BrowserContext;

/** What a page said on its console, and requests other than for itself. */
const said: string[] = [];

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), TEXT);
  writeFileSync(join(folder, "data.csv"), TABLE);
  const table = ["data.csv", "--hidden-size", "8", "--epochs", "8", "--window", "16"];
  const runs = [
    ["text.txt", "--out", "text.safetensors", "--steps", "40", ...SMALL],
    [...table, "--target", "price", "--out", "price.safetensors"],
    [...table, "--target", "state", "--features", "load,price", "--out", "state.safetensors"],
  ];
  for (const args of runs) expect(recurra(["train", ...args], "", folder).status).toBe(0);
  for (const name of ["text", "price", "state"]) {
    expect(recurra(["report", `${name}.run`], "", folder).status).toBe(0);
  }
  browser = await launch();
});

afterAll(() => browser.close());

async function open(name: string, scheme: "light" | "dark", width: number): Promise<Page> {
  const page = await browser.newPage();
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width, height: 900 });
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) said.push(request.url());
  });
  await page.goto(pathToFileURL(join(folder, `${name}.run/report.html`)).href);
  await page.locator(".u-over").first().waitFor();
  return page;
}

/** Different colours of a canvas's pixels. */
const coloursOf = (page: Page, selector: string): Promise<number> =>
  page
    .locator(selector)
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [],
      };
      return new Set(new Uint32Array(Uint8ClampedArray.from(data).buffer)).size;
    });

describe("the page of recurra report in Chromium, from the disk", () => {
  it.each([
    [
      "text",
      "light",
      1200,
      ["Training", "A text, coloured by surprise", "Inside the network", "Samples"],
    ],
    ["text", "dark", 380, ["Training", "A text, coloured by surprise", "Samples"]],
    ["price", "dark", 1200, ["Training", "Forecasts of rows that it has not seen"]],
    ["state", "light", 380, ["Training", "Labels of rows that it has not seen"]],
  ] as const)(
    "%s, %s, %i wide: its parts, drawn, no wider than the window, without a word on the console",
    async (name, scheme, width, parts) => {
      said.length = 0;
      const page = await open(name, scheme, width);
      const headings = await page.locator("h2").allTextContents();
      expect(headings).toEqual(expect.arrayContaining([...parts]));
      expect(await coloursOf(page, "canvas")).toBeGreaterThan(3);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(background).toBe(scheme === "dark" ? "rgb(20, 23, 26)" : "rgb(246, 246, 243)");
      expect(said).toEqual([]);
      await page.close();
    },
  );

  it("the keyboard moves through the charts and the text", async () => {
    const page = await open("text", "light", 1200);
    const chart = page.locator(".chart").first();
    await chart.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(
      () => document.querySelector(".u-legend .u-value")?.textContent === "2",
    );
    expect(await chart.getAttribute("aria-label")).toMatch(
      /^Loss over step 1 to 40\. each step: from /,
    );
    await page.locator("#maps canvas").focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#maps .status").textContent()).toMatch(
      /^unit 0 after “.”, token 1: -?[01]/,
    );
    expect(await coloursOf(page, "#maps canvas")).toBeGreaterThan(50);
    await page.locator("#map").selectOption({ label: "forget gate" });
    expect(await page.locator("#maps canvas").getAttribute("aria-label")).toMatch(
      /^forget gate: 12 units over 121 tokens/,
    );
    await page.locator(".text").focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#surprise .status").textContent()).toMatch(
      /^“.”: \d+\.\d\d bits, probability/,
    );
    await page.close();
  });
});
