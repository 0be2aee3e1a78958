import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Score } from "../../src/index.js";
import { modelFolder, recurra, scores } from "../support/command.js";
import { saying } from "../support/errors.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const TEXTS = ["abba", "", "a", 'dé "cab" é', "bad cab"];
writeFileSync(join(folder, "lines.txt"), `${TEXTS.join("\n")}\n`);

const run = (args: string[], input?: string | Uint8Array) =>
  recurra(["score", ...args, ...MODEL], input, folder);
const objects = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
/** The line of JSON for a score; NaN is null. */
const lineOf = ({ tokenLogProbs: _, ...score }: Score, line: number) =>
  JSON.parse(JSON.stringify({ line, ...score }));

describe("score", () => {
  it("a file, as JSON lines: in order, the same bits as the package's own", async () => {
    const wanted = (await scores(TEXTS)).map((score, i) => lineOf(score, i + 1));
    const { status, stdout, stderr } = run(["lines.txt", "--json"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(objects(stdout)).toEqual(wanted);
  });

  it("standard input, by - or without an argument; with \\r\\n, a byte order mark, no newline at the end", async () => {
    const wanted = (await scores(TEXTS)).map((score, i) => lineOf(score, i + 1));
    for (const args of [["-"], []]) {
      const { status, stdout } = run([...args, "--json"], `\ufeff${TEXTS.join("\r\n")}`);
      expect(status).toBe(0);
      expect(objects(stdout)).toEqual(wanted);
    }
  });

  it("--precision f32 has f32's bits; f64 is the default", async () => {
    const wanted = (await scores(TEXTS, "f32")).map((score, i) => lineOf(score, i + 1));
    expect(objects(run(["lines.txt", "--json", "--precision", "f32"]).stdout)).toEqual(wanted);
    const f64 = run(["lines.txt", "--json", "--precision", "f64"]).stdout;
    expect(f64).toBe(run(["lines.txt", "--json"]).stdout);
    expect(objects(f64)).not.toEqual(wanted);
  });

  it("--per-token adds each token's log-probability", async () => {
    const wanted = (await scores(TEXTS)).map(({ tokenLogProbs }) => [...tokenLogProbs]);
    const { stdout } = run(["lines.txt", "--json", "--per-token"]);
    expect(objects(stdout).map(({ tokenLogProbs }) => tokenLogProbs)).toEqual(wanted);
  });

  it("as a table, with a sum", async () => {
    const { status, stdout } = run(["lines.txt"]);
    const number = (x: number) => (Number.isNaN(x) ? "–" : x.toFixed(4));
    const all = await scores(TEXTS);
    const line = (score: Omit<Score, "tokenLogProbs">, text: string) =>
      [
        number(score.logProb).padStart(14),
        number(score.perplexity).padStart(12),
        number(score.bitsPerToken).padStart(11),
        `${String(score.tokens).padStart(9)}  ${text}`,
      ].join("");
    const logProb = all.reduce((sum, score) => sum + score.logProb, 0);
    const tokens = all.reduce((sum, score) => sum + score.tokens, 0);
    const mean = -logProb / tokens;
    const sum = { logProb, tokens, perplexity: Math.exp(mean), bitsPerToken: mean / Math.LN2 };
    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        "      log-prob  perplexity bits/token   tokens  text",
        ...all.map((score, i) => line(score, TEXTS[i] as string)),
        line(sum, "total: 5 lines"),
        "",
      ].join("\n"),
    );
  });

  it("as a table with --per-token: a line for each token that was scored, by its name", async () => {
    const { stdout } = run(["--per-token"], 'a"é');
    const [score] = await scores(['a"é']);
    const [first, second] = [...(score as Score).tokenLogProbs].map((x) =>
      x.toFixed(4).padStart(14),
    );
    expect(stdout.split("\n").slice(2, 4)).toEqual([`${first}  "\\""`, `${second}  "é"`]);
  });

  it("no lines at all: an empty table, or nothing", () => {
    expect(run([], "").stdout).toBe(
      "      log-prob  perplexity bits/token   tokens  text\n        0.0000           –          –        0  total: 0 lines\n",
    );
    expect(run(["--json"], "")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("a text with control characters cannot steer the terminal; a long one is cut", () => {
    const steered = run(["--unknown", "a"], "\u001b[31mred\u001b[0m \u202e ab");
    expect(steered.stdout).toContain("\\u{1b}[31mred\\u{1b}[0m \\u{202e} ab");
    expect(steered.stdout).not.toContain("\u001b");
    expect(run([], "ab".repeat(100)).stdout).toContain(`${"ab".repeat(29)}a…\n`);
  });

  it("--unknown, by token or by id, counts as that token; a token comes first", async () => {
    const [wanted] = (await scores(["abcab"])).map((score) => lineOf(score, 1));
    for (const unknown of ["c", "2"]) {
      expect(objects(run(["--json", "--unknown", unknown], "ab😀ab").stdout)).toEqual([wanted]);
    }
    const digits = { 0: 1, 1: 0, a: 2 };
    writeFileSync(join(folder, "digits.json"), JSON.stringify(digits));
    const model = ["score", "--model", "tied.safetensors", "--vocabulary", "digits.json", "--json"];
    const as = (text: string) => recurra([...model, "--unknown", "0"], text, folder).stdout;
    expect(as("a?a")).toBe(as("a0a"));
  });

  it("a vocabulary may be a list", async () => {
    writeFileSync(join(folder, "list.json"), JSON.stringify(["a", "b", "c", "d", " ", '"', "é"]));
    const args = ["score", "--json", "--model", "tied.safetensors", "--vocabulary", "list.json"];
    const [wanted] = (await scores(["abba"])).map((score) => lineOf(score, 1));
    expect(objects(recurra(args, "abba", folder).stdout)).toEqual([wanted]);
  });

  it("10,000 lines are printed in order, each once", async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => "abcd".repeat(1 + (i % 7)).slice(i % 4));
    const { stdout } = run(["--json"], many.join("\n"));
    const got = objects(stdout);
    expect(got.map(({ line }) => line)).toEqual(many.map((_, i) => i + 1));
    const wanted = (await scores(many)).map((score, i) => lineOf(score, i + 1));
    expect(got).toEqual(wanted);
  });
});

describe("JSONL", () => {
  const lines = [
    '{"id": 1, "text": "abba", "body": "bad"}',
    "",
    '"cab"',
    "[0, 1, 1, 0]",
    '{"text": [3, 2], "body": "dab"}',
  ].join("\n");
  writeFileSync(join(folder, "lines.jsonl"), lines);

  it("objects, texts and ids; empty lines are skipped; by the file's name or --format", async () => {
    const all = await scores(["abba", "cab", "abba", "dc"]);
    const wanted = all.map((score, i) => lineOf(score, [1, 3, 4, 5][i] as number));
    expect(objects(run(["lines.jsonl", "--json"]).stdout)).toEqual(wanted);
    expect(objects(run(["--json", "--format", "jsonl"], lines).stdout)).toEqual(wanted);
  });

  it("--field", async () => {
    const input = '{"body": "bad"}\n{"body": "dab"}';
    const wanted = (await scores(["bad", "dab"])).map((score, i) => lineOf(score, i + 1));
    const { stdout } = run(["--json", "--format", "jsonl", "--field", "body"], input);
    expect(objects(stdout)).toEqual(wanted);
  });

  it("ids need no vocabulary", async () => {
    const args = ["score", "--json", "--format", "jsonl", "--model", "tied.safetensors"];
    const [wanted] = (await scores(["abba"])).map((score) => lineOf(score, 1));
    expect(objects(recurra(args, "[0,1,1,0]", folder).stdout)).toEqual([wanted]);
  });

  it.each([
    ["{", [], "stdin:1: expected JSON, got {"],
    ['"a"\nab', [], "stdin:2: …"],
    ["null", [], "stdin:1: expected a text or a list of ids, got null"],
    ["[0.5]", [], "stdin:1: …"],
    ["[7]", [], "stdin:1: expected ids in 0 … 6, got 7"],
    ["[-1]", [], "stdin:1: … got -1"],
    ['{"text": 1}', [], 'stdin:1: field "text": …'],
    [
      '{"a": "b", "c": 1}',
      [],
      'stdin:1: there is no field "text"; the fields are a, c: choose one with --field',
    ],
    ["{}", ["--field", "__proto__"], 'stdin:1: …"__proto__"…--field…'],
  ])("input that is not JSONL of sequences is an error, %#", (input, args, message) => {
    const { status, stderr } = run(["--json", "--format", "jsonl", ...args], input);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(1);
  });
});

describe("CSV", () => {
  it("a column by --field, text, or the only one; quotes, newlines inside, a byte order mark", async () => {
    const wanted = await scores(["abba", 'c "a" d', "bad"]);
    const logProbs = wanted.map(({ logProb }) => logProb);
    const logProbsOf = (input: string, ...args: string[]) =>
      objects(run(["--json", "--format", "csv", ...args], input).stdout).map(
        (each) => each.logProb,
      );
    expect(logProbsOf('id,text\n1,abba\n2,"c ""a"" d"\n\n3,bad\n')).toEqual(logProbs);
    expect(logProbsOf('\ufeffbody\r\nabba\r\n"c ""a"" d"\r\nbad\r\n')).toEqual(logProbs);
    expect(logProbsOf('b,a\nx,abba\n"y\nz","c ""a"" d"\n,bad', "--field", "a")).toEqual(logProbs);
  });

  it("an error names the line of the file", () => {
    const input = 'text\n"ab"\n"a b",\n';
    const { stderr } = run(["--json", "--format", "csv"], input);
    const expected = "expected 1 field, as many as the first line has, got 2";
    expect(stderr).toBe(`recurra: stdin:3: ${expected}\n`);
  });

  it("a quote inside a field is text", async () => {
    const [wanted] = await scores(['ab "c']);
    const { status, stdout } = run(["--json", "--format", "csv"], 'text\nab "c\n');
    expect(status).toBe(0);
    expect(objects(stdout)[0].logProb).toBe(wanted?.logProb);
  });

  it("a record of several lines has the number of its first", () => {
    const input = 'id,text\n1,"a\nb"\n\n"2\n\n2",a\n3,b\n';
    const { stdout } = run(["--json", "--format", "csv", "--unknown", "a"], input);
    expect(objects(stdout).map(({ line }) => line)).toEqual([2, 5, 8]);
  });

  it("by the file's name", async () => {
    writeFileSync(join(folder, "rows.CSV"), "text\nabba\n");
    const [wanted] = await scores(["abba"]);
    expect(objects(run(["rows.CSV", "--json"]).stdout)[0].logProb).toBe(wanted?.logProb);
  });

  it.each([
    [
      "a,b\n1,2\n",
      [],
      'stdin:1: there is no column "text"; the columns are a, b: choose one with --field',
    ],
    ["a\n1\n", ["--field", "c"], 'stdin:1: …"c"…--field…'],
    ['text\n"ab', [], "stdin:2: the record that begins here has a quote that is never closed"],
  ])("input that is not such a CSV file is an error, %#", (input, args, message) => {
    const { status, stderr } = run(["--json", "--format", "csv", ...args], input);
    expect(stderr).toMatch(saying(`recurra: ${message}\n`));
    expect(status).toBe(1);
  });
});

describe("--on-error", () => {
  const lines = ["abba", "a?", "cab", "??", "bad", "?"].join("\n");
  const UNKNOWN =
    "is not in the model's vocabulary: map such characters to a token with --unknown TOKEN";
  const errorOf = (line: number, place: number) =>
    `stdin:${line}: "?" (U+003F), character ${place} of the text, ${UNKNOWN}`;

  it("skip omits such lines, and stderr says how many", async () => {
    const all = await scores(["abba", "cab", "bad"]);
    const { status, stdout, stderr } = run(["--json", "--on-error", "skip"], lines);
    expect([status, stderr]).toEqual([0, "recurra: 3 of 6 lines could not be scored\n"]);
    expect(objects(stdout)).toEqual(all.map((score, i) => lineOf(score, 2 * i + 1)));
  });

  it("report prints the error in the place of the score", async () => {
    const all = await scores(["abba", "cab", "bad"]);
    const { status, stdout, stderr } = run(["--json", "--on-error", "report"], lines);
    expect([status, stderr]).toEqual([0, "recurra: 3 of 6 lines could not be scored\n"]);
    expect(objects(stdout)).toEqual([
      lineOf(all[0] as Score, 1),
      { line: 2, error: errorOf(2, 2) },
      lineOf(all[1] as Score, 3),
      { line: 4, error: errorOf(4, 1) },
      lineOf(all[2] as Score, 5),
      { line: 6, error: errorOf(6, 1) },
    ]);
  });

  it("report in a table: dashes and the error; the total counts the others", () => {
    const { status, stdout } = run(["--on-error", "report"], "ab\na?\n");
    const rows = stdout.split("\n");
    expect(status).toBe(0);
    expect(rows[2]).toBe(`             –           –          –        –  error: ${errorOf(2, 2)}`);
    expect(rows[3]).toMatch(/ total: 1 line$/);
  });

  it("fail, the default, ends with the first of them", () => {
    for (const args of [[], ["--on-error", "fail"]]) {
      const { status, stdout, stderr } = run(["--json", ...args], lines);
      expect([status, stderr]).toEqual([1, `recurra: ${errorOf(2, 2)}\n`]);
      expect(objects(stdout).map(({ line }) => line)).toEqual([1]);
    }
  });

  it.each([
    ["text", [Buffer.from("ab\n"), Buffer.of(0xff), Buffer.from("\nab")], [2]],
    ["jsonl", '"ab"\n{\n[9]\n{"id": 1}\n"ab"', [2, 3, 4]],
    ["csv", 'text\nab\n"a\n?"\nab,ab\nab\n', [3, 5]],
  ] as const)("%s: an error in a line affects that line alone", (format, input, wrong) => {
    const bytes = typeof input === "string" ? input : Buffer.concat(input);
    const args = ["--json", "--format", format, "--on-error", "report"];
    const found = objects(run(args, bytes).stdout);
    expect(found.filter(({ error }) => error !== undefined).map(({ line }) => line)).toEqual(wrong);
    expect(found.filter(({ tokens }) => tokens === 1)).toHaveLength(2);
  });

  it("an error of the whole file ends the run all the same", () => {
    const args = ["--json", "--format", "csv", "--on-error", "skip"];
    expect(run(args, "a,b\n1,2\n").status).toBe(1);
    const unclosed = run(args, 'text\nab\n"a');
    expect([unclosed.status, objects(unclosed.stdout).length]).toEqual([1, 1]);
    expect(run(args, Uint8Array.of(97, 10, 0xff, 10)).status).toBe(1);
  });
});
