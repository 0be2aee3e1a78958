// What bundlers make of a page that imports the package, run in Chromium.
import { join } from "node:path";
import { visit } from "./visit.mjs";
import { checkGolden, node, project, run, said, server, start, tools } from "./workshop.mjs";

const html = (script, kind = "module") =>
  `<!doctype html><title>recurra</title><script type="${kind}" src="${script}"></script>\n`;

/** A project with a page; `words` is the command of a bundler that writes to out/. */
async function built(name, { packages, files, words }) {
  const toolbox = tools(...packages);
  const folder = project(name, { toolbox, files });
  const [bin, ...rest] = words;
  await run(node(), [join("node_modules", bin), ...rest], { cwd: folder });
  return folder;
}

const OUT = { "out/index.html": html("page.js") };

const PAGES = {
  esbuild: {
    packages: ["esbuild"],
    files: OUT,
    words:
      "esbuild/bin/esbuild src/page.js --bundle --minify --format=esm --outfile=out/page.js".split(
        " ",
      ),
  },
  Rollup: {
    packages: ["rollup", "@rollup/plugin-node-resolve"],
    files: {
      ...OUT,
      "rollup.config.js": `import { nodeResolve } from "@rollup/plugin-node-resolve";
export default {
  input: "src/page.js",
  output: { dir: "out", format: "es" },
  plugins: [nodeResolve({ browser: true })],
};
`,
    },
    words: ["rollup/dist/bin/rollup", "-c"],
  },
  webpack: {
    packages: ["webpack", "webpack-cli"],
    files: OUT,
    words:
      "webpack/bin/webpack.js --mode production --entry ./src/page.js --output-path out --output-filename page.js".split(
        " ",
      ),
  },
  rspack: {
    packages: ["@rspack/core", "@rspack/cli"],
    files: {
      ...OUT,
      "rspack.config.js": `export default {
  mode: "production",
  entry: "./src/page.js",
  output: { path: import.meta.dirname + "/out", filename: "page.js" },
};
`,
    },
    words: ["@rspack/cli/bin/rspack.js", "build"],
  },
  Vite: {
    packages: ["vite"],
    files: { "index.html": html("/src/page.js") },
    words: "vite/bin/vite.js build --base ./ --outDir out".split(" "),
  },
  Parcel: {
    packages: ["parcel"],
    files: { "index.html": html("./src/page.js") },
    words: "parcel/lib/bin.js build index.html --dist-dir out --public-url ./ --no-cache".split(
      " ",
    ),
  },
};
const TOOLS = {
  esbuild: "esbuild",
  Rollup: "rollup",
  webpack: "webpack",
  rspack: "@rspack/core",
  Vite: "vite",
  Parcel: "parcel",
};

const pages = Object.entries(PAGES).map(([host, settings]) => ({
  host,
  tool: TOOLS[host],
  what: "a page, in Chromium",
  async run() {
    const folder = await built(host, settings);
    checkGolden(await visit("Chromium", server.add(join(folder, "out"))));
  },
}));

const viteWorker = {
  host: "Vite",
  tool: "vite",
  what: "`?worker`, in Chromium",
  async run() {
    const files = { "index.html": html("/src/with_worker.js") };
    const folder = await built("vite-worker", { ...PAGES.Vite, files });
    checkGolden(await visit("Chromium", server.add(join(folder, "out"))));
  },
};

const dev = ["page", "with_worker"].map((script) => ({
  host: "Vite",
  tool: "vite",
  what: `its development server, ${script === "page" ? "a page" : "`?worker`"}, in Chromium`,
  async run() {
    const files = { "index.html": html(`/src/${script}.js`) };
    const folder = project(`vite-dev-${script}`, { toolbox: tools("vite"), files });
    const words = ["node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0"];
    const served = start(node(), words, { cwd: folder });
    try {
      // Its output is coloured.
      const [, port] = await said(served, /127\.0\.0\.1:[^\d]*(\d+)/);
      checkGolden(await visit("Chromium", `http://127.0.0.1:${port}/`));
    } finally {
      served.stop();
    }
  },
}));

export const rows = [...pages, viteWorker, ...dev];
