import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, temporaryFolder, writeFiles } from "../support/project.js";

interface BuildInputs {
  inputs(root?: string): Record<string, string>;
  stamp(of: Record<string, string>, root?: string): void;
  staleness(wanted?: "build" | "dist", root?: string): string | undefined;
}
const { inputs, stamp, staleness }: BuildInputs = await import(`${root}scripts/build_inputs.mjs`);

/** A small repository that was built. */
function built(): string {
  const folder = temporaryFolder();
  const outputs = [
    ...[
      "kernels",
      "kernels.debug",
      "kernels.relaxed",
      "graph",
      "train",
      "arrays",
      "sets/training",
    ].map((n) => `build/${n}.wasm`),
    ...["build/embedded/arrays.js", "dist/cli.js", "dist/cjs/package.json"],
    ...["dist/esm/index.js", "dist/esm/index.d.ts", "dist/types/index.d.ts", "dist/cjs/index.js"],
  ];
  const sources = ["assembly/base/lanes.ts", "src/index.ts", "scripts/build.mjs"];
  const settings = ["asconfig.json", "tsconfig.json", "tsconfig.build.json"];
  writeFiles(folder, {
    ...Object.fromEntries([...outputs, ...sources, ...settings].map((path) => [path, path])),
    "package.json": JSON.stringify({ version: "1.0.0", scripts: {} }),
  });
  stamp(inputs(folder), folder);
  return folder;
}

it("a build is fresh when it is done, whatever the times of its files", () => {
  const folder = built();
  expect(staleness("dist", folder)).toBeUndefined();
  utimesSync(join(folder, "src/index.ts"), new Date(), new Date(Date.now() + 1e6));
  utimesSync(join(folder, "dist/cli.js"), new Date(0), new Date(0));
  expect(staleness("dist", folder)).toBeUndefined();
  writeFileSync(join(folder, "package.json"), '{ "version": "1.0.0", "scripts": { "x": "" } }');
  expect(staleness("dist", folder)).toBeUndefined();
});

it.each([
  ["assembly/base/lanes.ts", true],
  ["scripts/build.mjs", true],
  ["asconfig.json", true],
  ["src/index.ts", false],
  ["src/new.ts", false],
])("a change of %s makes dist/ stale, and of the kernels' own build/, too", (file, kernels) => {
  const folder = built();
  writeFileSync(join(folder, file), "changed");
  expect(staleness("dist", folder)).toContain(file);
  if (kernels) expect(staleness("build", folder)).toContain(file);
  else expect(staleness("build", folder)).toBeUndefined();
});

it("so does a file that is gone, or another version", () => {
  const folder = built();
  rmSync(join(folder, "dist/cli.js"));
  expect(staleness("dist", folder)).toContain("dist/cli.js");
  expect(staleness("build", folder)).toBeUndefined();
  writeFileSync(join(folder, "package.json"), '{ "version": "1.0.1" }');
  expect(staleness("build", folder)).toContain("package.json");
  rmSync(join(folder, "build/inputs.json"));
  expect(staleness("build", folder)).toContain("build/inputs.json");
});
