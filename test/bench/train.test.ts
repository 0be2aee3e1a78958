// The bench of training works, and every loss was checked. No assertion is about times.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { TrainResults } from "../../bench/train/report.js";
import { root, temporaryFolder } from "../support/project.js";

it("npm run bench -- train --check: our losses are within 1e-10 of plain JavaScript's, and the table is whole", () => {
  const out = temporaryFolder();
  const words = ["bench/run.mjs", "train", "--check", "--only", "small", "--out", out];
  execFileSync(process.execPath, words, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const results: TrainResults = JSON.parse(readFileSync(join(out, "train-check.json"), "utf8"));
  const known = results.outcomes.map(({ contender }) => contender);
  expect(known).toEqual(["plain", "f64", "relaxed", "f32", "ceiling"]);
  for (const { contender, error = 0, figures } of results.outcomes) {
    if (contender === "f64") expect(error).toBeLessThan(1e-10);
    if (contender === "f32") expect(error).toBeLessThan(1e-5);
    expect(figures?.median).toBeGreaterThan(0);
  }
  const table = readFileSync(join(out, "train-check.md"), "utf8");
  expect(table.match(/^\| Recurra /gm)?.length).toBe(3);
  expect(table).toContain("| verdict");
});
