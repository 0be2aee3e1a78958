import fc from "fast-check";
import { zlibSync } from "fflate";
import { describe, expect, it } from "vitest";
import { lookup3 } from "../../../src/formats/hdf5/checksum.js";
import { Hdf5File } from "../../../src/formats/hdf5/file.js";
import { describeKeras, ModelFormatError } from "../../../src/formats/keras.js";
import { archive, asKeras, caseOf, hdf5, type StoredVariable } from "../../support/keras.js";
import { randomArray, uniform } from "../../support/random.js";

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
/** What looking a name up in the root throws. */
const lookUp = (bytes: Uint8Array<ArrayBuffer>) => () => open(bytes).dataset("name");

/** A file whose root is a group of the old kind: a tree at 168, a heap of names at 136. */
function oldGroup(size: number, names = 0): Writer {
  const file = new Writer(size + names).text(SIGNATURE).u8(0, 0, 0, 0, 0, 8, 8, 0);
  file.u16(4).u16(16).u32(0);
  file.u64(0, 2 ** 50, size, 2 ** 50).u64(0, HEADER);
  file.at = HEADER;
  file.u8(1, 0).u16(1).u32(1).u32(24).u32(0);
  file.u16(0x11).u16(16).u32(0).u64(168, 136);
  file.at = 136;
  return file.text("HEAP").u32(0).u64(names, 0, size);
}

const OVERLAP = "expected structures that do not overlap";

describe("files that would keep a reader busy for years are refused", () => {
  it("a tree of nodes that each name one child 64 times", () => {
    const [levels, entries] = [12, 64];
    const bytes = 24 + 16 * entries + 8;
    const file = oldGroup(168 + bytes * levels + 8);
    for (let level = levels - 1; level >= 0; level--) {
      const child = 168 + bytes * (levels - level);
      file.at = child - bytes;
      file.text("TREE").u8(0, level).u16(entries).u64(0, 0);
      for (let i = 0; i < entries; i++) file.u64(0, child);
    }
    file.at = 168 + bytes * levels;
    file.text("SNOD").u8(1);
    expect(lookUp(file.bytes)).toThrow(OVERLAP);
  });

  it("a node that is its own child", () => {
    const file = oldGroup(168 + 48);
    file.text("TREE").u8(0, 3).u16(1).u64(0, 0, 0, 168);
    expect(lookUp(file.bytes)).toThrow("expected a node of level 2, got 3, at byte 168");
  });

  it.each([
    ["FAKE", 'expected TREE, got "FAKE"'],
    ["OHDR", 'expected TREE, got "OHDR"'],
  ])("a node that begins with %s", (name, message) => {
    const file = oldGroup(168 + 48);
    file.text(name).u8(0, 0).u16(1).u64(0, 0, 0, 168);
    expect(lookUp(file.bytes)).toThrow(`${message}, at byte 168`);
  });

  it("one table of names, named many times over", () => {
    const [tables, symbols] = [2000, 400];
    const table = 168 + 24 + 16 * tables + 8;
    const file = oldGroup(table + 8 + 40 * symbols, 40_000);
    file.text("TREE").u8(0, 0).u16(tables).u64(0, 0);
    for (let i = 0; i < tables; i++) file.u64(0, table);
    file.at = table;
    file.text("SNOD").u8(1, 0).u16(symbols);
    for (let i = 0; i < symbols; i++) file.u64(100 * i, HEADER, 0, 0, 0);
    file.bytes.fill(0x61, file.at, -1);
    expect(lookUp(file.bytes)).toThrow(OVERLAP);
  });

  it("a heap of names without an end", () => {
    const file = oldGroup(168 + 48 + 48, 100);
    file.text("TREE").u8(0, 0).u16(1).u64(0, 0, 0, 216);
    file.at = 216;
    file.text("SNOD").u8(1, 0).u16(1).u64(0, HEADER, 0, 0, 0);
    file.bytes.fill(0x61, file.at);
    expect(lookUp(file.bytes)).toThrow("expected a name at byte 0 of a heap of 100");
  });

  it("a header of blocks that overlap", () => {
    const messages = 30_000;
    const head = 48 + 6 + 4;
    const size = 20 * messages;
    const file = new Writer(head + size + 4).text(SIGNATURE).u8(2, 8, 8, 0);
    file.u64(0, 2 ** 50, head + size, 48);
    file.u32(lookup3(file.bytes.subarray(0, 44)));
    file.text("OHDR").u8(2, 2).u32(size);
    for (let i = 0; i < messages; i++) {
      const [begin, end] = [head + 20 * (i + 1) - 4, head + size];
      file
        .u8(0x10)
        .u16(16)
        .u8(0)
        .u64(begin, end - begin);
    }
    file.u32(lookup3(file.bytes.subarray(48, head + size)));
    // Not one of the blocks has its signature; were that not held against them, the bytes would be counted.
    expect(lookUp(file.bytes)).toThrow("expected OCHK");
  });

  it("a header of the old kind with blocks that overlap", () => {
    const messages = 30_000;
    const file = new Writer(HEADER + 16 + 24 * messages).text(SIGNATURE).u8(0, 0, 0, 0, 0, 8, 8, 0);
    const end = HEADER + 16 + 24 * messages;
    file
      .u16(4)
      .u16(16)
      .u32(0)
      .u64(0, 2 ** 50, end, 2 ** 50)
      .u64(0, HEADER);
    file.at = HEADER;
    file
      .u8(1, 0)
      .u16(messages)
      .u32(1)
      .u32(24 * messages)
      .u32(0);
    for (let i = 0; i < messages; i++) {
      const begin = file.at + 24;
      file
        .u16(0x10)
        .u16(16)
        .u32(0)
        .u64(begin, end - begin);
    }
    expect(lookUp(file.bytes)).toThrow(OVERLAP);
  });

  const noise: StoredVariable = {
    shape: [16, 64],
    data: randomArray(uniform(5), 1024),
    chunks: [16, 64],
    compression: 1,
  };

  it("a chunk that inflates without end", () => {
    const bytes = hdf5({ noise });
    expect(open(bytes).dataset("noise")?.read()).toEqual(noise.data);
    const bomb = zlibSync(new Uint8Array(5_000_000), { level: 9 });
    const at = bytes.findIndex((byte, i) => byte === 0x78 && bytes[i + 1] === 0x01);
    bytes.set(bomb, at);
    expect(() => open(bytes).dataset("noise")?.read()).toThrow(
      'test: weights: "noise": expected a chunk of ≤ 8196 bytes, got more',
    );
  });

  it("a dataset in more chunks than its shape has", () => {
    const rows = { shape: [64, 1], data: new Float64Array(64), chunks: [1, 1] };
    const bytes = hdf5({ rows });
    const shape = Buffer.from(bytes).indexOf(
      Buffer.from(Uint8Array.of(64, 0, 0, 0, 0, 0, 0, 0, 1)),
    );
    bytes[shape] = 1;
    // Its largest extents follow it.
    expect(() => open(bytes).dataset("rows")?.read()).toThrow(
      "expected a chunk within the shape, got one at 1 of 1",
    );
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
