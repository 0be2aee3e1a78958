// Pages in browsers that are started for one page, and report to the server: no browser needs a driver.
import { spawnSync } from "node:child_process";
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

/** The first of `paths` that is there; Debian's `packages` bring it where apt-get may be used. */
function installed(paths, packages) {
  const found = () => paths.find(isExecutable);
  if (found() === undefined && process.getuid?.() === 0 && isExecutable("/usr/bin/apt-get")) {
    const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    const install = ["install", "-y", "--no-install-recommends", ...packages];
    for (const words of [["update"], install]) spawnSync("apt-get", words, options);
  }
  const path = found();
  if (path !== undefined) return path;
  throw new Unavailable(`apt-get install ${packages.join(" ")} brings it`);
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
    const path = installed(["/usr/bin/firefox-esr"], ["firefox-esr"]);
    return [path, ["--headless", "--no-remote", "--profile", profile, url]];
  },
  WebKitGTK(url) {
    const path = installed(
      ["/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"],
      ["libwebkit2gtk-4.1-0"],
    );
    const display = installed(["/usr/bin/xvfb-run"], ["xvfb", "xauth"]);
    return [display, ["-a", path, "--private", url]];
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

/** The version of a browser, as it tells it; empty where it is absent. */
export async function versionOf(browser) {
  try {
    const [path] = await BROWSERS[browser]("about:blank", { profile: "" });
    // MiniBrowser tells it to a display only.
    const [command, words] =
      browser === "WebKitGTK"
        ? ["dpkg-query", ["--show", "libwebkit2gtk-4.1-0"]]
        : [path, ["--version"]];
    return /\s(\d[\d.]+\w*)/.exec(await run(command, words, { seconds: 20 }))?.[1] ?? "";
  } catch {
    return "";
  }
}
