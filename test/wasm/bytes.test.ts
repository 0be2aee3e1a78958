import { afterEach, expect, it, vi } from "vitest";
import { decodeBase64 } from "../../src/wasm/bytes.js";

const host = Uint8Array as { fromBase64?: (text: string) => Uint8Array };
const { fromBase64 } = host;
const { Buffer: NodeBuffer } = globalThis;
const cases = Array.from({ length: 300 }, (_, length) => {
  const bytes = Array.from({ length }, (_, i) => (i * 167 + length) % 256);
  return { bytes, text: NodeBuffer.from(bytes).toString("base64") };
});
const decode = vi.fn((text: string) => Uint8Array.from(NodeBuffer.from(text, "base64")));

afterEach(() => {
  vi.unstubAllGlobals();
  decode.mockClear();
  if (fromBase64 === undefined) delete host.fromBase64;
  else host.fromBase64 = fromBase64;
});

/** Decodes all cases on a host that has these only. */
function decoded(has: { fromBase64?: typeof decode; Buffer?: object; atob?: typeof atob }) {
  if (has.fromBase64 === undefined) delete host.fromBase64;
  else host.fromBase64 = has.fromBase64;
  vi.stubGlobal("Buffer", has.Buffer);
  vi.stubGlobal("atob", has.atob);
  const results = cases.map(({ text }) => decodeBase64(text));
  vi.unstubAllGlobals();
  return results.map((bytes) => [...bytes]);
}

const wanted = cases.map(({ bytes }) => bytes);

it("base64 by Uint8Array.fromBase64: each of 300 lengths", () => {
  expect(decoded({ fromBase64: decode, Buffer: {} })).toEqual(wanted);
  expect(decode).toHaveBeenCalledTimes(300);
});

it("base64 by Buffer where that is absent", () => {
  expect(decoded({ Buffer: { from: decode } })).toEqual(wanted);
  expect(decode).toHaveBeenCalledTimes(300);
});

it("base64 by atob where both are absent", () => {
  expect(decoded({ atob })).toEqual(wanted);
});
