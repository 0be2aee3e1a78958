// The places of a browser that run JavaScript, in each browser that Debian brings.
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { versionOf, visit } from "./visit.mjs";
import { checkGolden, GOLDEN, project, root, server, temporary, write } from "./workshop.mjs";

const SCRIPTS = ["places", "worker", "worklet", "service_worker", "frame"];

const html = (places, script) =>
  `<!doctype html><html data-places="${places}"><title>recurra</title><body>${script}</body></html>\n`;
const MODULE = '<script type="module" src="places.js"></script>';
const PLACES = "page inWorker inAudioWorklet inFrame inServiceWorker";

/** Bundles of the programs. A classic script holds no import, so every place loads it. */
async function bundles(format) {
  const folder = project(`browsers-${format}`);
  const outdir = join(folder, "out");
  await build({
    absWorkingDir: folder,
    entryPoints: SCRIPTS.map((name) => `src/${name}.js`),
    outdir,
    format,
    bundle: true,
    minify: true,
    logLevel: "error",
  });
  return outdir;
}

let served;
let local;

/** The site that pages come from: its address. */
function site() {
  served ??= (async () => {
    const folder = await bundles("esm");
    write(folder, {
      "index.html": html(PLACES, MODULE),
      "refused.html": html("refused", MODULE),
      "strict.html": html("page inWorker", MODULE),
      "frame.html": '<!doctype html><script type="module" src="frame.js"></script>\n',
    });
    copyFileSync(join(root, "dist/kernels.wasm"), join(folder, "kernels.wasm"));
    return server.add(folder);
  })();
  return served;
}

/** A page on the disk, one file that holds all scripts. WebKitGTK's browser takes a # for a part of a file's name. */
function file() {
  local ??= (async () => {
    const folder = await bundles("iife");
    const texts = Object.fromEntries(
      ["worker.js", "worklet.js"].map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
    const safe = JSON.stringify(texts).replaceAll("<", "\\u003c");
    let count = 0;
    return (to) => {
      const name = `page${++count}.html`;
      const script = `<script>TEXTS = ${safe}; REPORT_TO = "${to}";</script><script src="places.js"></script>`;
      write(folder, { [name]: html("page inWorker inAudioWorklet", script) });
      return pathToFileURL(join(folder, name)).href;
    };
  })();
  return local;
}

const NAMES = {
  page: "a page",
  inWorker: "a worker",
  inAudioWorklet: "an AudioWorklet",
  inFrame: "a sandboxed iframe",
  inServiceWorker: "a service worker",
};

/** One visit of a page serves the rows of all its places. */
function once(open) {
  let report;
  return () => {
    report ??= open();
    return report;
  };
}

/**
 * Some hosts flush subnormal numbers to zero on audio threads, against the standard of WebAssembly; the worklet proves it by a
 * module that is not this package's. The cases that compute such numbers then have other bits, and no other case may.
 */
function checkWorklet({ text, flushes }) {
  if (!flushes) return checkGolden(text);
  const isApart = (line) => /^\w+ {2}(saturated|subnormal|all)(, GRU)?$/.test(line);
  const without = (lines) =>
    lines
      .split("\n")
      .filter((line) => !isApart(line))
      .join("\n");
  if (without(text) !== without(GOLDEN)) return checkGolden(text);
  return "yes, but for subnormal numbers, which this host flushes to zero on its audio threads";
}

const check = (place, found) =>
  place === "inAudioWorklet" ? checkWorklet(found) : checkGolden(found);

/** Rows for the places of a page; `label` tells the page. */
function rowsOf(host, label, places, open) {
  const visited = once(open);
  return places.map((place) => ({
    host,
    version: () => versionOf(host),
    what: `${NAMES[place]}${label}`,
    run: async () => check(place, (await visited())[place]),
  }));
}

const policy = (words) => `?csp=${encodeURIComponent(words)}`;
const SELF = "default-src 'none'; script-src 'self'; connect-src *; worker-src 'self'";
const WITH_WASM = SELF.replace("'self';", "'self' 'wasm-unsafe-eval';");
const REFUSAL =
  /^FeatureError: createEngine: this host refuses to compile WebAssembly: in a page, allow 'wasm-unsafe-eval' in script-src .*the host says: \S*Error: .+$/s;

function checkRefusal(report) {
  const { refused } = report;
  if (refused.length === 2 && refused.every((text) => REFUSAL.test(text))) return;
  throw new Error(`expected two FeatureErrors that name the directive, got ${refused}`);
}

function browser(host) {
  const at = (path, options) => async () => visit(host, `${await site()}${path}`, options);
  const isolated = once(at("?isolated"));
  return [
    ...rowsOf(host, "", Object.keys(NAMES), at("")),
    {
      host,
      version: () => versionOf(host),
      what: "a page that is `crossOriginIsolated`",
      async run() {
        const report = await isolated();
        if (report.isolated !== true) throw new Error("the page is not isolated");
        return ["page", "inWorker", "inAudioWorklet"]
          .map((place) => check(place, report[place]))
          .at(-1);
      },
    },
    ...rowsOf(
      host,
      " under a policy with `'wasm-unsafe-eval'`",
      ["page", "inWorker"],
      at(`strict.html${policy(WITH_WASM)}`),
    ),
    {
      host,
      version: () => versionOf(host),
      what: "a policy without `'wasm-unsafe-eval'`: embedded and fetched kernels are a FeatureError that names it",
      run: async () => checkRefusal(await at(`refused.html${policy(SELF)}`)()),
    },
    ...rowsOf(host, " of `file://`", ["page", "inWorker", "inAudioWorklet"], async () =>
      visit(host, await file()),
    ),
  ];
}

const extension = {
  host: "Chromium",
  version: () => versionOf("Chromium"),
  what: "a page of an extension, manifest 3",
  async run() {
    const folder = temporary("extension");
    const manifest = {
      manifest_version: 3,
      name: "recurra",
      version: "1",
      background: { service_worker: "background.js" },
      content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'" },
    };
    const bundled = await bundles("esm");
    const scripts = ["places.js", "worker.js"].map((name) => [
      name,
      readFileSync(join(bundled, name), "utf8"),
    ]);
    write(folder, {
      "manifest.json": JSON.stringify(manifest),
      // An address of the extension cannot be given on the command line: it is not loaded yet.
      "background.js": 'chrome.tabs.create({ url: "page.html" });\n',
      "page.html": html("page inWorker", `<script src="report_to.js"></script>${MODULE}`),
      ...Object.fromEntries(scripts),
    });
    const open = (to) => {
      write(folder, { "report_to.js": `REPORT_TO = "${to}";\n` });
      return "about:blank";
    };
    const report = await visit("Chromium", open, { extension: folder });
    for (const place of ["page", "inWorker"]) checkGolden(report[place]);
  },
};

export const rows = [
  ...browser("Chromium"),
  extension,
  ...browser("Firefox ESR"),
  ...browser("WebKitGTK"),
];
