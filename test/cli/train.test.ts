import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEngineSync, loadTagger } from "recurra";
import { readSafetensors } from "recurra/safetensors";
import { beforeAll, describe, expect, it } from "vitest";
import { recurra, type Said } from "../support/command.js";
import { temporaryFolder } from "../support/project.js";
import { SMALL, TABLE, TEXT } from "./training.js";

const folder = temporaryFolder();
const run = (...args: string[]): Said => recurra(args, "", folder);
const bytes = (name: string): Buffer => readFileSync(join(folder, name));

beforeAll(() => {
  writeFileSync(join(folder, "text.txt"), TEXT);
  writeFileSync(join(folder, "data.csv"), TABLE);
});

describe("recurra train, a text", () => {
  const text = (out: string, ...args: string[]): Said =>
    run("train", "text.txt", "--out", out, "--steps", "30", ...SMALL, ...args);
  let first: Said;

  beforeAll(() => {
    first = text("first.safetensors");
  });

  it("says what was chosen, what is held out, and where the model is", () => {
    const { status, stdout, stderr } = first;
    expect(status).toBe(0);
    expect(stderr.split("\n").slice(0, -1)).toEqual([
      expect.stringMatching(
        /^recurra: text: [\d,]+ characters to learn from, 21 different ones, read as random passages/,
      ),
      "recurra: network: LSTM of 12 units, 1 layer, embedding of 6, dropout 0.1, first weights by fan-in",
      expect.stringMatching(
        /^recurra: training: 30 steps of 4 sequences × 64, adam with rate 0.016, 3 steps of warm-up/,
      ),
      expect.stringMatching(/^recurra: validation: the last 10 % of the data, every \d+ steps$/),
      "recurra: seed 0, weights stored as f32",
      "recurra: run: first.run",
    ]);
    expect(stdout).toMatch(
      /^\d\.\d{3} bits per character of [\d,]+ characters that it has not seen\nfirst\.safetensors: [\d,]+ bytes\n$/,
    );
  });

  it("writes PyTorch's names, and a vocabulary and a start that score reads", () => {
    const { tensors, metadata } = readSafetensors(bytes("first.safetensors"));
    expect([...tensors.keys()].sort()).toEqual([
      "embedding.weight",
      "output.bias",
      "output.weight",
      "recurrent.bias_hh_l0",
      "recurrent.bias_ih_l0",
      "recurrent.weight_hh_l0",
      "recurrent.weight_ih_l0",
    ]);
    expect([...tensors.values()].every(({ dtype }) => dtype === "F32")).toBe(true);
    expect(metadata.get("start")).toBe("\n");
    const lines = "the cat sat on the mat\nzq zq zq zq zq zq zq zq\n";
    const { stdout, stderr } = recurra(
      ["score", "-m", "first.safetensors", "--json"],
      lines,
      folder,
    );
    expect(stderr).toBe("");
    const [good, bad] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).bitsPerToken);
    expect(good).toBeLessThan(bad - 1);
  });

  it("keeps the loss of each step, which falls, and the result", () => {
    const lines = bytes("first.run/history.jsonl").toString().trimEnd().split("\n");
    const history = lines.map((line) => JSON.parse(line));
    expect(history.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(history[29].loss).toBeLessThan(history[0].loss - 0.3);
    expect(history.some(({ validation }) => validation > 0)).toBe(true);
    const { heldOut } = JSON.parse(bytes("first.run/result.json").toString());
    expect(first.stdout.startsWith(heldOut)).toBe(true);
  });

  it("gives the same bytes for the same seed, and others for another", () => {
    const model = bytes("first.safetensors");
    text("same.safetensors", "--checkpoint-every", "7");
    writeFileSync(join(folder, "windows.txt"), `\ufeff${TEXT.replaceAll("\n", "\r\n")}`);
    run("train", "windows.txt", "--out", "windows.safetensors", "--steps", "30", ...SMALL);
    expect(bytes("windows.safetensors").equals(model)).toBe(true);
    text("other.safetensors", "--seed", "2");
    text("drawn.safetensors", "--initialisation", "keras");
    expect(bytes("same.safetensors").equals(model)).toBe(true);
    expect(bytes("same.run/history.jsonl").equals(bytes("first.run/history.jsonl"))).toBe(true);
    expect(bytes("other.safetensors").equals(model)).toBe(false);
    expect(bytes("drawn.safetensors").equals(model)).toBe(false);
  });

  it("--precision f32 computes in float32: losses within 1e-5 of float64's, and --resume asks for it", () => {
    const { status, stderr } = text("single.safetensors", "--precision", "f32");
    expect([status, stderr]).toEqual([0, expect.stringContaining("by fan-in, computed in f32\n")]);
    const lossesOf = (run: string): number[] => {
      const lines = bytes(`${run}/history.jsonl`).toString().trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line).loss);
    };
    const [f64, f32] = [lossesOf("first.run"), lossesOf("single.run")];
    expect(f32).not.toEqual(f64);
    f64.forEach((loss, step) => {
      expect(Math.abs((f32[step] as number) - loss) / loss).toBeLessThan(1e-5);
    });
    const again = text("single.safetensors", "--resume");
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain("network.precision");
    expect(text("single.safetensors", "--resume", "--precision", "f32").stderr).toContain(
      "the run is finished",
    );
  });

  it("words, a text without lines, other cells and optimisers, f16, notes", () => {
    writeFileSync(join(folder, "flat.txt"), TEXT.replaceAll("\n", " "));
    const { status, stdout, stderr } = run(
      ...["train", "flat.txt", "--out", "flat.safetensors", "--steps", "5", ...SMALL],
      ...["--tokens", "words", "--cell", "gru", "--layers", "2", "--optimizer", "adamw"],
      ...["--schedule", "cosine", "--dtype", "f16", "--note", "text=ours=1"],
    );
    expect([status, stderr]).toEqual([0, expect.stringContaining("4 parts side by side")]);
    expect(stdout).toMatch(/bits per character, \d+\.\d{3} bits per token/);
    const { tensors, metadata } = readSafetensors(bytes("flat.safetensors"));
    expect(tensors.get("recurrent.weight_hh_l1")?.dtype).toBe("F16");
    expect(metadata.get("text")).toBe("ours=1");
    expect(metadata.has("start")).toBe(false);
  });

  it("--layer-norm and --residual: a model that scores, generates, and is inspected and reported", () => {
    const { status, stderr } = text(
      ...["normed.safetensors", "--layers", "2", "--embedding", "12", "--layer-norm", "--residual"],
    );
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining(
        "network: LSTM of 12 units, 2 layers, embedding of 12, LayerNorm, residuals, dropout 0.1",
      ),
    ]);
    const { tensors, metadata } = readSafetensors(bytes("normed.safetensors"));
    expect([...tensors.keys()].filter((name) => name.startsWith("norm")).sort()).toEqual([
      ...["norm.0.bias", "norm.0.weight", "norm.1.bias", "norm.1.weight"],
    ]);
    expect(JSON.parse(metadata.get("recurra.network") ?? "").recurrent).toEqual([
      {
        name: "recurrent",
        options: {},
        layerNorm: [{ name: "norm.0" }, { name: "norm.1" }],
        residual: true,
      },
    ]);
    const model = ["-m", "normed.safetensors"];
    const score = recurra(["score", ...model, "--json"], "the cat sat\n", folder);
    expect([score.status, score.stderr]).toEqual([0, ""]);
    expect(JSON.parse(score.stdout).bitsPerToken).toBeLessThan(4);
    const generated = run("generate", ...model, "--prompt", "the c", "--max-tokens", "12");
    expect([generated.status, generated.stdout.startsWith("the c")]).toEqual([0, true]);
    const { parts, memory } = JSON.parse(run("inspect", "normed.safetensors", "--json").stdout);
    expect(parts.map(({ name, what }: { name: string; what: string }) => [name, what])).toEqual([
      ["embedding", "embedding of 21 × 12"],
      ["recurrent", "LSTM 12 → 12, 2 layers, residual"],
      ["norm.0", "LayerNorm of 12"],
      ["norm.1", "LayerNorm of 12"],
      ["output", "linear 12 → 21"],
    ]);
    // h and c of two layers, and the output of the upper one.
    expect(memory.streamF64).toBe(8 * (2 * 24 + 12));
    expect(run("report", "normed.run").status).toBe(0);
    const again = text(
      ...["normed.safetensors", "--layers", "2", "--embedding", "12", "--layer-norm", "--resume"],
    );
    expect(again.stderr).toContain("normed.run is a run with network.residual true");
  });

  it("--resume of a finished run says so; a new run replaces it", () => {
    const again = text("first.safetensors", "--resume");
    expect(again).toEqual({
      status: 0,
      stdout: "",
      stderr: "recurra: first.run: the run is finished: first.safetensors\n",
    });
    expect(text("first.safetensors")).toEqual(first);
  });
});

