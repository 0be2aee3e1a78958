import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, temporaryFolder } from "../support/project.js";

it.each([
  ["kernels.debug.wasm", "debug"],
  ["kernels.wasm", "release"],
  ["kernels.relaxed.wasm", "relaxed"],
  ["graph.wasm", "graph"],
  ["train.wasm", "train"],
  ["arrays.wasm", "arrays"],
])("%s: a second build differs in 0 bytes", (file, target) => {
  const folder = temporaryFolder();
  execFileSync(process.execPath, ["scripts/compile.mjs", target, folder], { cwd: root });
  expect(readFileSync(join(folder, file)).equals(readFileSync(join(root, "build", file)))).toBe(
    true,
  );
});
