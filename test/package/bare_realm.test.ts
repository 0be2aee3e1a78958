import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { root } from "../support/project.js";

const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
/** Every entry of the package that is a program. The script of a worker serves a pool, and exports nothing. */
const entries = Object.entries<{ import?: unknown }>(exports)
  .filter(([name, target]) => target.import !== undefined && name !== "./pool/worker")
  .map(([name]) => `recurra${name.slice(1)}`);

/** What the standard of 2020 has: workerd lacked the newer two until 2025. */
const YOUNG = ["FinalizationRegistry", "WeakRef"];
/** What Node's bare realm has besides ECMAScript. */
const BESIDE = ["WebAssembly", "console"];

/** A realm with ECMAScript, and nothing else but `names`. */
function realm(names: readonly string[] = []): object {
  const bare = createContext({});
  for (const name of [...BESIDE, ...YOUNG]) {
    if (!names.includes(name)) runInContext(`delete globalThis.${name}`, bare);
  }
  return bare;
}

/** A program as one script. */
async function script(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: `${root}test/package`, sourcefile: "program.ts" },
    bundle: true,
    format: "iife",
    globalName: "program",
    target: "es2022",
    logLevel: "error",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

describe("a realm of ECMAScript alone", () => {
  it("has no global of a host", () => {
    const names = "Object.getOwnPropertyNames(globalThis).join()";
    expect(runInContext(names, realm()).split(",")).not.toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(Web|Text|URL|set|Message|Final|atob|perf)/),
      ]),
    );
  });

  it("finds a program that touches one", async () => {
    const touching = await script(`export const decoder = new TextDecoder();`);
    expect(() => runInContext(touching, realm())).toThrow(/TextDecoder is not defined/);
  });

  it.each(entries)("%s can be imported", async (entry) => {
    const text = await script(`export * from "${entry}"`);
    const exported = runInContext(`${text}; Object.keys(program)`, realm());
    expect(exported.length).toBeGreaterThan(0);
  });
});

const PROGRAM = `
import * as recurra from "recurra";
import { createArraysSync } from "recurra/arrays";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
import { golden } from "../support/golden.js";

export function hashes() {
  return golden(recurra, recurra.createEngineSync());
}
export async function refusal() {
  const errors = [];
  for (const open of [recurra.createEngine, async () => recurra.createEngineSync(), async () => createArraysSync()]) {
    await open().catch(({ name, message }) => errors.push(name + ": " + message));
  }
  return errors.join("\\n");
}
export function stored() {
  const w = { shape: [2], data: Float64Array.of(1, 2) };
  const file = writeSafetensors({ "w€😀": w }, { note: "é" });
  const { tensors, metadata } = readSafetensors(file);
  return [...tensors.keys(), metadata.get("note"), tensors.get("w€😀").data.join()].join(" ");
}
export const sigmoid = () => createArraysSync().sigmoid(Float64Array.of(0)).join();
`;

describe("what works there", () => {
  let text: string;

  beforeAll(async () => {
    text = await script(PROGRAM);
  });

  const run = (call: string, names?: readonly string[]) =>
    runInContext(`${text}; program.${call}()`, realm(names));

  it("without WebAssembly: safetensors files, names beyond ASCII among them", () => {
    expect(run("stored")).toBe("w€😀 é 1,2");
  });

  it("without WebAssembly: engines and arrays are FeatureErrors that say so", async () => {
    const message =
      "this host has no WebAssembly (browsers, Node, Bun, Deno and Cloudflare Workers have it; Safari's Lockdown Mode turns it off)";
    expect(await run("refusal")).toBe(
      ["createEngine", "createEngineSync", "createArraysSync"]
        .map((where) => `FeatureError: ${where}: ${message}`)
        .join("\n"),
    );
  });

  it("with WebAssembly and nothing else: the golden hashes, 0 bits of difference", async () => {
    const golden = readFileSync(`${root}test/fixtures/golden.txt`, "utf8");
    expect(await run("hashes", ["WebAssembly"])).toBe(golden);
    expect(run("sigmoid", ["WebAssembly"])).toBe("0.5");
  });
});
