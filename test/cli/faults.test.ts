import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelFolder, recurra } from "../support/command.js";
import { saying } from "../support/errors.js";
import { torchFile } from "../support/fixtures.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
mkdirSync(join(folder, "folder"));
mkdirSync(join(folder, "out.safetensors"));
const write = (name: string, content: string | Uint8Array) =>
  writeFileSync(join(folder, name), content);
write("list.json", '["a", "a"]');
write("wrong.json", '{"a": "b"}');
write("large.json", '{"a": 7}');
write("number.json", "4");
write("broken.json", "{");
const ZIP_ENTRY = Uint8Array.from(
  { length: 30 },
  (_, i) => [80, 75, 3, 4][i] ?? (i === 26 ? 16 : 0),
);
write("model.pt", Buffer.concat([ZIP_ENTRY, Buffer.from("archive/data.pkl")]));
write("weights.h5", Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a));
const DEPTH = 200_000;
const deep = "[".repeat(DEPTH) + "]".repeat(DEPTH);
write("deep_list.json", deep);
write("deep_ids.json", `{"a": ${deep}}`);
write("deep_shards.json", `{"weightsManifest": [{"paths": [${deep}], "weights": []}]}`);
write("twice.json", '{"weightsManifest": [{"paths": ["a.bin", "a.bin"], "weights": []}]}');
write("model.json", '{"weightsManifest": [{"paths": ["../secret.bin"], "weights": []}]}');
write("cut.safetensors", torchFile("tied").subarray(0, 100));
write("model.onnx", "what");
write("lone.safetensors", torchFile("lone"));
write("plain.safetensors", torchFile("tied"));

describe("the input or the model is at fault: exit 1, one line, no trace", () => {
  const rows: [args: string[], input: string | Uint8Array, message: string][] = [
    [
      ["score", ...MODEL],
      "abba\nab😀a\n",
      'stdin:2: "😀" (U+1F600), character 3 of the text, is not in the model\'s vocabulary: map such characters to a token with --unknown TOKEN',
    ],
    [["score", ...MODEL], "é😀", 'stdin:1: "😀" (U+1F600), character 2 …'],
    [["score", ...MODEL], "a\u001bb", 'stdin:1: "\\u{1b}" (U+001B), character 2 …'],
    [
      ["score", ...MODEL],
      Uint8Array.of(97, 10, 0xff, 10),
      "stdin:2: expected text in UTF-8, got other bytes",
    ],
    [["score", ...MODEL, "--format", "csv"], Uint8Array.of(97, 10, 0xff, 10), "stdin:2: …"],
    [["score", "nothing.txt", ...MODEL], "", "nothing.txt: there is no such file"],
    [["score", "folder", ...MODEL], "", "folder: expected a file, got a folder"],
    [["score", "--model", "nothing.safetensors"], "", "nothing.safetensors: …"],
    [["score", "--model", "folder"], "", "folder: …"],
    [
      ["score", "--model", "tied.safetensors"],
      "a",
      "stdin:1: a text needs a vocabulary, and the model has none: --vocabulary FILE",
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "broken.json"],
      "a",
      "broken.json: expected JSON in UTF-8",
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "number.json"],
      "a",
      "number.json: expected a JSON object or list, got 4",
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "wrong.json"],
      "a",
      'wrong.json: expected { token: id } or a list of tokens, got "a": "b"',
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "deep_list.json"],
      "a",
      "deep_list.json: expected { token: id } or a list of tokens, got a list",
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "deep_ids.json"],
      "a",
      'deep_ids.json: expected { token: id } or a list of tokens, got "a": a list',
    ],
    [
      ["inspect", "deep_shards.json"],
      "",
      "deep_shards.json: weightsManifest: expected names of files beside it, got …",
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "list.json"],
      "a",
      'list.json: "a" occurs twice',
    ],
    [
      ["score", "--model", "tied.safetensors", "-v", "large.json"],
      "a",
      'tied.safetensors: …vocabulary: "a": … got 7',
    ],
    [
      ["score", ...MODEL, "--unknown", "zz"],
      "a",
      '--unknown: expected a token of the vocabulary or an id, got "zz"',
    ],
    [["score", ...MODEL, "--unknown", "9"], "a", "tied.safetensors: …unknown: … got 9"],
    [
      ["score", "--quiet", "--model", "lone.safetensors"],
      "a",
      "lone.safetensors: loadLanguageModel: …",
    ],
    [
      ["inspect", "model.pt"],
      "",
      "model.pt: readSafetensors: …got a PyTorch checkpoint…safetensors.torch.save_file…",
    ],
    [["inspect", "weights.h5"], "", "weights.h5: readSafetensors: …got an HDF5 file…"],
    [
      ["inspect", "model.json"],
      "",
      'model.json: weightsManifest: expected names of files beside it, got "../secret.bin"',
    ],
    [
      ["inspect", "twice.json"],
      "",
      'twice.json: weightsManifest: expected names of files beside it, got "a.bin" twice',
    ],
    [["inspect", "cut.safetensors"], "", "cut.safetensors: readSafetensors: …556…92…"],
    [
      ["inspect", "vocabulary.json"],
      "",
      "vocabulary.json: describeTensorflowJs: model.json.modelTopology: …",
    ],
    [
      ["inspect", "plain.safetensors", "--recurrent", "gru"],
      "",
      'plain.safetensors: describeSafetensors: recurrent: … got "gru"',
    ],
    [
      ["inspect", "plain.safetensors", "--output", "rnn"],
      "",
      'plain.safetensors: describeSafetensors: output: … got "rnn"',
    ],
    [
      ["convert", "tied.safetensors", "nowhere/out.safetensors"],
      "",
      "nowhere/out.safetensors: there is no folder nowhere",
    ],
    [["convert", "tied.safetensors", "out.safetensors"], "", "out.safetensors: …"],
  ];

  it.each(rows)("%j, %#", (args, input, message) => {
    const { status, stderr } = recurra(args, input, folder);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(1);
  });

  it("a file named .onnx that is none", () => {
    const { status, stderr } = recurra(["inspect", "model.onnx"], "", folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^recurra: model\.onnx: describeOnnx: .*\n$/);
  });

  it("lines before the faulty one are scored", () => {
    const args = ["score", "--json", ...MODEL];
    const { stdout } = recurra(args, `${"ab\n".repeat(500)}?\nab\n`, folder);
    expect(stdout.trimEnd().split("\n").length).toBe(500);
  });

  it("a conversion that fails leaves no file behind", () => {
    const before = readdirSync(folder).sort();
    recurra(["convert", "tied.safetensors", "out.safetensors"], "", folder);
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});

