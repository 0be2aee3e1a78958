import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEngine, loadLanguageModel, type Tensor } from "recurra";
import { readSafetensors, writeSafetensors } from "recurra/safetensors";
import { describe, expect, it } from "vitest";
import { fileOf } from "../../examples/train/file.js";
import { lossAndGradients, newNetwork, startState } from "../../examples/train/network.js";
import { Passages } from "../../examples/train/passages.js";
import { mulberry32 } from "../../examples/train/random.js";
import { prepare, split } from "../../examples/train/text.js";
import { CHARACTERS, encode, START, UNKNOWN } from "../../examples/train/vocabulary.js";
import { root, temporaryFolder } from "../support/project.js";

const folder = temporaryFolder();

function train(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/example.mjs", "train", ...options],
    { cwd: root, encoding: "utf8" },
  );
  return { status, stdout, stderr };
}

/** Trains a small model on this repository's prose; gives what was said and the file's bytes. */
function quick(name: string, ...options: string[]) {
  const out = join(folder, name);
  const texts = ["README.md", "docs/numerics.md", "docs/performance.md"];
  const given = texts.flatMap((text) => ["--text", text]);
  const said = train(...given, "--hidden", "24", "--out", out, ...options);
  return { ...said, file: readFileSync(out) };
}

describe("npm run train", () => {
  const first = quick("first.safetensors", "--steps", "200");

  it("learns: the loss falls from that of equally likely characters, on unseen text too", () => {
    const nats = [...first.stderr.matchAll(/([\d.]+) nats per character/g)].map(([, each]) =>
      Number(each),
    );
    expect(nats).toHaveLength(10);
    expect(nats[0]).toBeLessThan(Math.log(CHARACTERS.length) + 0.1);
    expect(nats[9]).toBeLessThan(3.6);
    expect(Number(/^([\d.]+) bits per character/m.exec(first.stdout)?.[1])).toBeLessThan(5);
  });

  it("writes PyTorch's names, and says where the model comes from", () => {
    const { tensors, metadata } = readSafetensors(first.file);
    const shapes = [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`);
    expect(shapes.sort()).toEqual([
      "decoder.bias F16 97",
      "decoder.weight F16 97,24",
      "embedding.weight F16 97,32",
      "lstm.bias_hh_l0 F16 96",
      "lstm.bias_ih_l0 F16 96",
      "lstm.weight_hh_l0 F16 96,24",
      "lstm.weight_ih_l0 F16 96,32",
    ]);
    const vocabulary = JSON.parse(metadata.get("vocabulary") ?? "");
    expect(vocabulary).toMatchObject({ "\n": 0, " ": 1, "~": 95, "\ufffd": 96 });
    expect(metadata.get("command")).toBe("npm run train -- --steps 200 --hidden 24 --seed 1");
    expect(metadata.get("heldOut")).toMatch(/^\d\.\d{3} bits per character of [\d,]+ that/);
  });

  it("gives the same bytes for the same seed, and others for another", () => {
    const [one, same, other] = [
      quick("one.safetensors", "--steps", "4"),
      quick("same.safetensors", "--steps", "4"),
      quick("other.safetensors", "--steps", "4", "--seed", "2"),
    ];
    expect(same.file.equals(one.file)).toBe(true);
    expect(other.file.equals(one.file)).toBe(false);
  });

  it("explains itself", () => {
    const { status, stdout } = train("--help");
    expect(status).toBe(0);
    expect(stdout).toContain("--text");
  });

  it.each([
    [["--steps", "0"], '--steps: expected a whole number in 1 … 1000000, got "0"'],
    [["--hidden", "many"], 'got "many"'],
    [["--speed", "1"], "--speed"],
    [["my.txt"], "my.txt"],
    [["--text", "no/such/file.txt"], "no/such/file.txt"],
    [["--text", "biome.json"], "a line that 513 characters follow"],
  ])("refuses %j with exit code 2", (options, message) => {
    const { status, stdout, stderr } = train(...options, "--out", join(folder, "none"));
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });
});

it("a reloaded file scores what the trained network does, to 1e-12 nats a character", async () => {
  using engine = await createEngine();
  const network = newNetwork({ nx: 5, na: 7 }, mulberry32(3));
  // What float16 holds: only then can both agree.
  for (const { data } of Object.values<Tensor>({ ...network })) {
    const stored = writeSafetensors({ t: { shape: [data.length], data, dtype: "F16" } });
    data.set(readSafetensors(stored).tensors.get("t")?.data ?? []);
  }
  const text = "A line, and how it ends.";
  const row = encode(START + text);
  const { loss } = lossAndGradients(engine, network, [row], startState(network, 1));
  const model = await loadLanguageModel(engine, fileOf(network, {}));
  const [score] = model.scoreSync([text]);
  expect(score?.tokens).toBe(text.length);
  expect(Math.abs((score?.logProb ?? 0) / text.length + loss)).toBeLessThan(1e-12);
});

describe("the text", () => {
  const prose =
    'He said “no”—twice.  Mr. Bell\nleft in 1912. She\u2019d stay. "Why?" Ask!\n\n \nThe end.';

  it("has quotes and dashes as in ASCII, a paragraph on a line, and a line's end after every other sentence", () => {
    const whole = prepare(prose, () => 0.9);
    expect(whole).toBe(
      'He said "no"--twice. Mr. Bell left in 1912. She\'d stay. "Why?" Ask!\nThe end.\n',
    );
    expect(prepare(prose, () => 0.1).split("\n")).toEqual([
      'He said "no"--twice.',
      "Mr. Bell left in 1912.",
      "She'd stay.",
      '"Why?"',
      "Ask!",
      "The end.",
      "",
    ]);
  });

  it("keeps back the last lines of every text, and loses no character", () => {
    const texts = [`${"a line\n".repeat(50)}`, `${"another\n".repeat(30)}`];
    const { seen, unseen } = split(texts);
    expect(unseen).toBe(`${"a line\n".repeat(3)}${"another\n".repeat(2)}`);
    expect(seen.length + unseen.length).toBe(texts.join("").length);
  });

  it("gives a character without a place of its own the unknown one's", () => {
    expect([...encode("a\u00e9\u{1f600}\n")].map((id) => CHARACTERS[id])).toEqual([
      "a",
      UNKNOWN,
      UNKNOWN,
      START,
    ]);
  });

  it("is read in passages that begin where a line does", () => {
    const ids = encode("\nab\ncdef\ngh");
    const drawn = new Passages(ids, 5, mulberry32(1)).draw(40);
    const found = drawn.map((passage) => [...passage].map((id) => CHARACTERS[id]).join(""));
    expect([...new Set(found)].sort()).toEqual(["\nab\nc", "\ncdef"]);
    expect(() => new Passages(ids, 12, mulberry32(1))).toThrow(RangeError);
  });
});
