// Why this exists: the service is a package of its own, which is compiled file by file: its dependencies stay outside, and
// npm installs them. It needs the declarations of the built `recurra`, so it comes after `npm run build` of the root.
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { serverInputs, stampServer } from "./build_inputs.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

// Taken first: what changes during the build makes it stale.
const read = serverInputs();
rmSync(`${root}/server/dist`, { recursive: true, force: true });
const words = [tsc, "-p", "server/tsconfig.build.json"];
const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" });
if (status === 0) {
  chmodSync(`${root}/server/dist/main.js`, 0o755);
  stampServer(read);
}
process.exitCode = status ?? 1;
