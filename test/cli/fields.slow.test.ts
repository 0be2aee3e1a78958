import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rawFields } from "../../src/cli/json_fields.js";
import { modelFolder, preloaded, recurra, scores } from "../support/command.js";

const folder = modelFolder();
const MODEL = ["--model", "tied.safetensors", "--vocabulary", "vocabulary.json"];
const run = (args: string[], input: string | Uint8Array) =>
  recurra(["score", "--json", ...args, ...MODEL], input, folder);
const linesOf = (stdout: string) => stdout.split("\n").slice(0, -1);

describe("the fields of a JSON object as they stand in its text", () => {
  it("any object: every field once, with the value that JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(4), (object, space) => {
        const text = JSON.stringify(object, null, space);
        const fields = rawFields(text);
        expect([...fields.keys()]).toEqual(Object.keys(JSON.parse(text)));
        for (const [name, raw] of fields) expect(JSON.parse(raw)).toEqual(JSON.parse(text)[name]);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("a number keeps its digits, a string its escapes; the last of two counts", () => {
    const text = ' {"a" : 12345678901234567890.10 ,"b":"\\u0041\\"}","a\\n":[{"a":1}], "b" : -0}';
    expect([...rawFields(text)]).toEqual([
      ["a", "12345678901234567890.10"],
      ["b", "-0"],
      ["a\n", '[{"a":1}]'],
    ]);
    expect([...rawFields("{}")]).toEqual([]);
  });
});

describe("--with", () => {
  it("JSONL: values as they stand, in the order asked for; null where a line has none", async () => {
    const [abba, cab] = await scores(["abba", "cab"]);
    const input = [
      '{"text":"abba","id":12345678901234567890,"tags":{"a":[1, 2.50]},"line_number":7}',
      '"cab"',
      '{"id":3,"text":"cab","x":1}',
    ].join("\n");
    const { status, stdout } = run(["--format", "jsonl", "--with", "tags,id"], input);
    const rest = (score: typeof abba) => {
      const { logProb, perplexity, bitsPerToken, tokens } = score as NonNullable<typeof score>;
      return JSON.stringify({ logProb, perplexity, bitsPerToken, tokens }).slice(1);
    };
    expect(status).toBe(0);
    expect(linesOf(stdout)).toEqual([
      `{"line":1,"tags":{"a":[1, 2.50]},"id":12345678901234567890,${rest(abba)}`,
      `{"line":2,"tags":null,"id":null,${rest(cab)}`,
      `{"line":3,"tags":null,"id":3,${rest(cab)}`,
    ]);
  });

  it("CSV: columns as texts, also of several lines", async () => {
    const [abba] = await scores(["abba"]);
    const input = 'id,text,note\n007,abba,"a ""b""\nc"\n';
    const { stdout } = run(["--format", "csv", "--with", "note,id"], input);
    const { tokenLogProbs: _, ...numbers } = abba as NonNullable<typeof abba>;
    expect(JSON.parse(stdout)).toEqual({ line: 2, note: 'a "b"\nc', id: "007", ...numbers });
    const wrong = run(["--format", "csv", "--with", "nothing"], input);
    expect([wrong.status, wrong.stderr]).toEqual([
      1,
      'recurra: stdin:1: there is no column "nothing"; the columns are id, text, note: choose one with --with\n',
    ]);
  });

  it("a line that cannot be scored has its fields, too, if they can be read", () => {
    const args = ["--on-error", "report", "--with", "id"];
    const jsonl = '{"id":1,"text":"?"}\n{"id":2}\n{"id":3\n[9]\n';
    const objects = linesOf(run(["--format", "jsonl", ...args], jsonl).stdout).map((line) =>
      JSON.parse(line),
    );
    expect(objects.map(({ line, id }) => [line, id])).toEqual([
      [1, 1],
      [2, 2],
      [3, null],
      [4, null],
    ]);
    const csv = "id,text\n1,?\n2,ab,ab\n";
    const records = linesOf(run(["--format", "csv", ...args], csv).stdout).map((line) =>
      JSON.parse(line),
    );
    expect(records.map(({ line, id }) => [line, id])).toEqual([
      [2, "1"],
      [3, null],
    ]);
  });
});

describe("a compressed input", () => {
  const text = 'id,text\n1,"ab\nba"\n2,cab\n';
  const args = ["--unknown", "a"];
  const want = run([...args, "--format", "csv"], text);

  it("by its content, whatever its name; the name says the format", () => {
    writeFileSync(join(folder, "lines.csv.gz"), gzipSync(text));
    writeFileSync(join(folder, "plain.csv.gz"), text);
    writeFileSync(join(folder, "zipped.csv"), gzipSync(text));
    for (const name of ["lines.csv.gz", "plain.csv.gz", "zipped.csv"]) {
      expect(run([name, ...args], "")).toEqual(want);
    }
    expect(run([...args, "--format", "csv"], gzipSync(text))).toEqual(want);
  });

  it("of several members, byte by byte", () => {
    const bytes = Buffer.concat([gzipSync(text.slice(0, 9)), gzipSync(text.slice(9))]);
    expect(run([...args, "--format", "csv"], bytes)).toEqual(want);
    writeFileSync(join(folder, "members.csv"), bytes);
    const script = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      const { createReadStream } = fs;
      fs.createReadStream = (path) => createReadStream(path, { highWaterMark: 1 });
      syncBuiltinESMExports();`;
    const all = ["score", "--json", "members.csv", ...args, ...MODEL];
    expect(preloaded(script, all, folder)).toEqual(want);
  });

  it.each([
    ["cut off", gzipSync("abba\n".repeat(100)).subarray(0, -9)],
    ["damaged", Buffer.from("1f8b08000000000000036161616161616161", "hex")],
  ])("that is %s: exit 1, one line", (_, bytes) => {
    const { status, stderr } = run([], bytes);
    expect([status, stderr]).toEqual([
      1,
      "recurra: stdin: its gzip data is damaged or incomplete\n",
    ]);
  });

  it("of one byte, of none, and of text that begins like one: not compressed", () => {
    expect(run([], "a").status).toBe(0);
    expect(run([], "")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(run([], Uint8Array.of(0x1f)).stderr).toMatch(/^recurra: stdin:1: .*U\+001F/);
  });

  it("a thousand times as long as its file: memory does not grow with it", () => {
    const member = gzipSync(`${"x".repeat(999_999)}\n`.repeat(10));
    writeFileSync(join(folder, "bomb.jsonl.gz"), Buffer.concat(Array(60).fill(member)));
    const script = `
      process.on("exit", () => process.stderr.write(String(process.resourceUsage().maxRSS)));`;
    const all = ["score", "bomb.jsonl.gz", "--json", "--on-error", "skip", ...MODEL];
    const { status, stdout, stderr } = preloaded(script, all, folder);
    const [said, kilobytes] = stderr.split("\n");
    expect([status, stdout]).toEqual([0, ""]);
    expect(said).toBe("recurra: 600 of 600 lines could not be scored");
    expect(Number(kilobytes)).toBeLessThan(300_000);
  });
});

describe("progress without a terminal", () => {
  it("a line every ten seconds, with the time left; standard output holds results only", () => {
    // Every look at the clock is a second later.
    const script = "let now = 0; performance.now = () => (now += 1000);";
    writeFileSync(join(folder, "many.txt"), "abcd\n".repeat(300));
    const { stderr, stdout } = preloaded(script, ["score", "many.txt", "--json", ...MODEL], folder);
    const said = linesOf(stderr);
    expect(linesOf(stdout)).toHaveLength(300);
    expect(said.length).toBeGreaterThan(25);
    for (const line of said)
      expect(line).toMatch(/^recurra: \d+ lines · \d+% · (\d+ min )?\d+ s( left)?$/);
  });
});
