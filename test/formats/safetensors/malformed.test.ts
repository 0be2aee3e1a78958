import { describe, expect, it } from "vitest";
import {
  ModelFormatError,
  type ReadSafetensorsOptions,
  readSafetensors,
} from "../../../src/formats/safetensors.js";
import { expectError, expectSaid, thrownBy } from "../../support/errors.js";
import { entry, file, raw } from "./by_hand.js";

const x = entry("F32", [2], 0, 8);
const many = (n: number, value: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => `"k${i}":${value(i)}`).join(",");
const empty = entry("F32", [0], 0, 0);
const long = "n".repeat(513);
const length = (n: bigint) => new Uint8Array(BigUint64Array.of(n).buffer);
const header = (text: string, bytes = 8): Uint8Array => file(text, bytes);
const doubles = (...values: number[]) => raw(`{"w":${entry("F64", [2], 0, 16)}}`, values);

type Row = [
  code: string,
  bytes: Uint8Array,
  message: string,
  tensor?: string | undefined,
  offset?: number | undefined,
  options?: ReadSafetensorsOptions,
];

const rows: Row[] = [
  ["file-too-short", new Uint8Array(7), "expected a file of ≥ 8 bytes, got 7", undefined, 0],
  ["file-too-short", new Uint8Array(0), "… got 0", undefined, 0],
  [
    "header-too-long",
    length(100_000_001n),
    "expected a header of ≤ 100000000 bytes, got 100000001",
    undefined,
    0,
  ],
  ["header-too-long", length(2n ** 64n - 1n), "… got 18446744073709551615", undefined, 0],
  [
    "header-outside-file",
    length(100_000_000n),
    "expected a header of 100000000 bytes, got 0 after its length",
    undefined,
    0,
  ],
  [
    "header-start",
    length(0n),
    "expected a header that begins with {, got an empty one",
    undefined,
    8,
  ],
  [
    "header-start",
    header(" {}", 0),
    "expected a header that begins with {, got byte 32",
    undefined,
    8,
  ],
  [
    "header-start",
    header("\ufeff{}", 0),
    "expected a header that begins with {, got byte 239",
    undefined,
    8,
  ],
  [
    "header-utf8",
    file(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d), 0),
    "expected a header in UTF-8, got other bytes",
    undefined,
    8,
  ],
  ["header-json", header("{", 0), 'header: expected ", got the end, at byte 9', undefined, 9],
  ["header-json", header("{} x", 0), "header: …, at byte 11", undefined, 11],
  ["header-json", header("{}{}", 0), "header: …, at byte 10", undefined, 10],
  ["header-json", header(`{"x":${x},}`), "header: …, at byte 62", undefined, 62],
  ["header-json", header('{"x"', 0), "header: …, at byte 12", undefined, 12],
  [
    "header-json",
    header('{"x', 0),
    "header: expected a string with an end, at byte 9",
    undefined,
    9,
  ],
  [
    "header-json",
    header('{"x\\', 0),
    "header: expected a string with an end, at byte 9",
    undefined,
    9,
  ],
  [
    "header-json",
    header('{"\\x":1}', 0),
    'header: expected a JSON string, got "\\x", at byte 9',
    undefined,
    9,
  ],
  [
    "header-json",
    header('{"\n":1}', 0),
    'header: expected a JSON string, got "\n", at byte 9',
    undefined,
    9,
  ],
  [
    "header-json",
    header(`{"\\ud800":${x}}`),
    "header: expected a well-formed string, got half a surrogate pair, at byte 9",
    undefined,
    9,
  ],
  [
    "header-entry",
    header('{"x":[]}', 0),
    '"x": expected { dtype, shape, data_offsets }, got []}, at byte 13',
    "x",
    13,
  ],
  ["header-entry", header('{"x":{}}', 0), '"x": …, at byte 9', "x", 9],
  ["header-entry", header('{"x":{"dtype":4}}', 0), '"x": … got 4}}, at byte 22', "x", 22],
  ["header-entry", header('{"x":{"shape":{}}}', 0), '"x": …, at byte 22', "x", 22],
  ["header-entry", header('{"x":{"kind":1}}', 0), '"x": …, at byte 14', "x", 14],
  [
    "header-entry",
    header('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}}'),
    '"x": …, at byte 9',
    "x",
    9,
  ],
  [
    "header-entry",
    header('{"x":{"data_offsets":[0,8,9]}}'),
    '"x": data_offsets: …, at byte 34',
    "x",
    34,
  ],
  [
    "metadata",
    header('{"__metadata__":[]}', 0),
    "header: expected __metadata__: an object of strings, got []}, at byte 24",
    undefined,
    24,
  ],
  ["metadata", header('{"__metadata__":{"a":null}}', 0), "header: …, at byte 29", undefined, 29],
  [
    "duplicate-key",
    header(`{"x":${x},"x":${x}}`),
    '"x": expected one tensor of this name, got another, at byte 62',
    "x",
    62,
  ],
  [
    "duplicate-key",
    header(`{"x":${x},"\\u0078":${x}}`),
    '"x": expected one tensor of this name, got another, at byte 62',
    "x",
    62,
  ],
  [
    "duplicate-key",
    header(`{"__proto__":${x},"__proto__":${x}}`),
    '"__proto__": expected one tensor of this name, got another, at byte 70',
    "__proto__",
    70,
  ],
  [
    "duplicate-key",
    header('{"x":{"dtype":"F32","dtype":"F32"}}'),
    '"x": expected one dtype, got another, at byte 28',
    "x",
    28,
  ],
  [
    "duplicate-key",
    header('{"x":{"shape":[],"shape":[]}}'),
    '"x": expected one shape, got another, at byte 25',
    "x",
    25,
  ],
  [
    "duplicate-key",
    header('{"x":{"data_offsets":[],"data_offsets":[]}}'),
    '"x": expected one data_offsets, got another, at byte 32',
    "x",
    32,
  ],
  [
    "duplicate-key",
    header('{"__metadata__":{"a":"","a":""}}', 0),
    "header: __metadata__: expected one key a, got another, at byte 32",
    undefined,
    32,
  ],
  [
    "duplicate-key",
    header('{"__metadata__":{},"__metadata__":{}}', 0),
    "header: expected one __metadata__, got another, at byte 27",
    undefined,
    27,
  ],
  ...["-1", "1.0", "1e3", "9007199254740992", "01", "null", '"2"', "+1", "-0", "", "{}", "[2]"].map(
    (word): Row => [
      "integer",
      header(`{"x":{"shape":[2,${word}]}}`, 0),
      `"x": shape: expected an integer from 0 to 2^53 − 1, got ${word.replace(/[\]}]/, "")}, at byte 25`,
      "x",
      25,
    ],
  ),
  [
    "dtype",
    header(`{"x":${entry("I64", [1], 0, 8)}}`),
    '"x": dtype: expected one of F64, F32, F16, BF16, got I64, at byte 9',
    "x",
    9,
  ],
  ["dtype", header(`{"x":${entry("constructor", [1], 0, 8)}}`), '"x": dtype: …, at byte 9', "x", 9],
  [
    "name-too-long",
    header(`{"${long}":${x}}`),
    `header: a name: expected ≤ 512 characters, got 513: ${"n".repeat(32)}…, at byte 9`,
    undefined,
    9,
  ],
  [
    "rank-too-high",
    header('{"x":{"shape":[1,1,1,1,1,1,1,1,1]}}'),
    '"x": shape: expected ≤ 8 numbers, got more, at byte 39',
    "x",
    39,
  ],
  [
    "too-many-tensors",
    header(`{${many(10_001, () => empty)}}`, 0),
    '"k10000": expected ≤ 10000 tensors, got more, at byte 568899',
    "k10000",
    568899,
  ],
  [
    "too-many-metadata",
    header(`{"__metadata__":{${many(10_001, () => '""')}}}`, 0),
    "header: __metadata__: expected ≤ 10000 keys, got more, at byte 108915",
    undefined,
    108915,
  ],
  [
    "shape-overflow",
    header(`{"x":${entry("F32", [2 ** 27, 2 ** 27, 0], 0, 0)}}`, 0),
    '"x": shape: expected fewer than 2^53 bytes, got (134217728, 134217728, 0), at byte 9',
    "x",
    9,
  ],
  [
    "shape-overflow",
    header(`{"x":${entry("F64", [2 ** 51], 0, 0)}}`, 0),
    '"x": shape: … got (2251799813685248,), at byte 9',
    "x",
    9,
  ],
  [
    "offsets",
    header(`{"x":${entry("F32", [2], 8, 0)}}`),
    '"x": data_offsets: expected BEGIN ≤ END, got 8 and 0, at byte 9',
    "x",
    9,
  ],
  [
    "size",
    header(`{"x":${entry("F64", [2], 0, 8)}}`),
    '"x": data_offsets: expected 16 bytes of F64 for shape (2,), got 8, at byte 9',
    "x",
    9,
  ],
  [
    "hole",
    header(`{"x":${entry("F32", [1], 4, 8)}}`),
    '"x": data_offsets: expected to begin at byte 0 of the data, where the tensor before ends, got 4, at byte 9',
    "x",
    9,
  ],
  [
    "hole",
    header(`{"b":${entry("F32", [1], 8, 12)},"a":${entry("F32", [1], 0, 4)}}`, 12),
    '"b": data_offsets: … got 8, at byte 9',
    "b",
    9,
  ],
  [
    "overlap",
    header(`{"x":${x},"y":${entry("F32", [2], 4, 12)}}`, 12),
    '"y": data_offsets: expected to begin at byte 8 of the data, where the tensor before ends, got 4, at byte 62',
    "y",
    62,
  ],
  [
    "data-outside-file",
    header(`{"x":${x}}`, 7),
    '"x": data_offsets: expected to end within the file\'s 7 bytes of data, got 8, at byte 9',
    "x",
    9,
  ],
  [
    "trailing-bytes",
    header(`{"x":${x}}`, 9),
    "header: expected the data to end at byte 8, with the last tensor, got 9, at byte 8",
    undefined,
    8,
  ],
  ["trailing-bytes", header("{}", 1), "header: … got 1, at byte 8", undefined, 8],
  [
    "too-large",
    header(`{"x":${entry("BF16", [4], 0, 8)}}`),
    "expected tensors of ≤ 15 bytes (maximumBytes), got 16",
    undefined,
    undefined,
    { maximumBytes: 15 },
  ],
  [
    "not-finite",
    doubles(1, Number.NaN),
    '"w": element 1: expected a finite number, got NaN (nonFinite: "allow" accepts it)',
    "w",
    71,
  ],
  ["not-finite", doubles(Number.NEGATIVE_INFINITY, 1), '"w": element 0: … got -Infinity…', "w", 63],
];

