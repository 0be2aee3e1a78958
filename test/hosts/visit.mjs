// Pages in browsers that are started for one page, and report to the server: no browser needs a driver.
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { root, run, server, start, temporary, Unavailable, within } from "./workshop.mjs";

let count = 0;

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of Chromium; scripts/chromium.mjs installs it where apt-get can. */
async function chromium() {
  try {
    return (await run(process.execPath, [join(root, "scripts/chromium.mjs")])).trim();
  } catch (error) {
    throw new Unavailable(error.message);
  }
}

/** How each browser is started, with a fresh profile, for one address. */
export const BROWSERS = {
  async Chromium(url, { profile, extension }) {
    const words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"];
    words.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
    words.push("--autoplay-policy=no-user-gesture-required", `--user-data-dir=${profile}`);
    if (extension !== undefined) {
      words.push(`--load-extension=${extension}`, `--disable-extensions-except=${extension}`);
      words.push("--disable-features=DisableLoadExtensionCommandLineSwitch");
    }
    return [await chromium(), [...words, url]];
  },
  "Firefox ESR"(url, { profile }) {
    const path = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(isExecutable);
    if (path === undefined) throw new Unavailable("apt-get install firefox-esr brings it");
    return [path, ["--headless", "--no-remote", "--profile", profile, url]];
  },
  WebKitGTK(url) {
    const path = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
    if (!isExecutable(path)) throw new Unavailable("apt-get install libwebkit2gtk-4.1-0 brings it");
    if (!isExecutable("/usr/bin/xvfb-run"))
      throw new Unavailable("apt-get install xvfb brings its display");
    return ["/usr/bin/xvfb-run", ["-a", path, "--private", url]];
  },
};

/**
 * What the page at `url` reports, in a browser of its own. The address to report to stands behind the #, or goes to a function
 * that gives the page's address.
 */
export async function visit(browser, url, { extension, seconds = 60 } = {}) {
  const { to, report } = server.expect();
  const profile = temporary(`profile${++count}`);
  const address = typeof url === "function" ? url(to) : `${url}#${to}`;
  const [command, words] = await BROWSERS[browser](address, { profile, extension });
  const home = temporary(`home${count}`);
  const env = {
    HOME: home,
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    WEBKIT_DISABLE_COMPOSITING_MODE: "1",
    LIBGL_ALWAYS_SOFTWARE: "1",
  };
  for (const folder of [profile, home]) mkdirSync(folder, { recursive: true });
  const program = start(command, words, { env });
  try {
    const early = program.ended.then(({ code, error }) => {
      // Chromium's first process may end before the one that shows the page.
      if (error !== undefined || code !== 0)
        throw new Error(`${browser} ended with ${code}: ${program.text.slice(-800)}`);
      return new Promise(() => {});
    });
    return await within(seconds, `the page in ${browser}`, Promise.race([report, early]));
  } finally {
    program.stop();
  }
}
