import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createEngineSync } from "../../src/index.js";
import { decode, fuse } from "../../src/wasm/bytes.js";
import { hasRelaxed } from "../../src/wasm/instance.js";
import { allBits, network } from "../support/operands.js";
import { root } from "../support/project.js";

const { encode }: { encode: (bytes: Uint8Array) => string } = await import(
  `${root}scripts/embed_encoding.mjs`
);

describe("the text of an embedded module", () => {
  it("is the module again: every byte behind every other, 0 … 300 bytes", () => {
    const all = Uint8Array.from({ length: 2 * 65536 }, (_, i) => (i % 2 === 0 ? i >> 9 : i >> 1));
    expect(decode(encode(all))).toEqual(all);
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length) % 256);
      expect(decode(encode(bytes))).toEqual(bytes);
    }
  });

  it("is printable ASCII that no quote, minifier or page reads as anything else", () => {
    const text = encode(Uint8Array.from({ length: 256 }, (_, i) => i));
    expect(text).toMatch(/^[ -~]*$/);
    expect(text).not.toMatch(/["'`\\$<&]/);
  });

  it.each(["forward_f64", "general_training", "output"])(
    "of the set %s is the file",
    async (name) => {
      const { source } = await import(`${root}build/embedded/sets/${name}.js`);
      const file = new Uint8Array(readFileSync(`${root}build/sets/${name}.wasm`));
      expect(decode(source)).toEqual(file);
    },
  );
});

describe("the relaxed build of a set", () => {
  it("replaces products and sums at the places: one byte, or 0 and two bytes", () => {
    const code = new Uint8Array(1000);
    code.set([0xfd, 0xf2, 1, 0x20, 3, 0xfd, 0xf0, 1], 7);
    code.set([0xfd, 0xe6, 1, 0x20, 3, 0xfd, 0xe4, 1], 900);
    const wanted = code.slice();
    wanted.set([1, 1, 1, 0x20, 3, 0xfd, 0x87, 2], 7);
    wanted.set([1, 1, 1, 0x20, 3, 0xfd, 0x85, 2], 900);
    fuse(code, Uint8Array.of(7, 5, 0, 120, 3, 5));
    expect(code).toEqual(wanted);
  });

  it.each([
    ["forward_f64", 66],
    ["forward_f32", 66],
  ])(
    "of %s has the fused products of the one that was compiled: %i places",
    async (name, count) => {
      const { source } = await import(`${root}build/embedded/sets/${name}.js`);
      const fusions = await import(`${root}build/embedded/fusions.js`);
      const code = decode(source);
      fuse(code, decode(fusions[name]));
      const compiled = readFileSync(`${root}build/sets/${name}.fused.wasm`);
      const places = (bytes: Uint8Array) =>
        Buffer.from(bytes)
          .toString("latin1")
          .split(name.endsWith("f64") ? "\xfd\x87\x02" : "\xfd\x85\x02").length - 1;
      expect(places(code)).toBe(places(compiled));
      expect(2 * places(code)).toBe(count);
    },
  );
});

it.runIf(hasRelaxed("test"))(
  "an engine of the relaxed sets gives the bits of the relaxed full build",
  () => {
    const net = network({ nx: 3, na: 37, ny: 2, m: 4, T: 3 });
    const wasm = readFileSync(`${root}build/kernels.relaxed.wasm`);
    const [sets, full] = [createEngineSync({ relaxed: true }), createEngineSync({ wasm })];
    expect([sets.features.relaxed, sets.deterministic]).toEqual([true, false]);
    expect(allBits(sets, net)).toBe(allBits(full, net));
    expect(allBits(sets, net)).not.toBe(allBits(createEngineSync(), net));
  },
);
