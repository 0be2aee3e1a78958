// Hosts that compile no bytes at run time: Cloudflare's workerd, and edge routes of Next.js.
import { join } from "node:path";
import {
  checkGolden,
  EXAMPLE,
  example,
  node,
  project,
  run,
  said,
  start,
  tools,
} from "./workshop.mjs";

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
  await run(node(), [bin, ...words], {
    cwd: folder,
    env: { WRANGLER_LOG_PATH: join(folder, "logs") },
  });
  return folder;
}

/**
 * The README's example without the lines that find and read a file: workerd has none, so Wrangler gives the model's bytes.
 */
const readmeWorker = () => `
import file from "recurra/models/english-characters.safetensors";
import { createEngine, loadLanguageModel } from "recurra";
export default {
  async fetch() {
    const lines = [];
    const console = { log: (value) => lines.push(value + "\\n") };
    ${example
      .replace(/^import .*\n/gm, "")
      .replace(/^const file = .*\n/m, "")
      .replace("await readFile(new URL(file))", "file")}
    return new Response(lines.join(""));
  },
};
`;

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
    if (found !== EXAMPLE) throw new Error(`got ${found}`);
  },
};

const ROUTE = (runtime) => `import { hashes } from "../../src/hashes.js";
export const runtime = "${runtime}";
export const dynamic = "force-dynamic";
export const GET = async () => new Response(await hashes());
`;
const API = `import { hashes } from "../../src/hashes.js";
export const config = { runtime: "edge" };
export default async () => new Response(await hashes());
`;
const PAGES = {
  "app/layout.js": `import { createElement } from "react";
export default ({ children }) => createElement("html", null, createElement("body", null, children));
`,
  "app/page.js": "export default () => null;\n",
  "next.config.mjs": "export default { turbopack: { root: import.meta.dirname } };\n",
};
/** The routes that each bundler of Next.js 16.4 builds: an edge route under app/ fails with webpack whatever is in it. */
const NEXT = {
  turbopack: { "app/edge": ROUTE("edge"), "pages/api/edge": API, "app/node": ROUTE("nodejs") },
  webpack: { "pages/api/edge": API, "app/node": ROUTE("nodejs") },
};

/** A Next.js application, built and served: each route answers the hashes. */
async function next(bundler) {
  const routes = Object.entries(NEXT[bundler]).map(([path, text]) => [
    path.startsWith("app") ? `${path}/route.js` : `${path}.js`,
    text,
  ]);
  const folder = project(`next-${bundler}`, {
    toolbox: tools("next", "react", "react-dom"),
    files: { ...PAGES, ...Object.fromEntries(routes) },
  });
  const bin = join(folder, "node_modules/next/dist/bin/next");
  await run(node(), [bin, "build", `--${bundler}`], { cwd: folder, seconds: 200 });
  const served = start(node(), [bin, "start", "-H", "127.0.0.1", "-p", "0"], { cwd: folder });
  try {
    const [, port] = await said(served, /http:\/\/(?:127\.0\.0\.1|localhost):([1-9]\d*)/);
    for (const path of Object.keys(NEXT[bundler])) {
      const url = `http://127.0.0.1:${port}/${path.replace(/^(app|pages)\//, "")}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
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
  ...Object.keys(NEXT).map((bundler) => ({
    host: "Next.js",
    tool: "next",
    what: `edge routes and a Node route, by ${bundler}`,
    run: () => next(bundler),
  })),
];
