// The bench of generation works. No assertion is about times.
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

it("npm run bench -- generation --check: a batch, each sample alone and plain loops give the same tokens", () => {
  const words = ["bench/run.mjs", "generation", "--check"];
  const printed = execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  expect(printed).toBe("the tokens of all agree\n");
});
