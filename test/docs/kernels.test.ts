import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

const kernels = new WebAssembly.Module(readFileSync(join(root, "build/kernels.wasm")));
const exported = WebAssembly.Module.exports(kernels)
  .filter(({ kind, name }) => kind === "function" && !name.startsWith("__"))
  .map(({ name }) => name);
const rows = readFileSync(join(root, "docs/kernels.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()));

it("docs/kernels.md lists every export of the kernels module once, and no other", () => {
  const listed = rows.flatMap(([, names = ""]) => names.match(/\w+/g) ?? []);
  expect(listed.sort()).toEqual(exported.filter((name) => !name.endsWith("_f32")).sort());
});

it("docs/kernels.md says of each whether it has a twin in f32", () => {
  for (const [, names = "", , , f32] of rows) {
    for (const name of names.match(/\w+/g) ?? []) {
      expect(f32 === "yes", name).toBe(exported.includes(`${name}_f32`));
    }
  }
});