describe("the command line is at fault: exit 2", () => {
  it.each([
    [["scores"], "error: unknown command 'scores'\n(Did you mean score?)"],
    [["score", "--modell", "x"], "error: unknown option '--modell'\n(Did you mean --model?)"],
    [["score", "a", "b"], "error: too many arguments for 'score'. Expected 1 argument but got 2."],
    [
      ["score", "--precision", "f16"],
      "error: option '--precision <name>' argument 'f16' is invalid. Allowed choices are f64, f32.",
    ],
    [
      ["score", "--format", "tsv"],
      "error: option '-f, --format <name>' argument 'tsv' is invalid. Allowed choices are text, jsonl, csv.",
    ],
    [["score", "--model"], "error: option '-m, --model <file>' argument missing"],
    [["inspect"], "error: missing required argument 'file'"],
    [["convert", "a"], "error: missing required argument 'out'"],
  ])("%j", (args, message) => {
    const { status, stdout, stderr } = recurra(args, "", folder);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(`${message}\n(see --help)\n`);
  });

  it.each([
    [
      ["score", "--field", "x", ...MODEL],
      "--field: lines of text have no fields: pass --format jsonl or csv",
    ],
    [
      ["convert", "tied.safetensors", "out.onnx"],
      "out.onnx: convert writes safetensors: expected a name that ends in .safetensors",
    ],
    [
      ["inspect", "model.onnx", "--recurrent", "rnn"],
      "model.onnx: recurrent: only for safetensors with PyTorch's names",
    ],
  ])("%j", (args, message) => {
    const { status, stderr } = recurra(args, "", folder);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(2);
  });

  it("without a command: the help, on stderr", () => {
    const { status, stdout, stderr } = recurra([]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: recurra [options] [command]");
  });
});
