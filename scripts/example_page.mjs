// Why this exists: a page of examples is one file that works offline, from a disk too. This bundles its worker or worklet,
// puts it as text into the page's script, and both with the style into the HTML.
// Usage: npm run vad:page [-- FILE], npm run train:page [-- FILE]      FILE: build/vad.html or build/train.html unless given
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Characters of the text that the page which trains begins with. */
const LENGTH = 100_000;

/** This repository's documentation, as text inside HTML. */
function documentation() {
  const pages = readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md"));
  const docs = pages.sort().map((name) => readFileSync(`${root}/docs/${name}`, "utf8"));
  return docs.join("\n").slice(0, LENGTH).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** Of each page what runs beside it, the name by which its script finds that, and further text of its HTML. */
const PAGES = {
  vad: { beside: "worklet.ts", name: "WORKLET", texts: () => ({}) },
  train: { beside: "worker.ts", name: "WORKER", texts: () => ({ "/*TEXT*/": documentation() }) },
};

const [example, file = `build/${example}.html`] = process.argv.slice(2);
const { beside, name, texts } = PAGES[example];
const folder = `examples/${example}-page`;
if (!existsSync(`${root}/dist/esm/train.js`)) {
  console.error("Building the package, once …");
  await import("./build.mjs");
}

async function bundle(entry, format, define = {}) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`${folder}/${entry}`],
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

const parts = {
  ...texts(),
  "/*STYLE*/": await bundle("style.css", "esm"),
  "/*SCRIPT*/": await bundle("main.ts", "esm", {
    [name]: JSON.stringify(await bundle(beside, "iife")),
  }),
};
const html = readFileSync(`${root}/${folder}/index.html`, "utf8");
const page = Object.entries(parts).reduce(
  (text, [mark, part]) => text.replace(mark, () => part),
  html,
);
const path = resolve(file);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, page);
console.log(`${path}: ${Math.round(page.length / 1024)} kB. Open it in a browser.`);
