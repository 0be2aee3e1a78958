// Why this exists: examples/train-page is one file that works offline, from a disk too. This bundles the worker, puts it as
// text into the page's script, and both with the style and a text to begin with (this repository's documentation) into the HTML.
// Usage: npm run train:page [-- FILE]      FILE: build/train.html unless given
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [file = "build/train.html"] = process.argv.slice(2);
/** Characters of the text to begin with. */
const LENGTH = 100_000;
if (!existsSync(`${root}/dist/esm/train.js`)) {
  console.error("Building the package, once …");
  await import("./build.mjs");
}

async function bundle(entry, format, define = {}) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`examples/train-page/${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: "es2022",
    logLevel: "warning",
    outdir: "build",
    define,
  });
  // A script inside HTML ends at the first "</script", wherever that stands.
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

const worker = await bundle("worker.ts", "iife");
const script = await bundle("main.ts", "esm", { WORKER: JSON.stringify(worker) });
const style = await bundle("style.css", "esm");
const pages = readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md"));
const docs = pages.sort().map((name) => readFileSync(`${root}/docs/${name}`, "utf8"));
const text = docs.join("\n").slice(0, LENGTH).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const page = readFileSync(`${root}/examples/train-page/index.html`, "utf8")
  .replace("/*TEXT*/", () => text)
  .replace("/*STYLE*/", () => style)
  .replace("/*SCRIPT*/", () => script);
const path = resolve(file);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, page);
console.log(`${path}: ${Math.round(page.length / 1024)} kB. Open it in a browser.`);
