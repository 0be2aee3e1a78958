import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ModelFormatError,
  readSafetensors,
  type StorableTensor,
  writeSafetensors,
} from "../../../src/formats/safetensors.js";
import {
  createEngineSync,
  createRecurrent,
  type LayerWeights,
  ShapeError,
} from "../../../src/index.js";
import { expectError, expectSaid, thrownBy } from "../../support/errors.js";
import { shakespeare } from "../../support/fixtures.js";
import { entry, file } from "./by_hand.js";

const f64 = (...data: number[]) => ({ shape: [data.length], data: Float64Array.from(data) });
const f32 = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });

const content: Record<string, StorableTensor> = {
  "lstm.weight": { shape: [2, 3], data: Float64Array.of(1, -0, 3e-310, 4, Math.PI, 6) },
  bias: { shape: [3], data: Float32Array.of(1.5, -0, 1e-40) },
  half: { dtype: "F16", shape: [1, 2], data: Float32Array.of(0.5, -65504) },
  brain: { dtype: "BF16", shape: [3], data: Float32Array.of(1, 2 ** 127, 0) },
  scalar: { shape: [], data: Float64Array.of(7) },
  nothing: { shape: [4, 0, 2], data: new Float32Array(0) },
  "": f32(1),
  'ü\n"\\😀\u2028': f32(2),
};
const metadata = { format: "pt", "": "", ключ: '"\\\n' };

const text = (bytes: Uint8Array): string =>
  new TextDecoder().decode(
    bytes.subarray(
      8,
      8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)),
    ),
  );

describe("what is written is read, 0 bits of difference", () => {
  const bytes = writeSafetensors(content, metadata);

  it("tensors of every dtype, rank 0, without elements, any name; metadata", () => {
    const { tensors, metadata: notes } = readSafetensors(bytes);
    expect(tensors.size).toBe(Object.keys(content).length);
    for (const [name, { dtype, shape, data }] of Object.entries(content)) {
      const wanted = dtype ?? (data instanceof Float64Array ? "F64" : "F32");
      expect(tensors.get(name), name).toEqual({ dtype: wanted, shape, data });
    }
    expect(Object.fromEntries(notes)).toEqual(metadata);
  });

  it("read and written again: the same bytes", () => {
    const { tensors, metadata: notes } = readSafetensors(bytes);
    expect(writeSafetensors(tensors, notes)).toEqual(bytes);
  });

  it("at any alignment, from an ArrayBuffer, from a Node Buffer; nothing is shared with the file", () => {
    const wanted = readSafetensors(bytes);
    for (let shift = 0; shift < 9; shift++) {
      const buffer = Buffer.alloc(bytes.length + 20, 0xff);
      buffer.set(bytes, shift);
      const view = buffer.subarray(shift, shift + bytes.length);
      const got = readSafetensors(view);
      view.fill(0xff);
      expect(got).toEqual(wanted);
    }
    expect(readSafetensors(bytes.slice().buffer)).toEqual(wanted);
  });

  it("data that the header leaves unaligned", () => {
    const [a, b] = [entry("BF16", [1], 0, 2), entry("F64", [1], 2, 10)];
    const unaligned = file(`{"a":${a},"b":${b}} `, 10);
    unaligned.set(new Uint8Array(Float64Array.of(Math.E).buffer), unaligned.length - 8);
    expect(readSafetensors(unaligned).tensors.get("b")?.data).toEqual(Float64Array.of(Math.E));
  });

  it("NaN and ±∞, where they are allowed", () => {
    const data = Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    for (const dtype of ["F64", "F32", "F16", "BF16"] as const) {
      const written = writeSafetensors({ x: { dtype, shape: [3], data } });
      const { tensors } = readSafetensors(written, { nonFinite: "allow" });
      expect([...(tensors.get("x")?.data ?? [])]).toEqual([...data]);
      expect(() => readSafetensors(written)).toThrow(/"x": element 0: .* got NaN/);
    }
  });
});

describe("reading", () => {
  it("a file without tensors: of 10 bytes, and as it is written", () => {
    const nothing = { tensors: new Map(), metadata: new Map() };
    expect(readSafetensors(file("{}", 0))).toEqual(nothing);
    expect(readSafetensors(writeSafetensors({}))).toEqual(nothing);
  });

  it("tensors come in the order of their bytes", () => {
    const header = `{ "b" : ${entry("F32", [1], 4, 8)} ,\t"e": ${entry("F32", [0], 4, 4)},"a":${entry("F32", [1], 0, 4)} }\r\n `;
    expect([...readSafetensors(file(header, 8)).tensors.keys()]).toEqual(["a", "e", "b"]);
  });

  it("__proto__ is a name like any other, of tensors and of metadata", () => {
    const header = `{"__metadata__":{"__proto__":"p"},"__proto__":${entry("F32", [1], 0, 4)}}`;
    const { tensors, metadata: notes } = readSafetensors(file(header, 4));
    expect([...tensors.keys(), ...notes.keys()]).toEqual(["__proto__", "__proto__"]);
    expect(({} as { shape?: unknown }).shape).toBe(undefined);
  });

  it("at the limits: a name of 512 characters, rank 8, 10,000 tensors, an extent of 2^53 − 1", () => {
    const name = "n".repeat(512);
    const shape = [Number.MAX_SAFE_INTEGER, 0, 1, 1, 1, 1, 1, 1];
    const tensors: [string, StorableTensor][] = [[name, { shape, data: new Float64Array(0) }]];
    for (let i = 1; i < 10_000; i++) tensors.push([`k${i}`, f32()]);
    const got = readSafetensors(writeSafetensors(tensors)).tensors;
    expect(got.size).toBe(10_000);
    expect(got.get(name)?.shape).toEqual(shape);
  });
});

