import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { root, temporaryFolder, writeFiles } from "../support/project.js";

/** What scripts/check_layers.mjs finds in a repository. */
function faults(repository: string): string[] {
  const args = [`${root}scripts/check_layers.mjs`, repository];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const lines = stderr.split("\n").filter((line) => line !== "");
  expect(status).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

const clean: Record<string, string> = {
  "assembly/base/lanes.ts": "export const LANES = 2;",
  "assembly/blas/gemm.ts": 'import { LANES } from "../base/lanes.js";',
  "assembly/index.ts": 'export { gemm } from "./blas/gemm.js";',
  "src/errors.ts": "// WebAssembly, memory.buffer\nexport class StateError extends Error {}",
  "src/wasm/abi.ts": "/** import from ../functional/rnn.js */\nexport const ITEM = 8;",
  "src/wasm/instance.ts": 'import { base64 } from "../../build/embedded/kernels.js"; WebAssembly;',
  "src/cells/cell.ts": 'import type { Kernels } from "../wasm/abi.js";',
  "src/functional/rnn.ts":
    'import { StateError } from "../errors.js";\nimport {\n  ITEM,\n} from "../wasm/abi.js";',
  "src/index.ts": 'export * from "./functional/rnn.js";',
  "test/oracle/rnn.ts": 'import { dot } from "./dot.js";',
  "examples/first.ts": 'import { tensor } from "recurra";',
};

function planted(files: Record<string, string>): string[] {
  const folder = temporaryFolder();
  writeFiles(folder, { ...clean, ...files });
  return faults(folder);
}

describe("the layers", () => {
  it("of this repository: 0 faults", () => {
    expect(faults(root)).toEqual([]);
  });

  it("of a clean one: 0 faults", () => {
    expect(planted({})).toEqual([]);
  });

  it.each([
    ["src/errors.ts", 'import { ITEM } from "./wasm/abi.js";', "src/wasm/abi.js"],
    ["src/wasm/abi.ts", 'import type { Cell } from "../cells/cell.js";', "src/cells/cell.js"],
    ["src/sequence/plan.ts", 'export * from "../functional/rnn.js";', "src/functional/rnn.js"],
    ["src/cells/cell.ts", 'const cell = await import("../index.js");', "src/index.js"],
    ["src/cells/cell.ts", 'import "../functional/rnn.js";', "src/functional/rnn.js"],
    [
      "src/functional/rnn.ts",
      'import "../../build/embedded/kernels.js";',
      "build/embedded/kernels.js",
    ],
    ["assembly/base/lanes.ts", 'import { gemm } from "../blas/gemm.js";', "assembly/blas/gemm.js"],
    ["assembly/blas/gemm.ts", 'import { tanh } from "../cells/rnn.js";', "assembly/cells/rnn.js"],
    ["test/oracle/rnn.ts", 'import { ITEM } from "../../src/wasm/abi.js";', "src/wasm/abi.js"],
    ["examples/first.ts", 'import { tensor } from "../src/index.js";', "src/index.js"],
    ["bench/cases.mjs", 'import { tensor } from "../dist/esm/index.js";', "dist/esm/index.js"],
  ])("%s: an arrow that runs upward or out is found: %s", (path, text, to) => {
    // Some close a circle too, which is told after it.
    expect(planted({ [path]: text })[0]).toBe(`${path}: imports ${to}`);
  });

  it.each(["new WebAssembly.Module(bytes);", "arena.memory.buffer;", "this.#memory.buffer;"])(
    "a room above src/wasm that knows too much is found: %s",
    (text) => {
      expect(planted({ "src/sequence/plan.ts": text })[0]).toMatch(
        /^src\/sequence\/plan\.ts: names (WebAssembly|memory\.buffer), as only src\/wasm may$/,
      );
    },
  );

  it("a circle of three files is found", () => {
    const circle = {
      "src/cells/a.ts": 'import "./b.js";',
      "src/cells/b.ts": 'import "./c.js";',
      "src/cells/c.ts": 'import "./a.js";',
    };
    expect(planted(circle)).toEqual(["src/cells/a → src/cells/b → src/cells/c → src/cells/a"]);
  });

  it("a room without a place is found", () => {
    expect(planted({ "src/misc/all.ts": "" })).toEqual([
      "src/misc/all.ts: its room has no place in src",
    ]);
  });

  it.each([
    ["src/functional/rnn.ts", "src/layers/shape.ts"],
    ["src/formats/onnx/file.ts", "src/formats/keras/zip.ts"],
    ["assembly/cells/rnn.ts", "assembly/heads/softmax.ts"],
  ])("an arrow between peers is found: %s, %s", (path, peer) => {
    const text = `import "../${peer.split("/").slice(-2).join("/").replace(".ts", ".js")}";`;
    expect(planted({ [path]: text })).toEqual([`${path}: imports ${peer.replace(".ts", ".js")}`]);
  });

  it.each([
    ["src/model/score.ts", "fflate"],
    ["src/wasm/arena.ts", "node:fs"],
    ["src/cli/main.ts", "left-pad"],
    ["src/formats/keras/zip.ts", "commander"],
  ])("a package that a room may not import is found: %s, %s", (path, name) => {
    expect(planted({ [path]: `import { x } from "${name}";` })).toEqual([
      `${path}: imports ${name}, which its room may not`,
    ]);
  });
});
