import { execFileSync } from "node:child_process";
import { type BrowserContext, chromium } from "playwright-core";
import { root, temporaryFolder } from "./consumer.js";

/** Starts a headless Chromium with a profile of its own; installs one where there is none. */
export function launch(): Promise<BrowserContext> {
  const script = `${root}scripts/chromium.mjs`;
  const executablePath = execFileSync(process.execPath, [script], { encoding: "utf8" }).trim();
  return chromium.launchPersistentContext(temporaryFolder(), {
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
