import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

interface Result {
  readonly name: string;
  readonly size: number;
  readonly passed: boolean;
}

it("size-limit passes: .size-limit.json says how many bytes each program may gain, minified and gzipped", () => {
  const bin = `${root}node_modules/size-limit/bin.js`;
  const limits = JSON.parse(readFileSync(`${root}.size-limit.json`, "utf8"));
  const said = execFileSync(process.execPath, [bin, "--json"], { cwd: root, encoding: "utf8" });
  const results: Result[] = JSON.parse(said);
  expect(results.length).toBe(limits.length);
  for (const { name, size, passed } of results) expect(passed, `${name}: ${size} bytes`).toBe(true);
});
