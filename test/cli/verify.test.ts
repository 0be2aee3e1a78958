import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recurra } from "../support/command.js";
import { saying } from "../support/errors.js";
import { fixtureText } from "../support/fixtures.js";
import { temporaryFolder } from "../support/project.js";
import { caseBytes } from "../support/verify_cases.js";

const folder = temporaryFolder();
const NAMES = ["steps", "mean", "deep-head", "residual", "layer-norm", "stated", "language-log"];
for (const name of NAMES) {
  writeFileSync(join(folder, `${name}.safetensors`), caseBytes(name));
  writeFileSync(join(folder, `${name}.json`), fixtureText(`verify/${name}.json`));
}
writeFileSync(join(folder, "broken.json"), "{");
writeFileSync(join(folder, "list.json"), "[1]");

const verify = (name: string, ...options: string[]) =>
  recurra(["verify", `${name}.safetensors`, "--against", `${name}.json`, ...options], "", folder);

describe("recurra verify", () => {
  it("a model that agrees: exit 0, the worst number, and once on stderr what is assumed", () => {
    const { status, stdout, stderr } = verify("steps");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^passed: 30 numbers of 3 sequences, tolerance 0\.0001, largest error \d\.\d\de-8\nworst: sequence \d, step \d, column \d: expected -?[\d.]+, found -?[\d.]+\n$/,
    );
    const [head, ...lines] = stderr.trimEnd().split("\n");
    expect(head).toBe(
      "recurra: steps.safetensors: the file does not say, and it is assumed (recurra verify compares):",
    );
    expect(lines.map((line) => /^ {2}(\w+): /.exec(line)?.[1])).toEqual([
      ...["network", "network", "network"],
      ...["input", "output", "activation"],
    ]);
  });

  it("a file that states its architecture: nothing on stderr, nor with --quiet for others", () => {
    expect(verify("stated")).toMatchObject({ status: 0, stderr: "" });
    expect(verify("steps", "--quiet")).toMatchObject({ status: 0, stderr: "" });
  });

  it("--tolerance below the error: exit 1", () => {
    const { status, stdout } = verify("steps", "--quiet", "--tolerance", "1e-12");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^failed: .*tolerance 1e-12.*\nworst: .*\n$/);
  });

  it("--json", () => {
    const { status, stdout } = verify("mean", "--quiet", "--json", "--pooling", "mean");
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      ...{ file: "mean.safetensors", passed: true, tolerance: 1e-4, sequences: 3, elements: 6 },
      worst: { column: expect.any(Number), error: expect.any(Number) },
    });
    expect(result.worst.error).toBeLessThan(1e-6);
    expect(result.assumptions).toHaveLength(5);
  });

  it.each([
    [
      "residual",
      [],
      1,
      'residual.safetensors: …"lstm1" and "lstm2"…pass --no-residual if…openGraph…',
    ],
    [
      "residual",
      ["--no-residual"],
      1,
      "residual.safetensors: loadTagger: output: …pass --pooling steps, last, mean or max, …",
    ],
    [
      "mean",
      [],
      1,
      "mean.json: verifyModel: reference.outputs[0]: … got (2,); …load it with --pooling last, mean or max if…",
    ],
    [
      "steps",
      ["--pooling", "max"],
      1,
      "steps.json: verifyModel: …load it with --pooling steps if…",
    ],
    ["deep-head", [], 1, "deep-head.safetensors: …pass --output fc1:relu,fc2 with…"],
    [
      "deep-head",
      ["--output", "fc1,fc2"],
      1,
      'deep-head.safetensors: …which activation follows "fc1": pass --output fc1:relu,… …',
    ],
    [
      "deep-head",
      ["--output", "fc1:rely,fc2"],
      2,
      "--output: fc1: activation: expected one of softmax, …relu…, got rely",
    ],
    [
      "layer-norm",
      [],
      1,
      "layer-norm.safetensors: …openGraph…--ignore-others leaves them out, and the outputs are wrong unless…",
    ],
    ["steps", ["--against", "broken.json"], 1, "broken.json: expected JSON in UTF-8"],
    ["steps", ["--against", "nothing.json"], 1, "nothing.json: there is no such file"],
    [
      "steps",
      ["--against", "list.json"],
      1,
      'list.json: verifyModel: reference: unknown option "0": …',
    ],
    ["steps", ["--tolerance", "-1"], 2, "--tolerance: expected a number ≥ 0, got -1"],
  ] as const)("%s %j: exit %i, one line", (name, options, code, message) => {
    const { status, stdout, stderr } = verify(name, "--quiet", ...options);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect([status, stdout]).toEqual([code, ""]);
  });

  it.each([
    ["residual", ["--no-residual", "--pooling", "steps"], 1],
    ["layer-norm", ["--ignore-others"], 1],
    ["deep-head", ["--output", "fc1:relu,fc2", "--pooling", "steps"], 0],
    ["deep-head", ["--output", "fc1:identity,fc2", "--pooling", "steps"], 1],
    ["language-log", ["--activation", "logSoftmax"], 0],
    ["language-log", ["--activation", "softmax"], 1],
  ] as const)("%s %j: exit %i and a report", (name, options, code) => {
    const { status, stdout, stderr } = verify(name, "--quiet", ...options);
    expect([status, stderr]).toEqual([code, ""]);
    expect(stdout).toMatch(code === 0 ? /^passed: / : /^failed: /);
  });
});

describe("what the other commands say", () => {
  it("convert keeps what is assumed, and holds what was decided", () => {
    const from = ["convert", "mean.safetensors"];
    recurra([...from, "open.safetensors"], "", folder);
    recurra([...from, "closed.safetensors", "--pooling", "mean"], "", folder);
    const [before, open, closed] = ["mean", "open", "closed"].map((name) => {
      const { stdout } = recurra(["inspect", `${name}.safetensors`, "--json"], "", folder);
      return JSON.parse(stdout);
    });
    expect(before.assumptions).toHaveLength(6);
    expect(open.assumptions).toEqual(before.assumptions);
    expect([open.output, closed.output]).toEqual(["steps", "mean"]);
    const rest = before.assumptions.filter((each: string) => !each.startsWith("output: "));
    expect(closed.assumptions).toEqual(rest);
    const text = recurra(["inspect", "closed.safetensors"], "", folder);
    expect(text.stderr).toBe("");
    expect(text.stdout).toMatch(/\noutput {4}of the mean over the steps\n/);
    expect(text.stdout).toMatch(/\nassumed {3}network: It is "gru" and "head", .*\n {10}network: /);
  });
});
