// The bench of graphs works, and every output was checked. No assertion is about times.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { GraphResults } from "../../bench/graphs/report.js";
import { root, temporaryFolder } from "../support/project.js";

it("npm run bench:graphs -- --check: ours are within 2e-6 of onnxruntime, and the table is whole", () => {
  const out = temporaryFolder();
  const words = ["bench/run.mjs", "graphs", "--check", "--out", out];
  execFileSync(process.execPath, words, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const results: GraphResults = JSON.parse(readFileSync(join(out, "graphs-check.json"), "utf8"));
  expect(results.outcomes.map(({ contender }) => contender)).toEqual(["f32", "f64", "pushAll"]);
  for (const { error, figures } of results.outcomes) {
    expect(error).toBeLessThan(2e-6);
    expect(figures?.median).toBeGreaterThan(0);
  }
  const table = readFileSync(join(out, "graphs-check.md"), "utf8");
  expect(table.match(/^\| Recurra /gm)?.length).toBe(4);
  expect(table).toContain("| verdict");
});
