import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { build as esbuild } from "esbuild";
import { type BrowserContext, chromium } from "playwright-core";
import { createServer, build as viteBuild } from "vite";
import { consumer, pack, root, temporaryFolder, writeFiles } from "../support/project.js";

/** Starts a headless Chromium with a profile of its own and these switches; installs one where there is none. */
export function launch(...switches: readonly string[]): Promise<BrowserContext> {
  const script = `${root}scripts/chromium.mjs`;
  const executablePath = execFileSync(process.execPath, [script], { encoding: "utf8" }).trim();
  return chromium.launchPersistentContext(temporaryFolder(), {
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...switches,
    ],
  });
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

interface Served {
  /** `http://127.0.0.1:…/` */
  url: string;
  close(): void;
}

/** Serves a folder on 127.0.0.1. A request with `?csp=…` is answered under that Content-Security-Policy. */
async function serve(folder: string): Promise<Served> {
  const server = createHttpServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const path = join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
    if (!existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    const policy = searchParams.get("csp");
    response.writeHead(200, {
      "Content-Type": type,
      ...(policy === null ? {} : { "Content-Security-Policy": policy }),
    });
    response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A page that has bundled the package, as it is served. */
export interface Page {
  url: string;
  /** Where the page finds its worker's script. */
  worker: string;
  /** … and the script of its AudioWorklet. */
  worklet: string;
  /** Where it finds the script of a pool's worker, if the bundler does not know by itself. */
  poolWorker?: string;
  /** … and the script of a graph's, if it does not find that by the page's words. */
  graphPoolWorker?: string;
  close(): Promise<void> | void;
}

const SOURCES = [
  "test/browser/page.ts",
  "test/browser/graph_pool_worker.ts",
  "test/browser/pool_worker.ts",
  "test/browser/worker.ts",
  "test/browser/worklet.ts",
  "test/oracle/tensor.ts",
  "test/support/exercise.ts",
  "test/support/golden.ts",
  "test/support/graph_bits.ts",
  "test/support/subject.ts",
];

const html = (script: string): string =>
  `<!doctype html><title>recurra</title><link rel="icon" href="data:," /><script type="module" src="${script}"></script>\n`;

/** A project outside the repository: the package from its tarball, the page's sources, the files that pages fetch. */
export function project(): string {
  const copied = SOURCES.map((name) => [name, readFileSync(join(root, name), "utf8")]);
  const folder = consumer(pack(), {
    ...Object.fromEntries(copied),
    "index.html": html("/test/browser/page.ts"),
  });
  mkdirSync(join(folder, "public"));
  cpSync(join(root, "test/fixtures/seed-cases"), join(folder, "public/seed-cases"), {
    recursive: true,
  });
  copyFileSync(
    join(root, "test/fixtures/silero-vad/silero_vad_v5.onnx"),
    join(folder, "public/silero_vad_v5.onnx"),
  );
  const model = "english-characters.safetensors";
  copyFileSync(join(root, "models", model), join(folder, "public", model));
  copyFileSync(join(root, "build/kernels.wasm"), join(folder, "public/kernels.wasm"));
  // The same under a name that no server knows: not served as application/wasm.
  copyFileSync(join(root, "build/kernels.wasm"), join(folder, "public/kernels.bin"));
  return folder;
}

export const hosts: Record<string, (folder: string) => Promise<Page>> = {
  async esbuild(folder) {
    const outdir = join(folder, "esbuild");
    await esbuild({
      absWorkingDir: folder,
      entryPoints: ["page", "pool_worker", "graph_pool_worker", "worker", "worklet"].map(
        (name) => `test/browser/${name}.ts`,
      ),
      outdir,
      format: "esm",
      bundle: true,
      minify: true,
    });
    cpSync(join(folder, "public"), outdir, { recursive: true });
    writeFiles(outdir, { "index.html": html("page.js") });
    const pools = { poolWorker: "pool_worker.js", graphPoolWorker: "graph_pool_worker.js" };
    const scripts = { worker: "worker.js", worklet: "worklet.js", ...pools };
    return { ...(await serve(outdir)), ...scripts };
  },

  async "vite build"(folder) {
    const outDir = join(folder, "vite");
    const [worker = "", worklet = ""] = ["worker", "worklet"].map((name) =>
      join(folder, `test/browser/${name}.ts`),
    );
    await viteBuild({
      configFile: false,
      logLevel: "warn",
      root: folder,
      build: {
        outDir,
        rolldownOptions: {
          input: { index: join(folder, "index.html"), worker, worklet },
          output: { entryFileNames: "[name].js" },
        },
      },
    });
    return { ...(await serve(outDir)), worker: "worker.js", worklet: "worklet.js" };
  },

  async "vite dev server"(folder) {
    const server = await createServer({
      configFile: false,
      logLevel: "warn",
      root: folder,
      server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
    });
    await server.listen();
    const url = server.resolvedUrls?.local[0] ?? "";
    const [worker, worklet] = ["/test/browser/worker.ts", "/test/browser/worklet.ts"] as const;
    return { url, worker, worklet, close: () => server.close() };
  },
};
