import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { createEngineSync } from "recurra";
import { openGraph } from "recurra/onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CHUNK,
  createVoiceActivity,
  INPUTS,
  type Segment,
  Segmenter,
} from "../../examples/vad/voice_activity.js";
import { readWav } from "../../examples/vad/wav.js";
import { model, speech } from "../graph/silero.js";
import { root, temporaryFolder } from "../support/project.js";
import { launch } from "./hosts.js";

// The page is opened from the disk, without a server, as a user would open it.

const MODEL = `${root}test/fixtures/silero-vad/silero_vad_v5.onnx`;
const SPEECH = `${root}test/fixtures/silero-vad/speech.wav`;
/** Seconds that the microphone hears: silence, the first segment, silence. */
const HEARD = 9;

interface Found {
  readonly segments: readonly Segment[];
  readonly probabilities: readonly number[];
}

/** What Node finds. */
function here(): Found {
  const engine = createEngineSync();
  const detector = createVoiceActivity(openGraph(engine, model, { inputs: INPUTS }));
  const samples = readWav(speech);
  const segments: (Segment | undefined)[] = [];
  const probabilities: number[] = [];
  for (let at = 0; at + CHUNK <= samples.length; at += CHUNK) {
    segments.push(detector.push(samples.subarray(at, at + CHUNK)));
    probabilities.push(detector.probability);
  }
  segments.push(detector.finish());
  engine.dispose();
  return { segments: segments.filter((segment) => segment !== undefined), probabilities };
}

/** The first seconds of the recording, as a WAV file. */
function beginning(file: string): string {
  const header = 44;
  const bytes = speech.slice(0, header + HEARD * 32_000);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(header - 4, bytes.length - header, true);
  writeFileSync(file, bytes);
  return file;
}

let browser: BrowserContext;
let page: Page;
let folder: string;

beforeAll(async () => {
  folder = temporaryFolder();
  const file = join(folder, "vad.html");
  execFileSync(process.execPath, ["scripts/example_page.mjs", "vad", file], { cwd: root });
  const heard = beginning(join(folder, "heard.wav"));
  browser = await launch(
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${heard}%noloop`,
  );
  page = await browser.newPage();
  await page.goto(pathToFileURL(file).href);
});

afterAll(() => browser.close());

const problem = () => page.locator("#problem:visible").textContent();

/** What "Save as JSON" saves. */
async function saved(): Promise<Found> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return JSON.parse(readFileSync(await download.path(), "utf8"));
}

const rows = () =>
  page
    .locator("#segments tr")
    .evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll("td")].slice(1).map((cell) => cell.textContent)),
    );

describe("examples/vad-page in Chromium, from the disk", () => {
  it("a file that is no model: a message that says so, and why", async () => {
    const name = "no.onnx";
    writeFileSync(join(folder, name), "nothing");
    await page.setInputFiles("#model-file", join(folder, name));
    expect(await problem()).toMatch(/^no.onnx is not Silero VAD v5 or v6. openGraph: /);
  });

  it("a sound file, through the AudioWorklet: probabilities and segments 0 bits from Node's", async () => {
    await page.setInputFiles("#model-file", MODEL);
    await page.locator("#controls:visible").waitFor();
    await page.setInputFiles("#sound-file", SPEECH);
    await page.getByText(/analysed in/).waitFor();
    const found = here();
    expect(found.probabilities.length).toBe(487);
    expect(await saved()).toMatchObject(found);
    expect((await rows()).map(([start, end]) => [start, end])).toEqual([
      ["1.22 s", "7.87 s"],
      ["9.57 s", "14.43 s"],
    ]);
  });

  it("other thresholds: the segments of the same probabilities", async () => {
    await page.locator('input[name="minimumSilence"]').fill("2");
    const segmenter = new Segmenter({ minimumSilence: 2 });
    const segments = here().probabilities.map((probability) => segmenter.push(probability));
    segments.push(segmenter.finish());
    const expected = segments.filter((segment) => segment !== undefined);
    expect(expected.length).toBe(1);
    expect((await saved()).segments).toEqual(expected);
    await page.click("#reset");
    expect((await saved()).segments).toEqual(here().segments);
  });

  it("a file that is no sound: a message that says so", async () => {
    await page.setInputFiles("#sound-file", join(folder, "vad.html"));
    expect(await problem()).toMatch(/no sound/);
  });

  it("the microphone: the segment is within 0.3 s of the file's", async () => {
    await page.click("#listen");
    await page.locator("#segments tr").waitFor({ timeout: 30_000 });
    await page.click("#listen");
    const { segments, probabilities } = await saved();
    const [expected] = here().segments as [Segment];
    expect(segments.length).toBe(1);
    expect(Math.abs((segments[0]?.start ?? 0) - expected.start)).toBeLessThan(0.3);
    expect(Math.abs((segments[0]?.end ?? 0) - expected.end)).toBeLessThan(0.3);
    expect(probabilities.length).toBeGreaterThan((7.5 * 16_000) / CHUNK);
  });

  it("the next visit has the model", async () => {
    await page.reload();
    await page.locator("#controls:visible").waitFor();
    expect(await page.locator("#ask").isVisible()).toBe(false);
  });
});
