import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { expectError, expectRejection } from "../support/errors.js";

const kernels = () => readFileSync(new URL("../../build/kernels.wasm", import.meta.url));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The package, imported anew into a host whose WebAssembly is `webAssembly`. */
async function importInto(webAssembly: object | undefined) {
  vi.resetModules();
  vi.stubGlobal("WebAssembly", webAssembly);
  return import("../../src/index.js");
}

it.each([
  [
    "SIMD",
    { ...WebAssembly, validate: () => false },
    "this host has no WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it)",
  ],
  ["WebAssembly", undefined, "this host has no WebAssembly (…)"],
])("without %s: the import is well, an engine is a FeatureError", async (_, host, message) => {
  const { createEngine, createEngineSync, FeatureError } = await importInto(host);
  expectError(() => createEngineSync(), FeatureError, `createEngineSync: ${message}`);
  await expectRejection(createEngine(), FeatureError, `createEngine: ${message}`);
});

it("a host that refuses to compile is named, with what it says and what to do", async () => {
  const refusal = new WebAssembly.CompileError("violates the Content Security policy");
  const { Module, Instance, Memory, RuntimeError, validate } = WebAssembly;
  const refusing = new Proxy(Module, {
    construct() {
      throw refusal;
    },
  });
  const host = {
    ...{ Module: refusing, Instance, Memory, RuntimeError, validate },
    compile: () => Promise.reject(refusal),
  };
  const bytes = kernels();
  // Made before: Node compiles a parser of its own for its first response.
  const response = new Response(bytes);
  const { createEngine, createEngineSync, FeatureError } = await importInto(WebAssembly);
  const { createArrays, createArraysSync } = await import("../../src/arrays.js");
  vi.stubGlobal("WebAssembly", host);
  const message =
    "this host refuses to compile WebAssembly: in a page, allow 'wasm-unsafe-eval' in script-src of its Content-Security-Policy; on a host that compiles nothing at run time, bundle with the package condition workerd, which imports the .wasm files; the host says: CompileError: violates the Content Security policy";
  for (const wasm of [undefined, bytes]) {
    const options = wasm === undefined ? {} : { wasm };
    expectError(() => createEngineSync(options), FeatureError, `createEngineSync: ${message}`);
    await expectRejection(createEngine(options), FeatureError, `createEngine: ${message}`);
  }
  const fetched = createEngine({ wasm: Promise.resolve(response) });
  await expectRejection(fetched, FeatureError, `createEngine: ${message}`);
  await fetched.catch((error) => expect(error.cause).toBe(refusal));
  expectError(() => createArraysSync(), FeatureError, `createArraysSync: ${message}`);
  await expectRejection(createArrays(), FeatureError, `createArrays: ${message}`);
});

it("WebKit refuses at the instance, not at compilation: the same error", async () => {
  const refusal = new WebAssembly.CompileError("Refused to create a WebAssembly object");
  const { Module, Memory, RuntimeError, validate } = WebAssembly;
  const compile = (bytes: BufferSource) => Promise.resolve(new Module(bytes));
  const Instance = new Proxy(WebAssembly.Instance, {
    construct() {
      throw refusal;
    },
  });
  const { createEngine, createEngineSync, FeatureError } = await importInto(WebAssembly);
  vi.stubGlobal("WebAssembly", { Module, Memory, RuntimeError, Instance, validate, compile });
  const message =
    "this host refuses to compile WebAssembly: in a page, allow 'wasm-unsafe-eval' …the host says: CompileError: Refused to create a WebAssembly object";
  for (const options of [{}, { wasm: kernels() }]) {
    expectError(() => createEngineSync(options), FeatureError, `createEngineSync: ${message}`);
    await expectRejection(createEngine(options), FeatureError, `createEngine: ${message}`);
  }
});

it("the import itself touches nothing of WebAssembly", async () => {
  const touched: (string | symbol)[] = [];
  const spy = new Proxy(WebAssembly, {
    get(target, key) {
      touched.push(key);
      return Reflect.get(target, key);
    },
  });
  const { createEngineSync } = await importInto(spy);
  expect(touched).toEqual([]);
  createEngineSync();
  expect(touched).toContain("validate");
});
