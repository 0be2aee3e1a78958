import fc from "fast-check";
import { zlibSync } from "fflate";
import { describe, expect, it } from "vitest";
import { Hdf5File } from "../../../src/formats/keras/hdf5.js";
import { describeKeras, ModelFormatError } from "../../../src/formats/keras.js";
import { archive, asKeras, hdf5, type StoredVariable } from "../../support/keras.js";
import { randomArray, uniform } from "../../support/random.js";
import { caseOf } from "../../support/tensorflowjs.js";

/** Bytes that are written one field after another, little-endian. */
class Writer {
  readonly view: DataView;
  at = 0;

  constructor(size: number) {
    this.view = new DataView(new ArrayBuffer(size));
  }

  text(text: string): this {
    for (const character of text) this.u8(character.charCodeAt(0));
    return this;
  }

  u8(...values: number[]): this {
    for (const value of values) this.view.setUint8(this.at++, value);
    return this;
  }

  u16(value: number): this {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
    return this;
  }

  u32(value: number): this {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
    return this;
  }

  u64(...values: number[]): this {
    for (const value of values) {
      this.view.setBigUint64(this.at, BigInt(value), true);
      this.at += 8;
    }
    return this;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.view.buffer as ArrayBuffer);
  }
}

const SIGNATURE = "\x89HDF\r\n\x1a\n";
const HEADER = 96;
const open = (bytes: Uint8Array<ArrayBuffer>) => new Hdf5File("test", bytes, 2 ** 20);

/** A file whose root is a group of the old kind: a tree at 136, a heap at `heap`. */
function oldGroup(size: number, heap: number): Writer {
  const file = new Writer(size).text(SIGNATURE).u8(0, 0, 0, 0, 0, 8, 8, 0).u16(4).u16(16).u32(0);
  file.u64(0, 2 ** 50, size, 2 ** 50).u64(0, HEADER);
  file.at = HEADER;
  file.u8(1, 0).u16(1).u32(1).u32(24).u32(0);
  return file.u16(0x11).u16(16).u32(0).u64(136, heap);
}

const LIMIT = "more structures than a file of this size can need";

describe("files that would keep a reader busy for years are refused", () => {
  it.each(["TREE", "FAKE", "OHDR"])(
    "a tree of %s nodes that each name one child 64 times",
    (name) => {
      const [levels, entries] = [12, 64];
      const bytes = 24 + 16 * entries + 8;
      const file = oldGroup(136 + bytes * levels, 136);
      for (let level = levels - 1; level >= 0; level--) {
        const child = 136 + bytes * (levels - level);
        file.at = child - bytes;
        file.text(name).u8(0, level).u16(entries).u64(0, 0);
        for (let i = 0; i < entries; i++) file.u64(0, child);
      }
      expect(() => open(file.bytes)).toThrow(LIMIT);
    },
  );

  it("one table of names, named many times over; a heap without an end", () => {
    const [tables, symbols] = [2000, 400];
    const table = 136 + 24 + 16 * tables + 8;
    const heap = table + 8 + 40 * symbols;
    const file = oldGroup(heap + 32 + 60_000, heap);
    file.text("TREE").u8(0, 0).u16(tables).u64(0, 0);
    for (let i = 0; i < tables; i++) file.u64(0, table);
    file.at = table;
    file.text("SNOD").u8(1, 0).u16(symbols);
    file.at = heap;
    file
      .text("HEAP")
      .u32(0)
      .u64(60_000, 0, heap + 32);
    file.bytes.fill(0x61, heap + 32);
    expect(() => open(file.bytes)).toThrow(LIMIT);
  });

  it("a header of blocks that overlap", () => {
    const messages = 30_000;
    const start = 48 + 6 + 4;
    const size = 20 * messages;
    const file = new Writer(start + size + 8).text(SIGNATURE).u8(2, 8, 8, 0);
    file
      .u64(0, 2 ** 50, start + size, 48)
      .u32(0)
      .text("OHDR")
      .u8(2, 2)
      .u32(size);
    for (let i = 0; i < messages; i++) {
      file
        .u8(0x10)
        .u16(16)
        .u8(0)
        .u64(start + 20 * i + 20 - 4, size - 20 * i - 20 + 4);
    }
    expect(() => open(file.bytes)).toThrow(LIMIT);
  });

  const noise: StoredVariable = {
    shape: [16, 64],
    data: randomArray(uniform(5), 1024),
    chunks: [16, 64],
    compression: 1,
  };

  it("a chunk that inflates without end", () => {
    const bytes = hdf5({ noise });
    expect(open(bytes.slice()).read("noise")?.data).toEqual(noise.data);
    const bomb = zlibSync(new Uint8Array(5_000_000), { level: 9 });
    const at = bytes.findIndex((byte, i) => byte === 0x78 && bytes[i + 1] === 0x01);
    bytes.set(bomb, at);
    expect(() => open(bytes).read("noise")).toThrow(/chunk .*8196 bytes/);
    // Nothing of it stays: the next file is read.
    expect(open(hdf5({ noise })).read("noise")?.data).toEqual(noise.data);
  });

  it("a dataset in chunks that cover it a thousand times", () => {
    const rows = { shape: [64, 1], data: new Float64Array(64), chunks: [1, 1] };
    const bytes = hdf5({ rows });
    const shape = Buffer.from(bytes).indexOf(
      Buffer.from(Uint8Array.of(64, 0, 0, 0, 0, 0, 0, 0, 1)),
    );
    bytes[shape] = 1;
    // Its largest extents stand behind it.
    expect(() => open(bytes).read("rows")).toThrow(/chunks .*shape/);
  });
});

describe("damaged files", () => {
  const { config, variables } = asKeras(caseOf("bidirectional-ave-last"));
  const chunked = Object.entries(variables).map(([path, { shape, data }]) => [
    path,
    { shape, data, chunks: [...shape], compression: 3 },
  ]);
  const files = {
    earliest: hdf5(variables),
    v108: hdf5(variables, "v108"),
    latest: hdf5(variables, "latest"),
    "earliest, chunked": hdf5(Object.fromEntries(chunked)),
    "v108, chunked": hdf5(Object.fromEntries(chunked), "v108"),
  };

  it.each(Object.entries(files))(
    "%s: whatever bytes are changed, a description or a ModelFormatError",
    (_, sound) => {
      const place = fc.nat({ max: sound.length - 1 });
      // Half of the values are those that mean something: sizes, counts, ends of ranges.
      const value = fc.oneof(
        fc.constantFrom(0, 1, 2, 4, 8, 16, 127, 128, 255),
        fc.nat({ max: 255 }),
      );
      const change = fc.tuple(place, value, fc.constantFrom(1, 1, 2, 8));
      let refused = 0;
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
          const weights = sound.slice();
          for (const [at, byte, count] of changes) weights.fill(byte, at, at + count);
          try {
            describeKeras(archive({ config, weights }), { nonFinite: "allow" });
          } catch (error) {
            if (!(error instanceof ModelFormatError)) throw error;
            refused++;
          }
        }),
        { seed: 23, numRuns: 150, interruptAfterTimeLimit: 20_000 },
      );
      expect(refused).toBeGreaterThan(5);
    },
  );

  it("every length up to the whole", () => {
    const sound = files.earliest;
    for (let length = 0; length < sound.length; length += 97) {
      const weights = sound.slice(0, length);
      expect(() => describeKeras(archive({ config, weights }))).toThrow(ModelFormatError);
    }
  });
});
