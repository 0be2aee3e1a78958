import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeByHand, encodeByHand } from "../src/utf8.js";

const RUNS = { numRuns: 3000, seed: 9 };
/** Bytes at the edges of the ranges of lead and following bytes, so that sequences nearly fit. */
const EDGES = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbf, 0xc1, 0xc2, 0xdf];
const LEADS = [0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 24 }),
  fc
    .array(fc.constantFrom(...EDGES, ...LEADS), { maxLength: 12 })
    .map((list) => Uint8Array.from(list)),
);

describe("UTF-8 on a host without TextDecoder, 0 differences from Node's", () => {
  it.each([{}, { ignoreBOM: true }])("3,000 byte strings, options %o", (options) => {
    const host = new TextDecoder("utf-8", options);
    fc.assert(
      fc.property(bytes, (given) => {
        expect(decodeByHand(given, options)).toBe(host.decode(given));
      }),
      RUNS,
    );
  });

  it("3,000 byte strings, fatal: the same ones are refused, by a TypeError", () => {
    const host = new TextDecoder("utf-8", { fatal: true });
    let refused = 0;
    fc.assert(
      fc.property(bytes, (given) => {
        let wanted: string;
        try {
          wanted = host.decode(given);
        } catch {
          refused++;
          expect(() => decodeByHand(given, { fatal: true })).toThrow(TypeError);
          return;
        }
        expect(decodeByHand(given, { fatal: true })).toBe(wanted);
      }),
      RUNS,
    );
    expect(refused).toBeGreaterThan(500);
  });

  it("a byte order mark is dropped, or kept with ignoreBOM; a second one is text", () => {
    const mark = [0xef, 0xbb, 0xbf];
    const given = Uint8Array.of(...mark, ...mark, 0x61);
    expect(decodeByHand(given, {})).toBe("\ufeffa");
    expect(decodeByHand(given, { ignoreBOM: true })).toBe("\ufeff\ufeffa");
  });

  it("texts longer than a chunk of code points", () => {
    const text = "aé€😀".repeat(3000);
    expect(decodeByHand(new TextEncoder().encode(text), {})).toBe(text);
    expect(encodeByHand(text)).toEqual(new TextEncoder().encode(text));
  });

  it("3,000 strings of UTF-16 units, halves of surrogate pairs among them", () => {
    const units = fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd700, max: 0xe0ff }),
    );
    fc.assert(
      fc.property(fc.array(units, { maxLength: 20 }), (codes) => {
        const text = String.fromCharCode(...codes);
        expect(encodeByHand(text)).toEqual(new TextEncoder().encode(text));
      }),
      RUNS,
    );
  });
});
