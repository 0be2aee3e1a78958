import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ModelFormatError } from "../../../src/description/format_error.js";
import { Hdf5File } from "../../../src/formats/hdf5/file.js";
import { expectError } from "../../support/errors.js";

const fixture = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`../../fixtures/hdf5/${name}.h5`, import.meta.url)));
const open = (bytes: Uint8Array) => new Hdf5File("test", bytes, 2 ** 20);

// What scripts/make_hdf5_files.py wrote: superblocks 0, 2 and 3, groups of the old kind and of both new ones.
describe.each([
  ["earliest", 0],
  ["v108", 2],
  ["v110", 3],
])("a file that h5py wrote as %s, superblock %i", (name, superblock) => {
  const bytes = fixture(name);
  const file = open(bytes);
  const refused = (path: string, message: string): void =>
    expectError(
      () => open(bytes).dataset(path)?.read(),
      ModelFormatError,
      `test: weights: ${message}`,
    );

  it("has that superblock, and is read from any place in memory", () => {
    expect(bytes[8]).toBe(superblock);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(open(shifted).dataset("one")?.read()).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    expect(open(Buffer.from(bytes)).dataset("many/link59")?.shape).toEqual([2, 3]);
  });

  it("gives shapes and numbers", () => {
    expect(file.dataset("one")?.shape).toEqual([2, 3]);
    expect(file.dataset("one")?.read()).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    expect(file.dataset("scalar")).toMatchObject({ shape: [] });
    expect(file.dataset("scalar")?.read()).toEqual(Float64Array.of(2.5));
    expect(file.dataset("empty")).toMatchObject({ shape: [0, 4] });
    expect(file.dataset("empty")?.read()).toEqual(new Float64Array(0));
  });

  it("follows 60 links of one group, and gives one dataset for all", () => {
    for (let i = 0; i < 60; i++) {
      expect(file.dataset(`many/link${i}`)).toBe(file.dataset("one"));
    }
    expect(file.dataset("few/hard")).toBe(file.dataset("one"));
    expect(file.dataset("many/link60")).toBeUndefined();
    expect(file.dataset("few")).toBeUndefined();
    expect([file.hasGroup("many"), file.hasGroup("one"), file.hasGroup("none")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("reads what Keras marks as bfloat16", () => {
    const [one, two, large] = file.dataset("bfloat16")?.read() ?? [];
    expect([one, two]).toEqual([1, -2.5]);
    // 8 bits of mantissa: to half of 2^-8.
    expect(Math.abs((large as number) / 3e38 - 1)).toBeLessThan(2 ** -9);
  });

  it("refuses what it does not read", () => {
    refused("void", '"void": expected little-endian F64, F32, F16 or BF16, got opaque');
    refused("big", '"big": expected little-endian F64, F32, F16 or BF16, got another float');
    refused("null", '"null": expected numbers, got none');
    refused("unwritten", '"unwritten": expected numbers, got none');
    refused("few/soft", '"few/soft": expected no soft link');
  });

  it("reads deflated, shuffled chunks with checksums, unless the newest format lists them", () => {
    const layout =
      "expected contiguous numbers, or chunks that a version 1 tree lists, got layout 4.2";
    if (superblock === 3) return refused("chunked", `"chunked": ${layout}`);
    const wanted = Float64Array.from({ length: 70 }, (_, i) => i);
    expect(file.dataset("chunked")).toMatchObject({ shape: [7, 10] });
    expect(file.dataset("chunked")?.read()).toEqual(wanted);
  });
});

describe("checksums", () => {
  it.each(["v108", "v110"])("%s: every changed byte of a structure is noticed", (name) => {
    const bytes = fixture(name);
    const names = ["OHDR", "FRHP", "FHIB", "FHDB", "BTHD", "BTLF", "BTIN"];
    for (const signature of names) {
      let at = Buffer.from(bytes).indexOf(signature, 0, "latin1");
      // A tree of another kind lists chunks.
      if (signature.startsWith("BT") && bytes[at + 5] !== 5) {
        at = Buffer.from(bytes).indexOf(signature, at + 1, "latin1");
      }
      expect(at, signature).toBeGreaterThan(0);
      for (const offset of [0, 4, 5, 9, 20]) {
        const changed = bytes.slice();
        changed[at + offset] = (changed[at + offset] as number) ^ 0x10;
        const read = () => {
          const file = open(changed);
          for (const path of ["one", "many/link3", "bfloat16"]) file.dataset(path)?.read();
          file.hasGroup("few");
        };
        expect(read, `${signature} + ${offset}`).toThrow(ModelFormatError);
      }
    }
  });

  it("of chunks: Fletcher's and Adler's", () => {
    const bytes = fixture("earliest");
    let refused = 0;
    const at = Buffer.from(bytes).indexOf(Uint8Array.of(0x78, 0x5e));
    for (let i = 0; i < 40; i++) {
      const changed = bytes.slice();
      changed[at + i] = (changed[at + i] as number) ^ 1;
      try {
        open(changed).dataset("chunked")?.read();
      } catch (error) {
        expect(error).toBeInstanceOf(ModelFormatError);
        refused++;
      }
    }
    expect(refused).toBe(40);
  });
});