/** What reading throws. */
const fault = (bytes: Uint8Array, options?: ReadSafetensorsOptions): unknown =>
  thrownBy(() => readSafetensors(bytes, options));

describe("a malformed file: its code, operand, tensor and byte, exactly", () => {
  it.each(rows)("%s, %#", (code, bytes, message, tensor, offset, options) => {
    const error = fault(bytes, options);
    expectSaid(error, ModelFormatError, `readSafetensors: ${message}`);
    const { name, code: got, tensor: named, offset: at } = error as ModelFormatError;
    expect({ name, got, named, at }).toEqual({
      name: "ModelFormatError",
      got: code,
      named: tensor,
      at: offset,
    });
  });

  it("an offset counts bytes, not characters", () => {
    const error = fault(header('{"ü€😀":1}', 0)) as ModelFormatError;
    expect([error.tensor, error.offset]).toEqual(["ü€😀", 8 + 1 + 2 + 9 + 1]);
  });

  it.each([
    [null, undefined, "file: expected Uint8Array or ArrayBuffer, got null"],
    [[1], undefined, "file: …"],
    [file("{}", 0), null, "options: expected an object, got null"],
    [file("{}", 0), { nonFinite: true }, 'nonFinite: expected "reject" or "allow", got true'],
    [file("{}", 0), { maximumBytes: Number.NaN }, "maximumBytes: expected a number ≥ 0, got NaN"],
  ])("an argument of the wrong kind is a TypeError, %#", (bytes, options, message) => {
    const call = () => readSafetensors(bytes as never, options as never);
    expectError(call, TypeError, `readSafetensors: ${message}`);
  });
});