describe("recurra train, a table", () => {
  it("predicts the next row's number: below the last value's error, with what loadTagger needs", () => {
    const { status, stdout, stderr } = run(
      ...["train", "data.csv", "--target", "price", "--window", "16", "--out", "price.safetensors"],
      ...["--hidden-size", "16", "--epochs", "40"],
    );
    expect(status).toBe(0);
    expect(stderr).toContain("recurra: table: 400 rows; load, price → price 1 row later\n");
    expect(stderr).toContain("recurra: left out, since they hold texts: time, state\n");
    const [, error = "", plain = ""] =
      /^root mean square error ([\d.]+) on 39 rows .* forecast has ([\d.]+)\n/.exec(stdout) ?? [];
    expect(Number(error)).toBeLessThan(Number(plain));
    const { metadata } = readSafetensors(bytes("price.safetensors"));
    expect(JSON.parse(metadata.get("residuals") ?? "").scale.toPrecision(4)).toBe(
      Number(error).toPrecision(4),
    );
    expect(JSON.parse(metadata.get("normalisation") ?? "").mean).toHaveLength(2);
  });

  it("learns the label of a row, which a live stream says", async () => {
    const { status, stdout, stderr } = run(
      ...["train", "data.csv", "--target", "state", "--features", "load,price"],
      ...["--out", "state.safetensors", "--hidden-size", "8", "--epochs", "60", "--patience", "0"],
    );
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("state of the same row, 2 labels"),
    ]);
    const [, right, often] = /^([\d.]+) % .* has ([\d.]+) %/.exec(stdout) ?? [];
    expect(Number(right)).toBeGreaterThan(Number(often) + 10);
    using engine = createEngineSync();
    const tagger = await loadTagger(engine, bytes("state.safetensors"));
    using stream = tagger.stream();
    const rows = TABLE.trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    const labels = rows.map(([, load, price]) => stream.push([Number(load), Number(price)]).label);
    const hits = rows.filter(([, , , state], i) => labels[i] === state).length;
    expect(hits).toBeGreaterThan(0.8 * rows.length);
  });
});

