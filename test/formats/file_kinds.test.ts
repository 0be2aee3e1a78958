import { gzipSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import {
  ModelFormatError,
  readSafetensors,
  writeSafetensors,
} from "../../src/formats/safetensors.js";
import { createEngineSync, loadLanguageModel, loadTagger } from "../../src/index.js";
import { describeOnnx } from "../../src/onnx.js";
import { expectError, expectRejection } from "../support/errors.js";
import { archive, hdf5, sequential } from "../support/keras.js";
import { model } from "./onnx/writer.js";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const zip = (name: string): Uint8Array => zipSync({ [name]: new Uint8Array(8) }, { level: 0 });
const engine = createEngineSync();

const weights = hdf5({});
const kinds = {
  keras: ["a Keras model (.keras); describeKeras…", archive({ config: sequential([]), weights })],
  hdf5: ["an HDF5 file (.h5); describeKeras…", weights],
  checkpoint: [
    "a PyTorch checkpoint (.pt, .pth); …safetensors.torch.save_file…",
    zip("m/data.pkl"),
  ],
  pickle: [
    "a pickle; …safetensors.torch.save_file…",
    Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc),
  ],
  numpy: ["a NumPy archive (.npz)", zip("w.npy")],
  zip: ["a zip archive", zip("readme.txt")],
  onnx: ["an ONNX model; describeOnnx…", model({ nodes: [], inputs: [], outputs: [] })],
  gzip: ["gzip data; decompress it first", gzipSync(new Uint8Array(40))],
  json: ["JSON; describeTensorflowJs…", text('{"format":"layers-model"}')],
  "json with a mark": ["JSON; …", text("\ufeff [1, 2, 3, 4]")],
  html: ["an HTML page; check the address…", text("<!DOCTYPE html><html>")],
  pointer: ["a Git LFS pointer; …", text("version https://git-lfs.github.com/spec/v1\n")],
  gguf: ["a GGUF file", text("GGUF\u0003\0\0\0\0\0\0\0")],
} as const;
const safetensors = writeSafetensors({ w: { shape: [1], data: Float32Array.of(1) } });

describe("files of other kinds are named by their content", () => {
  it.each(Object.entries(kinds))("%s, read as safetensors", async (_, [message, bytes]) => {
    const said = `readSafetensors: expected a safetensors file, got ${message}`;
    expectError(() => readSafetensors(bytes), ModelFormatError, said);
    await expectRejection(loadLanguageModel(engine, bytes), ModelFormatError, said);
    await expectRejection(loadTagger(engine, bytes), ModelFormatError, said);
  });

  it("a safetensors file, read as ONNX", () => {
    const message =
      "describeOnnx: expected an ONNX model, got a safetensors file; readSafetensors…";
    expectError(() => describeOnnx(safetensors), ModelFormatError, message);
  });

  it("bytes of no known kind break a rule as before", () => {
    expect(() => readSafetensors(new Uint8Array(7))).toThrow("expected a file of ≥ 8 bytes, got 7");
    expect(() => readSafetensors(safetensors)).not.toThrow();
    const cut = safetensors.slice(0, -40);
    expect(() => readSafetensors(cut)).toThrow(/expected a header of \d+ bytes, got \d+/);
  });
});
