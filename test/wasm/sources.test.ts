import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createEngine, createEngineSync, type EngineOptions } from "../../src/index.js";
import { expectError, expectRejection } from "../support/errors.js";
import { allBits, network } from "../support/operands.js";

const read = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)));
const kernels = read("kernels");
const respond = (body: Uint8Array<ArrayBuffer>, type?: string, status = 200) =>
  new Response(body, { status, headers: type === undefined ? {} : { "Content-Type": type } });

const net = network({ nx: 3, na: 5, ny: 2, m: 4, T: 3 });
const WANTED = allBits(createEngineSync(), net);

describe("where the kernels come from, 0 bits of difference", () => {
  const buffer = new ArrayBuffer(kernels.length + 7);
  new Uint8Array(buffer, 7).set(kernels);
  const now: [string, () => EngineOptions][] = [
    ["nothing given", () => ({})],
    ["bytes", () => ({ wasm: kernels })],
    ["an ArrayBuffer", () => ({ wasm: kernels.buffer })],
    ["bytes within a larger buffer", () => ({ wasm: new Uint8Array(buffer, 7) })],
    ["a DataView", () => ({ wasm: new DataView(buffer, 7) })],
    ["a module", () => ({ wasm: new WebAssembly.Module(kernels) })],
    ["the debug build", () => ({ wasm: read("kernels.debug") })],
  ];
  const later: [string, () => EngineOptions][] = [
    ["a response", () => ({ wasm: respond(kernels, "application/wasm") })],
    ["a response without a type", () => ({ wasm: respond(kernels) })],
    ["a response with another type", () => ({ wasm: respond(kernels, "text/plain") })],
    [
      "a type in capitals, with a parameter",
      () => ({ wasm: respond(kernels, "Application/WASM; a=b") }),
    ],
    ["the promise of one", () => ({ wasm: Promise.resolve(respond(kernels, "application/wasm")) })],
  ];

  it.each(now)("createEngineSync, %s", (_, options) => {
    expect(allBits(createEngineSync(options()), net)).toBe(WANTED);
  });

  it.each([...now, ...later])("createEngine, %s", async (_, options) => {
    expect(allBits(await createEngine(options()), net)).toBe(WANTED);
  });

  it("one module serves many engines", () => {
    const wasm = new WebAssembly.Module(kernels);
    const engines = [createEngineSync({ wasm }), createEngineSync({ wasm })];
    expect(engines.map((engine) => allBits(engine, net))).toEqual([WANTED, WANTED]);
  });
});

describe("a source that is no build of the kernels", () => {
  // magic, version; a module that exports nothing
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  const none = "wasm: …heap_base";
  // The same, and its one function has the name of a kernel.
  const similar = Uint8Array.of(
    ...[...empty, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 13, 1, 9],
    ...[...new TextEncoder().encode("heap_base"), 0, 0, 10, 6, 1, 4, 0, 0x41, 0, 0x0b],
  );
  const broken = "wasm: …WebAssembly module…";
  const cases: [string, unknown, string][] = [
    [
      "an empty module",
      empty,
      "wasm: expected a build of this version's kernels, got a module that has no function heap_base",
    ],
    ["a module", new WebAssembly.Module(empty), none],
    ["the arrays module", read("arrays"), none],
    [
      "a build of other functions",
      similar,
      "wasm: expected a build of this version's kernels, got a module that has other functions: take the file of this version",
    ],
    ["no bytes", new Uint8Array(0), "wasm: expected a WebAssembly module, got other bytes"],
    ["text", new TextEncoder().encode("<!doctype html>"), broken],
    ["half of the bytes", kernels.subarray(0, kernels.length / 2), broken],
  ];

  it.each(cases)("%s is a TypeError", async (_, wasm, message) => {
    const options = { wasm } as EngineOptions;
    expectError(() => createEngineSync(options), TypeError, `createEngineSync: ${message}`);
    await expectRejection(createEngine(options), TypeError, `createEngine: ${message}`);
  });

  it.each([
    ["a URL", "kernels.wasm", "string"],
    ["null", null, "null"],
    ["a number", 3, "number"],
    ["an array of numbers", [0, 97, 115, 109], "Array"],
  ])("%s is a TypeError that names the kind", async (_, wasm, got) => {
    const options = { wasm } as unknown as EngineOptions;
    const message = `wasm: …${got}`;
    expectError(() => createEngineSync(options), TypeError, `createEngineSync: ${message}`);
    await expectRejection(createEngine(options), TypeError, `createEngine: ${message}`);
  });

  it("createEngineSync takes no response", () => {
    const run = () => createEngineSync({ wasm: respond(kernels, "application/wasm") });
    expectError(
      run,
      TypeError,
      "createEngineSync: wasm: expected bytes or a WebAssembly.Module, got Response",
    );
  });

  it("a response that is an error, a page or cut off", async () => {
    const open = (wasm: Response | Promise<Response>) => createEngine({ wasm });
    await expect(open(respond(kernels, "application/wasm", 404))).rejects.toThrow(
      /^createEngine: wasm: the response .*has status 404$/,
    );
    const page = new TextEncoder().encode("<!doctype html>");
    for (const type of ["text/html", "application/wasm"]) {
      await expectRejection(open(respond(page, type)), TypeError, `createEngine: ${broken}`);
    }
    const cut = respond(kernels.slice(0, 1000), "application/wasm");
    await expectRejection(open(cut), TypeError, `createEngine: ${broken}`);
    const failed = new TypeError("fetch failed");
    await expect(open(Promise.reject(failed))).rejects.toBe(failed);
  });

  it("a refused module leaves no trace: the next engine works", () => {
    expect(() => createEngineSync({ wasm: empty })).toThrow(TypeError);
    expect(allBits(createEngineSync(), net)).toBe(WANTED);
  });
});