describe("recurra train, tables as they come", () => {
  const OPTIONS = ["--hidden-size", "4", "--steps", "2"];
  const table = (name: string, content: string, ...args: string[]): Said => {
    writeFileSync(join(folder, name), content);
    return run(
      "train",
      name,
      "--target",
      "price",
      "--out",
      "as.safetensors",
      "--overwrite",
      ...OPTIONS,
      ...args,
    );
  };
  const fields = TABLE.trimEnd().split("\n");
  /** The table with the number at a place, rows from 1, replaced. */
  const replaced = (row: number, column: number, field: string): string => {
    const cells = fields.map((line) => line.split(","));
    (cells[row] as string[])[column] = field;
    return cells.map((line) => line.join(",")).join("\n");
  };

  it.each([
    ["semicolons", ";"],
    ["tabs", "\t"],
  ])("finds fields that are separated by %s, and says so", (name, delimiter) => {
    const plain = table("plain.csv", TABLE);
    const model = bytes("as.safetensors");
    const found = table("other.csv", TABLE.replaceAll(",", delimiter));
    expect([plain.status, plain.stderr.includes("separated")]).toEqual([0, false]);
    expect([found.status, found.stdout]).toEqual([0, plain.stdout]);
    expect(found.stderr).toContain(`recurra: fields are separated by ${name}\n`);
    expect(bytes("as.safetensors")).toEqual(model);
  });

  it("--delimiter decides, where a first line leaves it open", () => {
    const { status, stderr } = table(
      "bar.csv",
      TABLE.replaceAll(",", "|").replace("time", "the time, in hours"),
      ...["--delimiter", "|"],
    );
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("load, price → price 1 row later"),
    ]);
  });

  it.each([
    ["", "an empty field"],
    ["NA", '"NA"'],
    ["NaN", '"NaN"'],
  ])("a number that is missing as %j is a fault of the target and of a feature", (field, got) => {
    const expected = `expected a number, as in 399 of 400 rows, got ${got}: pass --missing previous`;
    const target = table("gap.csv", replaced(7, 2, field));
    expect([target.status, target.stderr]).toEqual([
      1,
      expect.stringContaining(`gap.csv: row 7: price: ${expected}`),
    ]);
    const feature = table("gap.csv", replaced(9, 1, field));
    expect([feature.status, feature.stderr]).toEqual([
      1,
      expect.stringContaining(`gap.csv: row 9: load: ${expected}`),
    ]);
    expect(table("gap.csv", replaced(9, 1, field), "--features", "price").status).toBe(0);
  });

  it("--missing previous repeats the row before, and says how often", () => {
    const value = fields[8]?.split(",")[1] as string;
    table("whole.csv", replaced(9, 1, value));
    const model = bytes("as.safetensors");
    const { status, stderr } = table("gap.csv", replaced(9, 1, ""), "--missing", "previous");
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("recurra: missing numbers, taken from the row before: 1 of load\n"),
    ]);
    expect(bytes("as.safetensors")).toEqual(model);
    expect(run("report", "as.run").status).toBe(0);
  });

  it("a number that is none is no label", () => {
    const { status, stderr } = table("comma.csv", replaced(5, 2, "30;5"));
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(
        'comma.csv: row 5: price: expected a number, as in 399 of 400 rows, got "30;5": correct the file',
      ),
    ]);
  });
});