describe("writing", () => {
  it("equal content in any order gives equal bytes", () => {
    const wanted = writeSafetensors(content, metadata);
    const order = <V>(all: Record<string, V>) =>
      fc.shuffledSubarray(Object.entries(all), { minLength: Object.keys(all).length });
    fc.assert(
      fc.property(order(content), order(metadata), (tensors, notes) => {
        expect(writeSafetensors(new Map(tensors), notes)).toEqual(wanted);
      }),
      { seed: 11, numRuns: 50 },
    );
  });

  it("the header: widest numbers first, then by code point, spaces to a multiple of 8", () => {
    const bytes = writeSafetensors(
      {
        "\uffff": f32(1),
        "😀": f32(1),
        b: { ...f32(1), dtype: "F16" },
        a: { ...f32(1), dtype: "BF16" },
        z: f64(1),
      },
      { k: "v" },
    );
    const header = text(bytes);
    const one = (name: string, dtype: string, begin: number, end: number) =>
      `"${name}":{"dtype":"${dtype}","shape":[1],"data_offsets":[${begin},${end}]}`;
    expect(header.trimEnd()).toBe(
      `{"__metadata__":{"k":"v"},${one("z", "F64", 0, 8)},${one("\uffff", "F32", 8, 12)},${one("😀", "F32", 12, 16)},${one("a", "BF16", 16, 18)},${one("b", "F16", 18, 20)}}`,
    );
    expect(header).toMatch(/\} {0,7}$/);
    expect(new TextEncoder().encode(header).length % 8).toBe(0);
  });

  it.each([
    [
      "duplicate-key",
      [
        ["a", f32()],
        ["a", f32()],
      ],
      {},
      'tensors: expected one "a", got another',
    ],
    [
      "duplicate-key",
      {},
      [
        ["a", ""],
        ["a", ""],
      ],
      'metadata: expected one "a", got another',
    ],
    ["name", { __metadata__: f32() }, {}, "tensors: expected another name than __metadata__"],
    [
      "name",
      { "\ud800": f32() },
      {},
      'tensors: "\\ud800": expected a well-formed string, got half a pair',
    ],
    ["metadata", {}, { a: "\udc00" }, "metadata: …"],
    ["name-too-long", { [`${"n".repeat(513)}`]: f32() }, {}, `"${"n".repeat(64)}"…: … got 513`],
    [
      "rank-too-high",
      { a: { shape: Array(9).fill(1), data: new Float32Array(1) } },
      {},
      '"a": … got 9',
    ],
    ["dtype", { a: { ...f32(), dtype: "I8" } }, {}, '"a": dtype: …'],
    [
      "shape-overflow",
      { a: { shape: [2 ** 40, 2 ** 40, 0], data: new Float32Array(0) } },
      {},
      '"a": shape: …',
    ],
    [
      "too-many-tensors",
      Array.from({ length: 10_001 }, (_, i) => [`${i}`, f32()]),
      {},
      "expected ≤ 10000 tensors, got more",
    ],
    [
      "too-many-metadata",
      {},
      Array.from({ length: 10_001 }, (_, i) => [`${i}`, ""]),
      "metadata: …",
    ],
  ])("refuses what no reader could take: %s, %#", (code, tensors, notes, message) => {
    const error = thrownBy(() => writeSafetensors(tensors as never, notes as never));
    expectSaid(error, ModelFormatError, `writeSafetensors: ${message}`);
    expect((error as ModelFormatError).code).toBe(code);
  });

  it.each([
    [null, {}, TypeError, "tensors: …"],
    [[1], {}, TypeError, "tensors: expected names and values, got number"],
    [{ a: null }, {}, TypeError, '"a": expected a tensor { shape, data: Float64Array }, got null'],
    [{ a: { shape: [1], data: [1] } }, {}, TypeError, '"a": …'],
    [
      { a: { shape: [2], data: new Float32Array(1) } },
      {},
      ShapeError,
      '"a": shape (2,) asks for 2 elements, data has 1',
    ],
    [{}, null, TypeError, "metadata: …"],
    [{}, { a: 1 }, TypeError, 'metadata: "a": expected a string, got number'],
  ])("an argument of the wrong kind or size, %#", (tensors, notes, kind, message) => {
    const call = () => writeSafetensors(tensors as never, notes as never);
    expectError(call, kind as ErrorConstructor, `writeSafetensors: ${message}`);
  });
});

