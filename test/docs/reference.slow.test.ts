import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

it("npm run docs: every exported type has a name and a docstring, every link a target; 0 warnings", () => {
  const typedoc = `${root}node_modules/typedoc/bin/typedoc`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, "--emit", "none"], {
    cwd: root,
    encoding: "utf8",
  });
  expect(`${stdout}${stderr}`).not.toMatch(/\[(warning|error)\]/);
  expect(status).toBe(0);
}, 120_000);
