import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, temporaryFolder } from "../support/consumer.js";

const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
const transforms = ["as_bind_transform", "package_version_transform"].flatMap((name) => [
  "--transform",
  `./scripts/${name}.mjs`,
]);

it.each([
  ["kernels.debug.wasm", "assembly/index.ts", "debug", []],
  ["kernels.wasm", "assembly/index.ts", "release", []],
  ["kernels.relaxed.wasm", "assembly/index.ts", "relaxed", []],
  ["arrays.wasm", "assembly/arrays.ts", "arrays", transforms],
])("%s: a second build differs in 0 bytes", (file, entry, target, extra) => {
  // Under its own name: the debug build holds the name of its source map.
  const outFile = join(temporaryFolder(), file);
  const text = outFile.replace(/wasm$/, "wat");
  const args = [entry, "--target", target, ...extra, "--outFile", outFile, "--textFile", text];
  execFileSync(process.execPath, [asc, ...args], { cwd: root });
  expect(readFileSync(outFile).equals(readFileSync(join(root, "build", file)))).toBe(true);
});
