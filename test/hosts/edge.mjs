// Hosts that compile no bytes at run time: Cloudflare's workerd, and edge routes of Next.js.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkGolden, node, project, run, said, start, tools } from "./workshop.mjs";

const DATES = ["2024-01-01", "2025-01-01", "2026-04-01"];
const FLAGS = [[], ["nodejs_compat"]];

/** Bundles a worker as `wrangler deploy` does; gives the folder of the project. */
async function wrangler(name, main, date, flags) {
  const config = {
    name: "recurra-hosts",
    main,
    compatibility_date: date,
    compatibility_flags: flags,
    rules: [{ type: "Data", globs: ["**/*.safetensors"] }],
  };
  const files = { "wrangler.json": JSON.stringify(config) };
  const toolbox = tools("wrangler");
  const folder = project(name, { files: { ...files, "src/readme.js": readmeWorker() } });
  const bin = join(toolbox, "node_modules/wrangler/bin/wrangler.js");
  const words = ["deploy", "--dry-run", "--outdir", "out"];
  await run(node(), [bin, ...words], { cwd: folder, env: { WRANGLER_LOG_PATH: join(folder, "logs") } });
  return folder;
}

/** The README's example without the two lines that find and read a file. */
function readmeWorker() {
  const programs = new URL("./programs/", import.meta.url);
  const frame = readFileSync(new URL("cloudflare_example.js", programs), "utf8");
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, example] = /```js\n([\s\S]*?)```/.exec(readme);
  const rest = example
    .replace(/^import .*\n/gm, "")
    .replace(/^const file = .*\n/m, "")
    .replace(/await readFile\(new URL\(file\)\)/, "file");
  return frame.replace("// EXAMPLE", rest);
}

/** What the worker that Wrangler has bundled answers. */
const answer = (folder, date, flags) =>
  run(node(), ["src/miniflare.mjs", tools("miniflare"), date, ...flags], { cwd: folder });

const workerd = DATES.flatMap((date) =>
  FLAGS.map((flags) => ({
    host: "Cloudflare workerd",
    tool: "miniflare",
    what: [`compatibility date ${date}`, ...flags].join(", "),
    async run() {
      const name = `workerd-${date}-${flags.join()}`;
      const folder = await wrangler(name, "src/cloudflare.js", date, flags);
      checkGolden(await answer(folder, date, flags));
    },
  })),
);

const readme = {
  host: "Cloudflare workerd",
  tool: "miniflare",
  what: "the README's example, the model's bytes from Wrangler",
  async run() {
    const folder = await wrangler("workerd-readme", "src/readme.js", DATES[0], []);
    const found = await answer(folder, DATES[0], []);
    if (found !== "true\ne\n") throw new Error(`got ${found}`);
  },
};

/** A Next.js application, built and served. `bundler` is a word of `next build`. */
async function next(bundler) {
  const route = (runtime) => `import { hashes } from "../../src/hashes.js";
export const runtime = "${runtime}";
export const dynamic = "force-dynamic";
export const GET = async () => new Response(await hashes());
`;
  const folder = project(`next${bundler}`, {
    toolbox: tools("next", "react", "react-dom"),
    files: {
      "app/layout.js": `import { createElement } from "react";
export default ({ children }) => createElement("html", null, createElement("body", null, children));
`,
      "app/page.js": "export default () => null;\n",
      "app/edge/route.js": route("edge"),
      "app/node/route.js": route("nodejs"),
      "next.config.mjs": "export default { turbopack: { root: import.meta.dirname } };\n",
    },
  });
  const bin = join(folder, "node_modules/next/dist/bin/next");
  await run(node(), [bin, "build", bundler], { cwd: folder, seconds: 200 });
  const served = start(node(), [bin, "start", "-H", "127.0.0.1", "-p", "0"], { cwd: folder });
  try {
    const [, port] = await said(served, /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/);
    for (const path of ["edge", "node"]) {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status}: ${served.text.slice(-1500)}`);
      checkGolden(text);
    }
  } finally {
    served.stop();
  }
}

export const rows = [
  ...workerd,
  readme,
  ...["--turbopack", "--webpack"].map((bundler) => ({
    host: "Next.js",
    tool: "next",
    what: `edge route and Node route, ${bundler.slice(2)}`,
    run: () => next(bundler),
  })),
];
