import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.js";
import { modelFolder, read, recurra, VOCABULARY } from "../support/command.js";
import { root } from "../support/project.js";

const folder = modelFolder();
const run = (...args: string[]) => recurra(args, "abba\n", folder);
copyFileSync(`${root}test/fixtures/keras/h5py.keras`, join(folder, "h5py.keras"));
const TFJS = `${root}test/fixtures/tensorflowjs/lstm-hard-sigmoid-last/model.json`;

describe("inspect", () => {
  it("layers, shapes, parameters, memory and metadata", () => {
    const { status, stdout, stderr } = run("inspect", "model.safetensors");
    const sha256 = createHash("sha256").update(read(folder, "model.safetensors")).digest("hex");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.replace(sha256, "SHA256")).toMatchSnapshot();
  });

  it("a weight that is used twice counts once; each option is named", () => {
    const tied = JSON.parse(run("inspect", "tied.safetensors", "--json").stdout);
    expect(tied.parts.map(({ parameters }: { parameters: number }) => parameters)).toEqual([
      28, 120, 7,
    ]);
    expect(tied.memory.streamF64).toBe(8 * 4);
    const { parts, output } = JSON.parse(run("inspect", TFJS, "--json").stdout);
    expect(output).toBe("last");
    expect(parts.map(({ what }: { what: string }) => what)).toEqual([
      "embedding of 9 × 3",
      "LSTM 3 → 5, hardSigmoid(0.2, 0.5), tanh, tanh",
      "linear 5 → 2, sigmoid",
    ]);
  });

  it("--json", () => {
    const { stdout } = run("inspect", "model.safetensors", "--json");
    const { sha256, ...rest } = JSON.parse(stdout);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(rest).toMatchObject({
      file: "model.safetensors",
      format: "safetensors",
      bytes: read(folder, "model.safetensors").length,
      parameters: 35 + 1584 + 91,
      output: "steps",
      memory: { f64: 8 * 1710, f32: 4 * 1710, streamF64: null },
      metadata: { format: "pt" },
    });
    expect(rest.parts[1]).toMatchObject({
      name: "lstm",
      options: { cell: "lstm", layers: 2, bidirectional: true },
      weights: { weight_ih_l1_reverse: [24, 12] },
    });
  });

  it("--input says whether a network without an embedding takes features or tokens", () => {
    const zeros = (...shape: number[]) => ({
      shape,
      data: new Float32Array(shape.reduce((size, extent) => size * extent, 1)),
    });
    const tensors = {
      "rnn.weight_ih_l0": zeros(4, 3),
      "rnn.weight_hh_l0": zeros(4, 4),
      "rnn.bias_ih_l0": zeros(4),
      "rnn.bias_hh_l0": zeros(4),
      "decoder.weight": zeros(3, 4),
    };
    writeFileSync(join(folder, "either.safetensors"), writeSafetensors(Object.entries(tensors)));
    const inputOf = (...args: string[]) =>
      JSON.parse(run("inspect", "either.safetensors", "--json", ...args).stdout).parts[0].what;
    expect(inputOf()).toBe("one-hot input of 3");
    expect(inputOf("--input", "features")).toBe("features input of 3");
    expect(inputOf("--input", "one-hot")).toBe("one-hot input of 3");
    run("convert", "either.safetensors", "decided.safetensors", "--input", "features");
    const { status, stderr } = run("score", "--model", "decided.safetensors");
    expect(status).toBe(1);
    expect(stderr).toMatch(/expected tokens as input, got 3 numbers a step\n$/);
  });

  it("metadata with control characters cannot steer the terminal", () => {
    const { tensors } = readSafetensors(read(folder, "tied.safetensors"));
    const metadata = { "decoder.weight": "encoder.weight", "k\u001b]0;x": "v\u001b[2J" };
    writeFileSync(join(folder, "steers.safetensors"), writeSafetensors(tensors, metadata));
    const { stdout } = run("inspect", "steers.safetensors");
    expect(stdout).toContain("k\\u{1b}]0;x: v\\u{1b}[2J");
    expect(stdout).not.toContain("\u001b");
  });
});

