import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../support/project.js";

/** What a program can do → kilobytes, minified and gzipped. */
const sizes = (table: string): Map<string, number> =>
  new Map(
    [...table.matchAll(/^\| ([^|]+) \|[^|]*\|[^|]*\| ([\d.]+) kB \|$/gm)].map(
      ([, what = "", kB]) => [what, Number(kB)],
    ),
  );

const page = sizes(readFileSync(join(root, "docs/size.md"), "utf8"));
const now = sizes(
  execFileSync(process.execPath, ["scripts/measure_sizes.mjs", "--print"], {
    cwd: root,
    encoding: "utf8",
  }),
);

describe("docs/size.md says what the build gives, within 5 %: else run `node scripts/measure_sizes.mjs`", () => {
  it("lists the same programs", () => {
    expect(now.size).toBeGreaterThan(5);
    expect([...page.keys()]).toEqual([...now.keys()]);
  });

  it.each([...now])("%s: %d kB", (what, kB) => {
    const printed = page.get(what) ?? Number.NaN;
    expect(Math.abs(printed - kB) / kB).toBeLessThan(0.05);
  });
});

it("the README says the same of scoring and of a layer, within 5 %", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, scorer, model, forward, layer] =
    /\| (\d+)–(\d+) kB to score a model, (\d+)–(\d+) kB for a layer \|/.exec(readme) ?? [];
  for (const [printed, what] of [
    [scorer, "score a safetensors model, and no more"],
    [model, "score a safetensors model"],
    [forward, "run a recurrent layer forward"],
    [layer, "run and train a recurrent layer"],
  ] as const) {
    const kB = page.get(what) ?? Number.NaN;
    expect(Math.abs(Number(printed) - kB) / kB, what).toBeLessThan(0.05);
  }
});
