import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { npm, pack, root, type Tarball, temporaryFolder, writeFiles } from "../support/project.js";

let tarball: Tarball;
let folder: string;
let said: { stdout: string; stderr: string };

// tanh(0.5·1 + 0.25·2 + 0.125) of one RNN step, and σ(0): by the host's own mathematics, within 2 ε.
const WANTED = [Math.tanh(1.125), 0.5];
const PROGRAM = `
const one = (value) => tensor([1, 1], [value]);
const parameters = { Wax: one(0.5), Waa: one(0.25), ba: one(0.125), Wya: one(1), by: one(0) };
createEngine().then((engine) => {
  const { aNext } = rnnCellForward(engine, one(1), one(2), parameters);
  const { sigmoid } = createArraysSync();
  const { tensors } = readSafetensors(writeSafetensors({ aNext }));
  console.log(JSON.stringify([tensors.get("aNext").data[0], sigmoid(Float64Array.of(0))[0]]));
});
`;

beforeAll(() => {
  tarball = pack();
  folder = temporaryFolder();
  writeFiles(folder, {
    "package.json": '{ "private": true }\n',
    "esm.mjs": `import { createEngine, rnnCellForward, tensor } from "recurra";
import { createArraysSync } from "recurra/arrays";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
${PROGRAM}`,
    "commonjs.cjs": `const { createEngine, rnnCellForward, tensor } = require("recurra");
const { createArraysSync } = require("recurra/arrays");
const { readSafetensors, writeSafetensors } = require("recurra/safetensors");
${PROGRAM}`,
    "wasm.mjs": `import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createEngine, rnnCellForward, tensor } from "recurra";
import { createArraysSync as inside } from "recurra/arrays";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
const bytes = (name) => readFileSync(createRequire(import.meta.url).resolve("recurra/" + name));
(await createEngine({ wasm: bytes("kernels.wasm") })).dispose();
const createArraysSync = () => inside({ wasm: bytes("arrays.wasm") });
${PROGRAM}`,
  });
  said = npm(folder, "install", "--offline", "--no-audit", "--no-fund", tarball.path);
});

describe("the tarball", () => {
  it("is well by publint, 0 remarks", () => {
    const bin = `${root}node_modules/publint/src/cli.js`;
    const words = [bin, "--strict", tarball.path];
    expect(execFileSync(process.execPath, words, { encoding: "utf8" })).toContain("All good!");
  });

  it("holds what is shipped, and nothing else", () => {
    const outside = tarball.files.filter(
      (path) => !/^dist\/.+\.(js|js\.map|d\.ts|wasm)$/.test(path),
    );
    expect(outside.sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist/THIRD_PARTY_NOTICES.txt",
      "dist/cjs/package.json",
      "dist/types/package.json",
      "models/english-characters.safetensors",
      "package.json",
    ]);
    expect(tarball.files.length).toBeLessThanOrEqual(120);
    const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    const targets =
      JSON.stringify(exports).match(/(?<=")\.\/dist[^"]+\.(js|d\.ts|wasm)(?=")/g) ?? [];
    expect(targets.length).toBeGreaterThan(40);
    for (const target of targets) expect(tarball.files).toContain(target.slice(2));
  });

  it("holds its types once: what is imported is what is required", () => {
    for (const path of tarball.files.filter((each) => /^dist\/esm\/.*\.d\.ts$/.test(each))) {
      const text = readFileSync(`${root}${path}`, "utf8");
      expect(text).toMatch(/^export \* from "(\.\.\/)+types\/[\w/]+\.js";\n$/);
    }
    expect(tarball.files.filter((path) => /^dist\/(cjs|workerd)\/.*\.d\.ts$/.test(path))).toEqual(
      [],
    );
  });

  it("maps its ES modules to the sources, which the maps hold", () => {
    const modules = tarball.files.filter((path) => /^dist\/esm\/.*\.js$/.test(path));
    for (const path of modules) {
      const text = readFileSync(`${root}${path}`, "utf8");
      // Only re-exports.
      if (/^((im|ex)port\{[^}]*\}(from"[^"]*")?;)+\s*$/.test(text)) continue;
      // The texts of kernels have no source that a reader would want.
      if (path === "dist/esm/chunks/kernels.js") continue;
      expect(text).toMatch(/\n\/\/# sourceMappingURL=[\w.]+\.js\.map\n?$/);
      const { sources, sourcesContent } = JSON.parse(readFileSync(`${root}${path}.map`, "utf8"));
      for (const [i, source] of sources.entries()) {
        const isEmbedded = source.includes("/build/embedded/");
        expect(sourcesContent[i] === null, source).toBe(isEmbedded);
      }
    }
  });

  it("names no path of the machine that built it", () => {
    const installed = join(folder, "node_modules/recurra");
    const home = process.cwd();
    for (const path of tarball.files) {
      const text = readFileSync(join(installed, path), "latin1");
      expect(text.includes(home), path).toBe(false);
    }
  });

  it("asks for no dependency, no peer and no install script", () => {
    const { dependencies, peerDependencies, optionalDependencies, scripts } = JSON.parse(
      readFileSync(join(folder, "node_modules/recurra/package.json"), "utf8"),
    );
    expect([dependencies, peerDependencies, optionalDependencies]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const name of ["preinstall", "install", "postinstall"]) {
      expect(scripts).not.toHaveProperty(name);
    }
  });
});

describe("an offline install", () => {
  it("adds one package, with 0 warnings about it or its peers", () => {
    expect(said.stdout.trim()).toMatch(/^added 1 package in \S+$/);
    expect(said.stderr).not.toMatch(/recurra|peer|deprecated|ERESOLVE/);
  });

  it.each(["esm.mjs", "commonjs.cjs", "wasm.mjs"])("%s computes, within 2 ε", (program) => {
    const output = execFileSync(process.execPath, [program], { cwd: folder, encoding: "utf8" });
    const got: number[] = JSON.parse(output);
    expect(got).toHaveLength(WANTED.length);
    got.forEach((value, i) => {
      const wanted = WANTED[i] ?? Number.NaN;
      expect(Math.abs(value - wanted) / wanted).toBeLessThanOrEqual(2 * Number.EPSILON);
    });
  });
});