describe("convert", () => {
  it("PyTorch's names stay, and a file that has them already keeps its bytes", () => {
    const { status, stdout, stderr } = run(
      "convert",
      "--quiet",
      "model.safetensors",
      "same.safetensors",
    );
    const { tensors, metadata } = readSafetensors(read(folder, "model.safetensors"));
    const wanted = Buffer.from(writeSafetensors(tensors, metadata));
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      `same.safetensors: ${wanted.length.toLocaleString("en")} bytes, from safetensors\n`,
    );
    expect(read(folder, "same.safetensors").equals(wanted)).toBe(true);
    run("convert", "same.safetensors", "again.safetensors");
    expect(read(folder, "again.safetensors").equals(wanted)).toBe(true);
    // A file may be converted in place; no temporary file stays.
    run("convert", "again.safetensors", "again.safetensors");
    expect(read(folder, "again.safetensors").equals(wanted)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("a file that is replaced keeps its mode", () => {
    for (const mode of [0o600, 0o640, 0o444]) {
      const path = join(folder, `mode-${mode}.safetensors`);
      writeFileSync(path, "old");
      chmodSync(path, mode);
      expect(run("convert", "model.safetensors", path).status).toBe(0);
      expect(statSync(path).mode & 0o777).toBe(mode);
      expect(read(folder, `mode-${mode}.safetensors`).length).toBeGreaterThan(3);
    }
  });

  it.each(["there.safetensors", "missing.safetensors"])(
    "a symbolic link stays one, and its target is written: %s",
    (target) => {
      const other = join(folder, `target-of-${target}`);
      mkdirSync(other);
      if (target.startsWith("there")) writeFileSync(join(other, target), "old", { mode: 0o600 });
      const link = join(folder, `link-to-${target}`);
      const middle = join(other, "middle.safetensors");
      symlinkSync(target, middle);
      symlinkSync(`target-of-${target}/middle.safetensors`, link);
      expect(run("convert", "model.safetensors", link).status).toBe(0);
      expect(readlinkSync(link)).toBe(`target-of-${target}/middle.safetensors`);
      expect(lstatSync(middle).isSymbolicLink()).toBe(true);
      expect(lstatSync(join(other, target)).isFile()).toBe(true);
      const wanted = run("convert", "model.safetensors", "plain.safetensors");
      expect(wanted.status).toBe(0);
      expect(readFileSync(link).equals(read(folder, "plain.safetensors"))).toBe(true);
      expect(readdirSync(other).sort()).toEqual(["middle.safetensors", target].sort());
    },
  );

  it("a circle of links is an error, and nothing is written", () => {
    symlinkSync("circle.safetensors", join(folder, "circle.safetensors"));
    const { status, stderr } = run("convert", "--quiet", "model.safetensors", "circle.safetensors");
    expect([status, stderr]).toEqual([
      1,
      "recurra: circle.safetensors: the path has too many symbolic links\n",
    ]);
  });

  it("--vocabulary stores one in the file, so that scoring needs no other", () => {
    run("convert", "tied.safetensors", "whole.safetensors", "--vocabulary", "vocabulary.json");
    const { metadata } = readSafetensors(read(folder, "whole.safetensors"));
    expect(JSON.parse(metadata.get("vocabulary") as string)).toEqual(VOCABULARY);
    const whole = run("score", "--json", "--model", "whole.safetensors");
    const apart = run("score", "--json", "-m", "tied.safetensors", "-v", "vocabulary.json");
    expect(whole).toEqual(apart);
    expect(whole.status).toBe(0);
  });

  it("the options for a PyTorch file are stored in the new file", () => {
    const { tensors } = readSafetensors(read(folder, "tied.safetensors"));
    const weight = tensors.get("encoder.weight");
    const renamed = [...tensors]
      .filter(([name]) => !/^(en|de)coder/.test(name))
      .concat(
        weight
          ? [
              ["a.weight", weight],
              ["b.weight", { ...weight, data: weight.data.map((x) => -x) }],
            ]
          : [],
      );
    writeFileSync(join(folder, "open.safetensors"), writeSafetensors(renamed));
    const open = run("inspect", "open.safetensors");
    expect(open.status).toBe(1);
    expect(open.stderr).toMatch(/by the options embedding and output\n$/);
    run("convert", "open.safetensors", "said.safetensors", "--embedding", "b", "--output", "a");
    const parts = JSON.parse(run("inspect", "said.safetensors", "--json").stdout).parts;
    expect(parts.map(({ name }: { name: string }) => name)).toEqual(["b", "rnn", "a"]);
  });

  it("an ONNX model and its conversion score with the same bits", () => {
    const chains = JSON.parse(readFileSync(`${root}test/fixtures/onnx/chains.json`, "utf8"));
    writeFileSync(join(folder, "chain.onnx"), Buffer.from(chains[0].model, "base64"));
    run("convert", "chain.onnx", "chain.safetensors");
    const args = ["score", "--quiet", "--json", "--per-token", "--format", "jsonl", "--model"];
    const [onnx, own] = ["chain.onnx", "chain.safetensors"].map((name) =>
      recurra([...args, name], "[0,1,2,3,2,1]\n[6,5,4]\n", folder),
    );
    expect(onnx?.status).toBe(0);
    expect(onnx?.stdout.split("\n").length).toBe(3);
    expect(own).toEqual(onnx);
  });

  it.each([
    ["h5py.keras", "keras"],
    ["chain.onnx", "onnx"],
    ["tied.safetensors", "safetensors"],
  ])("%s under another name is recognised by its content", (file, format) => {
    copyFileSync(join(folder, file), join(folder, "download"));
    const { status, stdout } = run("inspect", "download", "--json");
    expect([status, JSON.parse(stdout).format]).toEqual([0, format]);
  });

  it.each([
    ["h5py.keras", "keras"],
    [TFJS, "tensorflow.js"],
  ])("%s: the same network as safetensors", (file, format) => {
    const { status, stdout } = run("convert", file, "converted.safetensors");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^converted\\.safetensors: [\\d,]+ bytes, from ${format}\\n$`),
    );
    const before = JSON.parse(run("inspect", file, "--json").stdout);
    const after = JSON.parse(run("inspect", "converted.safetensors", "--json").stdout);
    const what = (all: { parts: { what: string }[] }) => all.parts.map((part) => part.what);
    expect(what(after)).toEqual(what(before));
    expect([after.output, after.metadata]).toEqual([before.output, before.metadata]);
    expect(after.format).toBe("safetensors");
  });
});