describe("recurra train, errors", () => {
  beforeAll(() => {
    writeFileSync(join(folder, "latin.txt"), Buffer.from([0x61, 0xe9, 0x62]));
    writeFileSync(join(folder, "short.txt"), "too short");
    writeFileSync(join(folder, "uneven.csv"), "a,b\n1,2\n3\n");
    writeFileSync(join(folder, "quote.csv"), 'a,b\n1,2\n"3,4\n');
    writeFileSync(join(folder, "not.json"), "{");
    writeFileSync(join(folder, "empty.json"), "{}");
  });
  const out = ["--out", "none.safetensors"];

  it.each([
    [["text.txt"], 2, /required option '-o, --out <file>' not specified/],
    [
      ["text.txt", "--out", "model.onnx"],
      2,
      /--out: model.onnx: expected a name that ends in .safetensors/,
    ],
    [["text.txt", "--out", "no/m.safetensors"], 1, /there is no folder no/],
    [["none.txt", ...out], 1, /none.txt: there is no such file/],
    [[".", ...out], 1, /expected a file, got a folder/],
    [["latin.txt", ...out], 1, /latin.txt: expected text in UTF-8/],
    [["short.txt", ...out], 1, /expected at least 100 tokens/],
    [["text.txt", ...out, "--window", "8"], 2, /--window: only for a CSV file/],
    [["data.csv", ...out], 2, /pass --target NAME/],
    [["text.txt", ...out, "--missing", "previous"], 2, /--missing: only for a CSV file/],
    [
      ["data.csv", ...out, "--target", "price", "--delimiter", "::"],
      2,
      /--delimiter: expected one character, or tab, got "::"/,
    ],
    [
      ["data.csv", ...out, "--target", "price", "--tokens", "words"],
      2,
      /--tokens: only for a text/,
    ],
    [
      ["data.csv", ...out, "--target", "prize"],
      1,
      /--target: there is no column "prize"; the columns are time, load, price, state/,
    ],
    [
      ["data.csv", ...out, "--target", "price", "--features", "time"],
      1,
      /--features: time: expected numbers in all rows, got "2026-01-01T0"/,
    ],
    [
      ["data.csv", ...out, "--target", "price", "--window", "400"],
      1,
      /expected at least 401 rows for training/,
    ],
    [
      ["uneven.csv", ...out, "--target", "a"],
      1,
      /uneven.csv:3: expected 2 fields, as many as the first line has, got 1\n$/,
    ],
    [
      ["quote.csv", ...out, "--target", "a"],
      1,
      /quote.csv:3: the record that begins here has a quote that is never closed\n$/,
    ],
    [
      ["text.txt", ...out, "--hidden-size", "0"],
      2,
      /--hidden-size: expected a whole number from 1 to 8192, got "0"/,
    ],
    [["text.txt", ...out, "--lr", "fast"], 2, /--lr: expected a number ≥ 0, got "fast"/],
    [["text.txt", ...out, "--cell", "mlp"], 2, /Allowed choices are lstm, gru, rnn/],
    [["text.txt", ...out, "--epochs", "1", "--steps", "1"], 2, /--epochs: --steps decides/],
    [["text.txt", ...out, "--words", "5"], 2, /--words: only with --tokens words/],
    [["text.txt", ...out, "--note", "x"], 2, /--note: expected NAME=TEXT, got "x"/],
    [["text.txt", ...out, "--tokenizer", "not.json"], 1, /not.json: expected JSON/],
    [
      ["text.txt", ...out, "--tokenizer", "empty.json"],
      1,
      /empty.json: expected a tokenizer.json of Hugging Face/,
    ],
    [["text.txt", ...out, "--resume"], 1, /none.run: expected the folder of a run/],
    [
      ["text.txt", "--out", "first.safetensors", "--resume"],
      2,
      /--resume: first.run is a run with network.hiddenSize 12, got 64/,
    ],
    [
      ["text.txt", ...out, "--lr", "1e300", "--clip-norm", "0", "--optimizer", "sgd", ...SMALL],
      1,
      /^recurra: .*(not finite|NaN|Infinity)/m,
    ],
  ])("refuses %j with exit code %i", (args, code, message) => {
    const { status, stdout, stderr } = run("train", ...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("internal error");
    expect([status, stdout]).toEqual([code, ""]);
    expect(existsSync(join(folder, "none.safetensors"))).toBe(false);
  });
});
