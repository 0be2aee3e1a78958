import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type Bytes, bytesOf, receiveBytes } from "../../src/formats/bytes.js";
import { describeKeras } from "../../src/formats/keras.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { describeTensorflowJs } from "../../src/formats/tensorflowjs.js";
import { expectError, expectRejection } from "../support/errors.js";
import { caseOf } from "../support/keras.js";

const file = writeSafetensors({ w: { shape: [2], data: Float32Array.of(1, 2) } });
const buffer = file.slice().buffer;
const shared = new SharedArrayBuffer(file.length);
new Uint8Array(shared).set(file);

/** Memory that was sent elsewhere. */
function detached(): ArrayBuffer {
  const memory = new ArrayBuffer(100);
  structuredClone(memory, { transfer: [memory] });
  return memory;
}
function detachedView(): Uint8Array {
  const view = new Uint8Array(100);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

describe("bytes are told by what they are, not by who made them", () => {
  it.each<[string, Bytes]>([
    ["a Uint8Array", file],
    ["an ArrayBuffer", buffer],
    ["a Node Buffer", Buffer.from(file)],
    ["a view in the middle of memory", Uint8Array.of(9, ...file, 9).subarray(1, -1)],
    ["shared memory", shared as never],
    ["a view of shared memory", new Uint8Array(shared)],
    ["a Uint8Array of another realm", runInNewContext("new Uint8Array(list)", { list: [...file] })],
    [
      "an ArrayBuffer of another realm",
      runInNewContext("new Uint8Array(list).buffer", { list: [...file] }),
    ],
  ])("%s", (_, given) => {
    const bytes = bytesOf("test", "file", given);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(bytes.constructor).toBe(Uint8Array);
    expect(bytes).toEqual(file);
    expect(readSafetensors(given).tensors.get("w")?.data).toEqual(Float32Array.of(1, 2));
  });

  it("shares memory that cannot change, and copies what could", () => {
    expect(bytesOf("test", "file", file).buffer).toBe(file.buffer);
    expect(bytesOf("test", "file", shared as never).buffer).not.toBe(shared);
  });

  it.each([
    ["null", null],
    ["Array", [1, 2]],
    ["string", "bytes"],
    ["Float32Array", new Float32Array(4)],
    ["DataView", new DataView(buffer)],
    ["Object", { [Symbol.toStringTag]: "Uint8Array" }],
  ])("%s is none", (name, value) => {
    const message = `test: file: expected Uint8Array or ArrayBuffer, got ${name}`;
    expectError(() => bytesOf("test", "file", value as never), TypeError, message);
  });
});

describe("detached memory is a TypeError that names the operand", () => {
  const { json, weights } = caseOf("lstm");
  const readers: [string, string, (bytes: Bytes) => unknown][] = [
    ["readSafetensors", "file", readSafetensors],
    ["describeKeras", "file", describeKeras],
    ["readOnnx", "file", readOnnx],
    ["describeTensorflowJs", "shards[0]", (bytes) => describeTensorflowJs(json(), bytes)],
    [
      "describeTensorflowJs",
      "shards[1]",
      (bytes) => describeTensorflowJs(json(), [weights, bytes]),
    ],
  ];
  it.each(readers)("%s: %s", (where, name, read) => {
    const message = `${where}: ${name}: expected bytes, got a detached ArrayBuffer`;
    expectError(() => read(detached()), TypeError, message);
    expectError(() => read(detachedView()), TypeError, message);
  });

  it("writeSafetensors", () => {
    const data = new Float64Array(4);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    const message = 'writeSafetensors: "w": the buffer of its data is detached';
    expectError(() => writeSafetensors({ w: { shape: [4], data } }), TypeError, message);
  });
});

describe("bytes that are still to come", () => {
  it.each<[string, () => Parameters<typeof receiveBytes>[2]]>([
    ["bytes", () => file],
    ["an ArrayBuffer", () => buffer],
    ["a Blob", () => new Blob([buffer])],
    ["a Response", () => new Response(buffer)],
  ])("%s", async (_, given) => {
    expect(await receiveBytes("test", "source", given())).toEqual(file);
  });

  it("a response that failed, or was read before", async () => {
    await expectRejection(
      receiveBytes("test", "source", new Response("no such file", { status: 404 })),
      TypeError,
      "test: source: expected a response that is ok, got status 404",
    );
    const read = new Response(buffer);
    await read.arrayBuffer();
    await expectRejection(
      receiveBytes("test", "source", read),
      TypeError,
      "test: source: expected bytes, but reading them failed: …",
    );
  });

  it("something else", async () => {
    for (const [value, name] of [
      [undefined, "undefined"],
      [{ arrayBuffer: 1 }, "Object"],
    ] as const) {
      await expectRejection(
        receiveBytes("test", "source", value as never),
        TypeError,
        `test: source: expected Uint8Array or ArrayBuffer, got ${name}`,
      );
    }
    const odd = { arrayBuffer: async () => "text" };
    await expectRejection(
      receiveBytes("test", "source", odd as never),
      TypeError,
      "test: source: expected Uint8Array or ArrayBuffer, got string",
    );
  });
});
