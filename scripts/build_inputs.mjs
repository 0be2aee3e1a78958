// Why this exists: tests of a stale build prove nothing. `npm run build` writes the hash of every file that it reads to
// build/inputs.json; vitest compares it with the files as they stand. Hashes, because a clone, a checkout or a copy sets
// times at will.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["assembly", "src"];
const FILES = ["asconfig.json", "tsconfig.json", "tsconfig.build.json"];
/** What only the service is built of. */
const SERVER = ["server/src", "server/tsconfig.json", "server/tsconfig.build.json"];
const SCRIPTS = /^(build|bundle|compile|embed|notices|portable)\w*\.mjs$|_transform\.mjs$/;
const STAMP = "build/inputs.json";
/** The last output of each step. */
const OUTPUTS = [
  ...[
    "kernels.debug",
    "kernels",
    "kernels.relaxed",
    "graph",
    "train",
    "arrays",
    "sets/training",
  ].map((name) => `build/${name}.wasm`),
  ...["build/embedded/arrays.js", "dist/esm/index.js", "dist/cjs/index.js", "dist/cli.js"],
  ...["dist/esm/index.d.ts", "dist/types/index.d.ts", "dist/cjs/package.json"],
];

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** The hash of each file that only the build of the service reads. */
export function serverInputs(root = repository) {
  const files = SERVER.filter((path) => existsSync(join(root, path))).flatMap((path) =>
    statSync(join(root, path)).isFile()
      ? path
      : readdirSync(join(root, path), { recursive: true })
          .map((name) => join(path, name))
          .filter((file) => statSync(join(root, file)).isFile()),
  );
  return Object.fromEntries(
    files.sort().map((file) => [file, hash(readFileSync(join(root, file)))]),
  );
}

/** The hash of each file that a build reads. */
export function inputs(root = repository) {
  const folders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, name))
      .filter((file) => statSync(join(root, file)).isFile()),
  );
  const scripts = readdirSync(join(root, "scripts"))
    .filter((name) => SCRIPTS.test(name))
    .map((name) => join("scripts", name));
  const files = [...folders, ...scripts, ...FILES].sort();
  const hashes = files.map((file) => [file, hash(readFileSync(join(root, file)))]);
  // Of package.json what reaches the outputs: the version, and the tools'.
  const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const tools = [
    "assemblyscript",
    "as-bind",
    "esbuild",
    "rolldown",
    "rolldown-plugin-dts",
    "typescript",
  ].map((name) => [name, devDependencies?.[name]]);
  return {
    ...Object.fromEntries(hashes),
    ...serverInputs(root),
    "package.json": hash(JSON.stringify([version, tools])),
  };
}

/** Says that a build of these inputs is done. */
export function stamp(of, root = repository) {
  writeFileSync(join(root, STAMP), `${JSON.stringify(of, null, 1)}\n`);
}

/** Says that the service is built of these inputs, and nothing of the rest. */
export function stampServer(of, root = repository) {
  if (!existsSync(join(root, STAMP))) return;
  const built = Object.entries(JSON.parse(readFileSync(join(root, STAMP), "utf8")));
  stamp(
    { ...Object.fromEntries(built.filter(([file]) => !file.startsWith("server/"))), ...of },
    root,
  );
}

/** The inputs that do not matter for a part of the outputs. */
const BESIDE = { build: /^src|^tsconfig|^server\//, dist: /^server\//, server: /^$/ };

/**
 * What is stale of `build/`, or, with `wanted` "dist", of both, or, with "server", of the service, too: an output or an input,
 * or undefined where all is fresh.
 */
export function staleness(wanted = "dist", root = repository) {
  const outputs = wanted === "build" ? OUTPUTS.filter((file) => file.startsWith("build")) : OUTPUTS;
  const all = [STAMP, ...outputs, ...(wanted === "server" ? ["server/dist/main.js"] : [])];
  const missing = all.find((file) => !existsSync(join(root, file)));
  if (missing !== undefined) return `${missing} is missing`;
  const built = JSON.parse(readFileSync(join(root, STAMP), "utf8"));
  const now = inputs(root);
  const changed = Object.keys({ ...built, ...now })
    .filter((file) => !BESIDE[wanted].test(file))
    .find((file) => built[file] !== now[file]);
  return changed && `${changed} is not as it was built`;
}

/** What the tests of a project need: those of "sources" the kernels alone. */
const NEEDED = { sources: "build", package: "dist", server: "server", slow: "server" };

/** Before the tests of a project (vitest.config.ts, globalSetup). */
export function setup({ name }) {
  const reason = staleness(NEEDED[name]);
  if (reason === undefined) return;
  const error = new Error(`stale build (${reason}): run npm run build`);
  error.stack = error.message;
  throw error;
}
