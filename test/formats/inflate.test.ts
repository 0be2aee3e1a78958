import { deflateRawSync } from "node:zlib";
import { deflateSync } from "fflate";
import { describe, expect, it } from "vitest";
import { inflate } from "../../src/formats/inflate.js";
import { uniform } from "../support/random.js";

const next = uniform(11);
/** Bytes that repeat themselves more or less: of `kinds` values, some copied from before. */
function sample(length: number, kinds: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const value = Math.floor(((next() + 1) / 2) * kinds);
    bytes[i] = i > 300 && value === 0 ? (bytes[i - 300] as number) : value;
  }
  return bytes;
}

const samples = [
  ["nothing", new Uint8Array(0)],
  ["one byte", Uint8Array.of(7)],
  ["zeros", new Uint8Array(100_000)],
  ["two values", sample(70_000, 2)],
  ["text", new TextEncoder().encode("to be or not to be, ".repeat(2000))],
  ["noise", sample(70_000, 256)],
  ["a large window", Uint8Array.from([...sample(32_768, 256), ...sample(40_000, 9)])],
] as const;

describe("inflates to the bytes that zlib and fflate deflated", () => {
  it.each(samples)("%s", (_, bytes) => {
    const packed = [0, 1, 6, 9].flatMap((level) => [
      Uint8Array.from(deflateRawSync(bytes, { level })),
      Uint8Array.from(deflateRawSync(bytes, { level, strategy: 4 })),
      deflateSync(bytes, { level: level as 0 }),
    ]);
    for (const data of packed) {
      const out = new Uint8Array(bytes.length + 1);
      expect(inflate(data, out)).toBe(bytes.length);
      expect(Buffer.compare(out.subarray(0, bytes.length), bytes)).toBe(0);
      // Not a byte less room, no byte more or less of data.
      if (bytes.length > 0) expect(inflate(data, new Uint8Array(bytes.length - 1))).toBeUndefined();
      expect(inflate(Uint8Array.of(...data.subarray(0, 60_000), 0), out)).toBeUndefined();
      expect(inflate(data.subarray(0, -1), out)).toBeUndefined();
    }
  });
});

describe("data that are no deflated stream", () => {
  it.each([
    ["a block of kind 3", [0b111]],
    ["a stored block whose length is not repeated", [1, 1, 0, 0, 0, 9]],
    ["a distance before the beginning", [0b01001011, 0b00000100, 0b00010010, 0]],
    ["nothing at all", []],
    [
      "codes for code lengths of which there are too many",
      [0b101, 0, 0xff, 0xff, 0xff, 0xff, 0xff],
    ],
  ])("%s", (_, bytes) => {
    expect(inflate(Uint8Array.from(bytes), new Uint8Array(1000))).toBeUndefined();
  });

  it("whatever bits are changed, it ends, within the room it has", () => {
    const data = Uint8Array.from(deflateRawSync(sample(5000, 60)));
    let refused = 0;
    for (let i = 0; i < 4000; i++) {
      const changed = data.slice();
      const at = Math.floor(((next() + 1) / 2) * changed.length);
      changed[at] = (changed[at] as number) ^ (1 << (i & 7));
      const length = inflate(changed, new Uint8Array(6000));
      if (length === undefined) refused++;
      else expect(length).toBeLessThanOrEqual(6000);
    }
    expect(refused).toBeGreaterThan(50);
  });
});
