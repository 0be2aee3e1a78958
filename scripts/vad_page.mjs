// Why this exists: examples/vad-page is one file that works offline, from a disk too. This bundles the worklet, puts it as
// text into the page's script, and both with the style into the HTML.
// Usage: npm run vad:page [-- FILE]      FILE: build/vad.html unless given
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [file = "build/vad.html"] = process.argv.slice(2);
if (!existsSync(`${root}/dist/esm/index.js`)) {
  console.error("Building the package, once …");
  await import("./build.mjs");
}

async function bundle(entry, format, define = {}) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`examples/vad-page/${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: "es2022",
    logLevel: "warning",
    define,
  });
  // A script inside HTML ends at the first "</script", wherever that stands.
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

const worklet = await bundle("worklet.ts", "iife");
const script = await bundle("main.ts", "esm", { WORKLET: JSON.stringify(worklet) });
const [html, style] = ["index.html", "style.css"].map((name) =>
  readFileSync(`${root}/examples/vad-page/${name}`, "utf8"),
);
const page = html.replace("/*STYLE*/", () => style).replace("/*SCRIPT*/", () => script);
const path = resolve(file);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, page);
console.log(`${path}: ${Math.round(page.length / 1024)} kB. Open it in a browser.`);