describe("a damaged file", () => {
  const bytes = writeSafetensors(content, metadata);
  const headerEnd = 8 + text(bytes).length;
  const place = fc.oneof(fc.nat(7), fc.nat(headerEnd + 20), fc.nat(bytes.length - 1));
  const printable = fc.constantFrom(
    ...[...'{}[]",:\\0123456789-. enu_FB'].map((c) => c.charCodeAt(0)),
  );
  const byte = fc.oneof(fc.nat(255), printable);
  const damage = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), at: place, byte }),
    fc.record({ kind: fc.constant("cut" as const), at: place, byte }),
    fc.record({ kind: fc.constant("insert" as const), at: place, byte }),
    fc.record({ kind: fc.constant("end" as const), at: place, byte }),
  );

  it("is read, or is a ModelFormatError: 5,000 of 5,000", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.boolean(), (all, mend) => {
        const own = [...bytes];
        for (const { kind, at, byte: value } of all) {
          if (kind === "set") own[at] = value;
          else if (kind === "cut") own.splice(at, 1);
          else if (kind === "insert") own.splice(at, 0, value);
          else own.length = Math.min(own.length, at);
        }
        const damaged = Uint8Array.from(own);
        // A header length that fits again lets the damage get past the first checks.
        if (mend && own.length > 8) {
          const end = damaged.lastIndexOf(0x7d) + 1;
          new DataView(damaged.buffer).setBigUint64(0, BigInt(Math.max(end - 8, 0)), true);
        }
        try {
          const { tensors } = readSafetensors(damaged);
          let held = 0;
          for (const { data } of tensors.values()) held += data.byteLength;
          // F16 and BF16 double.
          expect(held).toBeLessThanOrEqual(2 * damaged.length);
        } catch (error) {
          refused++;
          if (!(error instanceof ModelFormatError)) throw error;
        }
      }),
      { seed: 20261124, numRuns: 5_000 },
    );
    expect(refused).toBeGreaterThan(2_000);
    expect(refused).toBeLessThan(5_000);
  });

  it("a header of 20 MB of nothing but openings, or of one string, is refused, and soon", () => {
    for (const unit of ["{", "[", '{"x":', '"', "\\", " ", "{ "]) {
      const header = `{${unit.repeat(20_000_000 / unit.length)}`;
      expect(() => readSafetensors(file(header, 0))).toThrow(ModelFormatError);
    }
  });
});

describe("a real PyTorch model", () => {
  const { tensors, metadata: notes } = readSafetensors(shakespeare().model);

  it("opens: 11 tensors of F32, written and read again the same", () => {
    expect(notes).toEqual(new Map([["format", "pt"]]));
    expect(tensors.size).toBe(11);
    expect([...tensors.keys()][0]).toBe("embedding.weight");
    expect(tensors.get("lstm.weight_ih_l0")).toMatchObject({ dtype: "F32", shape: [512, 128] });
    const again = readSafetensors(writeSafetensors(tensors, notes));
    expect(isDeepStrictEqual(new Map(again.tensors), new Map(tensors))).toBe(true);
  });

  it("its first LSTM layer loads by its names without their prefix, and computes", () => {
    const weights = Object.fromEntries(
      [...tensors]
        .filter(([name]) => name.startsWith("lstm.") && name.endsWith("_l0"))
        .map(([name, value]) => [name.slice("lstm.".length), value]),
    ) as unknown as LayerWeights;
    const engine = createEngineSync();
    const layer = createRecurrent(engine, { cell: "lstm", inputSize: 128, hiddenSize: 128 });
    layer.load(weights);
    const embedding = tensors.get("embedding.weight")?.data as Float32Array;
    const row = embedding.slice(0, 128);
    const { y } = layer.forward({ shape: [1, 1, 128], data: Float64Array.from(row) });
    // The step by hand: from h = 0, c = 0, gates i, f, g, o.
    const of = (name: string) => tensors.get(`lstm.${name}`)?.data as Float32Array;
    const [W, bi, bh] = [of("weight_ih_l0"), of("bias_ih_l0"), of("bias_hh_l0")];
    const z = (r: number) =>
      row.reduce<number>(
        (sum, x, j) => sum + x * (W[r * 128 + j] ?? 0),
        (bi[r] ?? 0) + (bh[r] ?? 0),
      );
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    for (let j = 0; j < 128; j++) {
      const wanted = sigmoid(z(j + 384)) * Math.tanh(sigmoid(z(j)) * Math.tanh(z(j + 256)));
      expect(y.data[j]).toBeCloseTo(wanted, 12);
    }
    engine.dispose();
  });
});
