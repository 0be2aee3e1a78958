// The places of a browser that run JavaScript, in each browser that Debian brings.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { visit } from "./visit.mjs";
import { checkGolden, project, root, server, temporary, write } from "./workshop.mjs";

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

/** A page on the disk, one file that holds all scripts: its address. */
function file() {
  local ??= (async () => {
    const folder = await bundles("iife");
    const texts = Object.fromEntries(
      ["worker.js", "worklet.js"].map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
    const safe = JSON.stringify(texts).replaceAll("<", "\\u003c");
    const script = `<script>TEXTS = ${safe};</script><script src="places.js"></script>`;
    write(folder, { "page.html": html("page inWorker inAudioWorklet", script) });
    return pathToFileURL(join(folder, "page.html")).href;
  })();
  return local;
}

const NAMES = {
  page: "a page",
  inWorker: "a module worker",
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

/** Rows for the places of a page; `label` tells the page. */
function rowsOf(host, label, places, open) {
  const visited = once(open);
  return places.map((place) => ({
    host,
    what: `${NAMES[place]}${label}`,
    run: async () => checkGolden((await visited())[place]),
  }));
}

const policy = (words) => `?csp=${encodeURIComponent(words)}`;
const SELF = "default-src 'none'; script-src 'self'; connect-src *; worker-src 'self'";
const WITH_WASM = SELF.replace("'self';", "'self' 'wasm-unsafe-eval';");
const REFUSAL =
  /^FeatureError: createEngine: this host refuses to compile WebAssembly: in a page, allow 'wasm-unsafe-eval' in script-src .*the host says: \S*Error: .+$/;

function checkRefusal(report) {
  const lines = report.refused.split("\n");
  if (lines.length === 2 && lines.every((line) => REFUSAL.test(line)))
    return lines[0].split("the host says: ")[1];
  throw new Error(`expected two FeatureErrors that name the directive, got ${report.refused}`);
}

function browser(host) {
  const at = (path, options) => async () => visit(host, `${await site()}${path}`, options);
  const isolated = once(at("?isolated"));
  return [
    ...rowsOf(host, "", Object.keys(NAMES), at("")),
    {
      host,
      what: "a page that is `crossOriginIsolated`",
      async run() {
        const report = await isolated();
        if (report.isolated !== true) throw new Error("the page is not isolated");
        for (const place of ["page", "inWorker", "inAudioWorklet"]) checkGolden(report[place]);
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
      what: "a policy without `'wasm-unsafe-eval'`: embedded and fetched kernels are a FeatureError that names it",
      run: async () => checkRefusal(await at(`refused.html${policy(SELF)}`)()),
    },
    ...rowsOf(host, " of `file://`", ["page", "inWorker", "inAudioWorklet"], async () =>
      visit(host, await file()),
    ),
  ];
}

/** The id that Chromium gives an unpacked extension: letters for the digits of its path's hash. */
function idOf(folder) {
  const digits = createHash("sha256").update(folder).digest("hex").slice(0, 32);
  return digits.replaceAll(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)));
}

const extension = {
  host: "Chromium",
  what: "a page of an extension, manifest 3",
  async run() {
    const folder = temporary("extension");
    const manifest = {
      manifest_version: 3,
      name: "recurra",
      version: "1",
      content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'" },
    };
    const bundled = await bundles("esm");
    write(folder, {
      "manifest.json": JSON.stringify(manifest),
      "page.html": html("page inWorker", MODULE),
      ...Object.fromEntries(
        ["places.js", "worker.js"].map((name) => [name, readFileSync(join(bundled, name), "utf8")]),
      ),
    });
    const url = `chrome-extension://${idOf(folder)}/page.html`;
    const report = await visit("Chromium", url, { extension: folder });
    for (const place of ["page", "inWorker"]) checkGolden(report[place]);
  },
};

export const rows = [
  ...browser("Chromium"),
  extension,
  ...browser("Firefox ESR"),
  ...browser("WebKitGTK"),
];
