import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { BrowserContext, Page } from "playwright-core";
import * as recurra from "recurra";
import * as train from "recurra/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, temporaryFolder, writeFiles } from "../support/project.js";
import { expectTorch, titleOf, torchRuns } from "../train/torch_runs.js";
import {
  type TorchNetwork,
  type TorchRun,
  type TrainedRun,
  type TrainingPackage,
  trainAsTorch,
} from "../train/torch_training.js";
import { launch } from "./hosts.js";

// Training follows PyTorch in Chromium as in Node, with the same bits.

const own = { ...recurra, ...train } as unknown as TrainingPackage;

let browser: BrowserContext;
let page: Page;

beforeAll(async () => {
  const folder = temporaryFolder();
  await build({
    absWorkingDir: root,
    entryPoints: ["test/browser/torch_page.ts"],
    outfile: join(folder, "page.js"),
    bundle: true,
    format: "iife",
    platform: "browser",
  });
  writeFiles(folder, {
    "index.html": '<!doctype html><title>training</title><script src="page.js"></script>\n',
  });
  browser = await launch();
  page = await browser.newPage();
  await page.goto(pathToFileURL(join(folder, "index.html")).href);
}, 300_000);

afterAll(() => browser.close());

const inPage = (network: TorchNetwork, run: TorchRun): Promise<TrainedRun> =>
  page.evaluate(
    ([network, run]) =>
      (globalThis as unknown as { trainAsTorch: typeof inPage }).trainAsTorch(network, run),
    [network, run] as const,
  );

describe.each(torchRuns)("Chromium: $name", ({ network, runs }) => {
  it.each(runs.map((run) => ({ title: titleOf(run), run })))(
    "200 steps follow PyTorch's to 1e-9 relative and have the bits of Node: $title",
    async ({ run }) => {
      const got = await inPage(network, run);
      expectTorch(got, run);
      expect(got).toEqual(trainAsTorch(own, network, run));
    },
  );
});
