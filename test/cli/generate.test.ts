import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generate, generateMany } from "../../src/generate.js";
import { createEngineSync, loadLanguageModel } from "../../src/index.js";
import { modelFolder, Running, recurra, VOCABULARY } from "../support/command.js";
import { torchFile } from "../support/fixtures.js";
import { root } from "../support/project.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const run = (...options: string[]) => recurra(["generate", ...MODEL, ...options], "", folder);

async function expected(options: object, prompt = "ab") {
  const model = await loadLanguageModel(createEngineSync(), torchFile("tied"), {
    vocabulary: VOCABULARY,
  });
  let text = "";
  for await (const each of generate(model, { prompt, ...options })) text += each.text;
  return text;
}

describe("recurra generate", () => {
  it("prints the prompt and the text of the library, a newline after it", async () => {
    const rule = { maxTokens: 40, temperature: 0.8, topK: 5, topP: 0.9, minP: 0.01, seed: 3 };
    const { status, stdout, stderr } = run(
      ...["--prompt", "ab", "--max-tokens", "40", "--temperature", "0.8", "--top-k", "5"],
      ...["--top-p", "0.9", "--min-p", "0.01", "--seed", "3"],
    );
    expect(stderr).toBe("");
    expect(stdout).toBe(`ab${await expected(rule)}\n`);
    expect(status).toBe(0);
  });

  it("--stop ends before a text, --repetition-penalty counts, --precision f32 is near", async () => {
    const plain = await expected({ maxTokens: 60, repetitionPenalty: 1.2 });
    const options = ["-p", "ab", "--max-tokens", "60", "--repetition-penalty", "1.2"];
    const stops = ["--stop", "no", "--stop", plain.slice(20, 23)];
    const { stdout } = run(...options, ...stops);
    expect(stdout).toBe(`ab${plain.slice(0, plain.indexOf(plain.slice(20, 23)))}\n`);
    expect(run(...options, "--precision", "f32").stdout).toBe(`ab${plain}\n`);
  });

  it("--samples --json: a line for each, with its seed", async () => {
    const model = await loadLanguageModel(createEngineSync(), torchFile("tied"), {
      vocabulary: VOCABULARY,
    });
    const all = await generateMany(model, {
      ...{ prompts: ["ab"], samples: 5, seed: 7, maxTokens: 30, stop: "é" },
    });
    const { status, stdout } = run(
      ...["-p", "ab", "-n", "5", "--seed", "7", "--max-tokens", "30", "--stop", "é", "--json"],
    );
    expect(status).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(
      all.map(({ text, tokens, logProb, reason, stop }, i) => ({
        ...{ sample: i, seed: 7 + i, prompt: "ab", text, tokens: tokens.length, logProb, reason },
        ...(stop === undefined ? {} : { stop }),
      })),
    );
    const plain = run("-p", "ab", "-n", "2", "--seed", "7", "--max-tokens", "30", "--stop", "é");
    expect(plain.stdout).toBe(`ab${all[0]?.text}\n\nab${all[1]?.text}\n`);
  });

  it("the model of the package writes English letters, the same at each run", () => {
    const made = recurra(["generate", "--prompt", "The ship came ", "--max-tokens", "60"]);
    expect(made.stdout).toMatch(/^The ship came [\x20-\x7e\n]{40,}/);
    const again = recurra(["generate", "--prompt", "The ship came ", "--max-tokens", "60"]);
    expect(again).toEqual(made);
  });

  it("control characters of a vocabulary cannot steer the terminal", () => {
    const names = ["a", "\u001b[2J", "\u202e", "\n", " ", "\t", "b"];
    const options = ["--vocabulary", "steering.json", "-p", "a", "--max-tokens", "80"];
    const file = JSON.stringify(Object.fromEntries(names.map((name, id) => [name, id])));
    const { stdout } = recurra(
      ["generate", "--model", "tied.safetensors", ...options],
      "",
      modelFolder({ "steering.json": file }),
    );
    expect(stdout).toContain("\\u{1b}[2J");
    expect(stdout).toContain("\\u{202e}");
    expect(stdout).toMatch(/[\n\t]/);
    for (const steering of ["\u001b", "\u202e"]) expect(stdout).not.toContain(steering);
  });

  it("Ctrl-C ends a long text with a newline and 130", async () => {
    const running = new Running(["generate", "--prompt", "The ", "--max-tokens", "100000000"]);
    await new Promise((resolve) => running.process.stdout.once("data", resolve));
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    expect([status, stderr]).toEqual([130, ""]);
    expect(stdout.endsWith("\n")).toBe(true);
  });
});

describe("what cannot be generated", () => {
  it.each([
    [2, ["--temperature", "-1"], '--temperature: expected a number ≥ 0, got "-1"'],
    [2, ["--top-k", "0"], '--top-k: expected a whole number ≥ 1, got "0"'],
    [2, ["--top-p", "2"], '--top-p: expected a number from 0 to 1, got "2"'],
    [2, ["--max-tokens", "x"], "--max-tokens: expected a whole number from 1"],
    [2, ["--stop", ""], "--stop: expected at least one character"],
    [2, ["--seed", "9007199254740991", "-n", "2"], "--seed: the seeds of the samples go beyond"],
    [1, [], "--prompt: expected a text: the model has no start token to begin with"],
    [
      1,
      ["-p", "aß"],
      '--prompt: "ß" (U+00DF), character 2 of the text, is not in the model\'s vocabulary',
    ],
  ] as const)("exit %d, %o", (code, options, message) => {
    const { status, stdout, stderr } = run(...options);
    expect(stderr).toContain(`recurra: ${message}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect([status, stdout]).toEqual([code, ""]);
  });

  it("exit 2 for an unknown option, 1 for a model without a vocabulary", () => {
    expect(run("--temprature", "1")).toMatchObject({ status: 2, stdout: "" });
    const { status, stderr } = recurra(
      ["generate", "--model", "tied.safetensors", "-p", "ab"],
      "",
      folder,
    );
    expect(status).toBe(1);
    expect(stderr).toBe(
      "recurra: --prompt: a text needs a vocabulary, and the model has none: --vocabulary FILE\n",
    );
  });
});

it("docs/command-line.md describes every option of the command", () => {
  const text = readFileSync(`${root}docs/command-line.md`, "utf8");
  const section = text.slice(
    text.indexOf("## `recurra generate`"),
    text.indexOf("## `recurra inspect"),
  );
  const help = recurra(["generate", "--help"]).stdout;
  const own = ["prompt", "max-tokens", "temperature", "top-k", "top-p", "min-p", "stop", "seed"];
  for (const name of [...own, "repetition-penalty", "samples", "json"]) {
    expect(help).toContain(`--${name}`);
    expect(section).toContain(`--${name}`);
  }
});
