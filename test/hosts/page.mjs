// docs/hosts.md, from the results of a run.

const oneLine = (text) => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 160);

function cell({ outcome, note }) {
  if (outcome === "skipped") return `not run here: ${oneLine(note)}`;
  if (outcome === "failed") return `**no**: ${oneLine(note)}`;
  return note === "" ? "yes" : oneLine(note);
}

export function page(results) {
  const table = [
    "| host | version | what | same bits |",
    "|---|---|---|---|",
    ...results.map(
      (result) => `| ${result.host} | ${result.version} | ${result.what} | ${cell(result)} |`,
    ),
  ].join("\n");
  return {
    table,
    page: `# Hosts

Where the package runs, tried with the packed package. \`npm run build && npm run test:hosts\` makes this page. Each row
computes the golden hashes of \`test/fixtures/golden.txt\` (forward and backward passes of every cell, language models in both
precisions) and compares all of them: "yes" means 0 bits of difference, or what the row itself says. Tools come from npm,
Firefox ESR, WebKitGTK and Chromium from Debian's packages; a host that a machine lacks is named, not left out.

${table}

## What a host must have

| | without it |
|---|---|
| WebAssembly with SIMD | \`createEngine\` is a \`FeatureError\`; reading and writing files works |
| permission to compile: a page's Content-Security-Policy needs \`script-src 'wasm-unsafe-eval'\` | a \`FeatureError\` that names the directive and the host's own text |
| \`TextDecoder\`, \`TextEncoder\`, \`atob\` | own code is used |
| \`setImmediate\`, \`MessageChannel\` or \`setTimeout\` | \`score\` cannot give way: it runs to its end like \`scoreSync\` (an AudioWorklet) |
| \`FinalizationRegistry\` | what a program forgets to dispose of is freed with its engine (workerd before May 2025) |

Importing the package touches none of them (\`test/package/bare_realm.test.ts\`).

## Cloudflare Workers and edge routes

These hosts compile no bytes. The package conditions \`workerd\` and \`edge-light\`, which Wrangler, Cloudflare's Vite plugin and
Next.js set, choose a build that imports the \`.wasm\` files as modules, so the same program runs there: \`await createEngine()\`.
On workerd the clock stands still while a request computes, so \`score\` does not give way.

\`import.meta.resolve\` and a file system are the README example's way to the model's bytes, and workerd has neither: there Wrangler
gives them (\`rules: [{ type: "Data", globs: ["**/*.safetensors"] }]\`), and the rest of the example is the same.
`,
  };
}
