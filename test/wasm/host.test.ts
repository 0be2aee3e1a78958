import { afterEach, expect, it, vi } from "vitest";
import { expectError, expectRejection } from "../support/errors.js";

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
  ["WebAssembly", undefined, "this host has no WebAssembly"],
])("without %s: the import is well, an engine is a FeatureError", async (_, host, message) => {
  const { createEngine, createEngineSync, FeatureError } = await importInto(host);
  expectError(() => createEngineSync(), FeatureError, `createEngineSync: ${message}`);
  await expectRejection(createEngine(), FeatureError, `createEngine: ${message}`);
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
