import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { source as KERNELS } from "../../build/embedded/sets/forward_f64.js";
import { VOCABULARY } from "../support/command.js";
import { consumer, pack, root } from "../support/project.js";

let folder: string;

beforeAll(() => {
  folder = consumer(pack(), { "vocabulary.json": JSON.stringify(VOCABULARY) });
}, 60_000);

const run = (args: string[], input = "") =>
  spawnSync("node_modules/.bin/recurra", args, { cwd: folder, input, encoding: "utf8" });

describe("the command of an installed package", () => {
  it("says its version", () => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    expect(run(["--version"]).stdout).toBe(`${version}\n`);
  });

  it("scores, without any other package", () => {
    const model = `${root}test/fixtures/torch-files/tied.safetensors`;
    const args = ["score", "--json", "--model", model, "--vocabulary", "vocabulary.json"];
    const { status, stdout, stderr } = run(args, "abba\n");
    expect(status).toBe(0);
    expect(stderr).toMatch(/^recurra: .*: the file does not say, and it is assumed/);
    expect(JSON.parse(stdout)).toMatchObject({ line: 1, tokens: 3 });
  });

  it("scores with the model of the package, which brings its vocabulary and its start", () => {
    const { status, stdout, stderr } = run(
      ["score", "--json"],
      "The sea was calm.\nmcla saw ehT.\n",
    );
    expect([status, stderr]).toEqual([0, ""]);
    const [english, shuffled] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([english.tokens, shuffled.tokens]).toEqual([17, 13]);
    expect(english.bitsPerToken).toBeLessThan(shuffled.bitsPerToken);
  });

  it("reads each format with what is bundled", () => {
    for (const file of ["keras/h5py.keras", "tensorflowjs/lstm/model.json"]) {
      expect(run(["inspect", `${root}test/fixtures/${file}`]).status, file).toBe(0);
    }
  });

  it("is one file, which holds no engine and no reader of its own", () => {
    const path = join(folder, "node_modules/recurra/dist/cli.js");
    expect(statSync(path).size).toBeLessThan(400_000);
    const text = readFileSync(path, "utf8");
    const marks = KERNELS.slice(0, 64);
    expect(text).not.toContain(marks);
    const kernels = join(folder, "node_modules/recurra/dist/esm/chunks/kernels.js");
    expect(readFileSync(kernels, "utf8")).toContain(marks);
    const imports = [...text.matchAll(/(?:from|import\() ?"(\.[^"]*)"/g)].map(([, name]) => name);
    expect([...new Set(imports)].sort()).toEqual([
      "./cli_learning.js",
      "./cli_tokenizer.js",
      "./esm/formats/keras.js",
      "./esm/formats/safetensors.js",
      "./esm/formats/tensorflowjs.js",
      "./esm/generate.js",
      "./esm/index.js",
      "./esm/onnx.js",
      "./esm/pool.js",
    ]);
  });
});
