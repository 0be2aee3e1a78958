import { deflateRawSync } from "node:zlib";
import { inflateSync } from "fflate";
import { describe, expect, it } from "vitest";
import { inflate } from "../../src/formats/inflate.js";

let seed = 1;
const random = (below: number): number => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};

/** Bytes of a random alphabet, with repetitions, and the same deflated at a random level by a random strategy. */
function sample(most: number): { raw: Uint8Array; data: Uint8Array } {
  const letters = 1 + random(255);
  const raw = Uint8Array.from({ length: random(most) }, () => random(letters));
  for (let at = random(900); at < raw.length; at += 1 + random(900)) raw.copyWithin(at, 0, 300);
  return {
    raw,
    data: new Uint8Array(deflateRawSync(raw, { level: random(10), strategy: random(5) })),
  };
}

describe("inflate", () => {
  it("gives back what zlib deflated, at all levels and strategies: 400 files, room for 0 to 3 bytes more", () => {
    for (let i = 0; i < 400; i++) {
      const { raw, data } = sample(i % 20 === 0 ? 100_000 : 2000);
      const found = inflate(data, new Uint8Array(raw.length + (i % 4)));
      expect(Buffer.compare(found, raw), `file ${i}`).toBe(0);
    }
  });

  it("fills the buffer and stops if it holds less", () => {
    for (let i = 0; i < 100; i++) {
      const { raw, data } = sample(2000);
      if (raw.length < 2) continue;
      const found = inflate(data, new Uint8Array(raw.length - 1));
      expect(found.length, `file ${i}`).toBe(raw.length - 1);
    }
  });

  it("of damaged or cut bytes throws a RangeError, or gives bytes within the buffer that fflate gives too", () => {
    let [thrown, given] = [0, 0];
    for (let i = 0; i < 1000; i++) {
      const { raw, data } = sample(1000);
      if (i % 2 === 0) data[random(data.length)] = random(256);
      const cut = i % 2 === 0 ? data : data.subarray(0, random(data.length));
      let found: Uint8Array;
      try {
        found = inflate(cut, new Uint8Array(raw.length + 5000));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        expect((error as Error).message).toBe("the deflated bytes are damaged");
        thrown++;
        continue;
      }
      given++;
      if (found.length === raw.length + 5000) continue;
      const wanted = inflateSync(cut, { out: new Uint8Array(raw.length + 5000) });
      expect(Buffer.compare(found, wanted), `file ${i}`).toBe(0);
    }
    expect(thrown).toBeGreaterThan(400);
    expect(given).toBeGreaterThan(100);
  });

  it("refuses more codes of a length than there are, a distance before the start, and a block of kind 3", () => {
    // Fixed codes: a match as the first symbol. Own codes: all 19 code lengths are 1. Kind 3.
    for (const bytes of [[0x03, 0x02], [0x05, 0xe0, 0x49, 0x92, 0x24, 0x49, 0x92, 0x24], [0x07]]) {
      const data = Uint8Array.from([...bytes, 0, 0, 0, 0, 0, 0, 0, 0]);
      expect(() => inflate(data, new Uint8Array(1000))).toThrow(RangeError);
    }
    expect(() => inflate(new Uint8Array(0), new Uint8Array(10))).toThrow(RangeError);
  });
});
